import { z } from 'zod';
import { flag, httpMethod, urlReference, whole } from './attributes.ts';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { recordingCallbackAttributes, trimming } from './recording.ts';

/** `<Record>`: records what the caller says. Answers the call. */
export const recordAttributes = z.object({
  action: urlReference.optional().describe("told of the recording (default: the document's own address)"),
  method: httpMethod.default('POST'),
  timeout: whole(0, 3600).default(5).describe('seconds of silence that end the recording; 0: silence does not'),
  finishOnKey: z
    .string()
    .trim()
    .regex(/^[0-9#*]*$/, 'expected keys from 0-9 # *, or nothing')
    .default('1234567890*#')
    .describe('any of these keys ends the recording; empty: none does'),
  maxLength: whole(1, 86_400).default(3600).describe('seconds'),
  playBeep: flag.default(true).describe('a tone before the recording begins'),
  trim: trimming.default('trim-silence').describe('silence at the beginning and the end is left out'),
  ...recordingCallbackAttributes,
  transcribe: flag.default(false).describe('the recording is written down (weak: see transcribeCallback)'),
  transcribeCallback: urlReference
    .optional()
    .describe('gets the text, as well as the recognizer of this server can tell it'),
  recordingConfigurationId: z.string().optional().describe('has no effect'),
});
export type RecordVerb = { readonly verb: 'Record' } & z.output<typeof recordAttributes>;

export function readRecord(element: TwimlElement, report: ReportTwimlProblem): RecordVerb {
  reportStrangers(element, [], report);
  return { verb: 'Record', ...readAttributes(element, recordAttributes, report) };
}
