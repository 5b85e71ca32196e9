import { z } from 'zod';
import { flag, httpMethod, urlReference } from './attributes.ts';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Transcription>` in Start and Stop: what the parties of a leg say, in words, while they say it. */
export const transcriptionAttributes = z.object({
  name: z.string().trim().max(200).optional().describe('names it for Stop and in callbacks'),
  track: z
    .enum(['inbound_track', 'outbound_track', 'both_tracks'], 'expected inbound_track, outbound_track or both_tracks')
    .default('both_tracks')
    .describe('what the party says, what it hears, or both'),
  statusCallbackUrl: urlReference.optional().describe('gets the words'),
  statusCallbackMethod: httpMethod.default('POST'),
  inboundTrackLabel: z.string().max(200).optional(),
  outboundTrackLabel: z.string().max(200).optional(),
  partialResults: flag.default(false).describe('what was understood so far is told too, when somebody pauses'),
  languageCode: z.string().trim().max(40).default('en-US'),
  hints: z.string().max(10_000).optional().describe('words and phrases to expect, separated by commas'),
  transcriptionEngine: z.string().optional().describe('has no effect: the recognizer of this server is used'),
  speechModel: z.string().optional().describe('has no effect: the recognizer of this server is used'),
  profanityFilter: flag.default(true).describe('has no effect'),
  enableAutomaticPunctuation: flag.default(true).describe('has no effect'),
  enableProviderData: flag.default(false).describe('has no effect'),
  intelligenceService: z.string().optional().describe('has no effect'),
});
export type TranscriptionNoun = z.output<typeof transcriptionAttributes>;

export function readTranscription(element: TwimlElement, report: ReportTwimlProblem): TranscriptionNoun {
  reportStrangers(element, ['Config', 'Parameter'], report);
  return readAttributes(element, transcriptionAttributes, report);
}
