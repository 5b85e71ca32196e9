import { z } from 'zod';
import { flag, httpMethod, urlReference, whole } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readApplication } from './application.ts';
import type { ApplicationNoun } from './application.ts';
import { readClient } from './client.ts';
import type { ClientNoun } from './client.ts';
import { readNumber } from './number.ts';
import type { NumberNoun } from './number.ts';
import { readSip } from './sip.ts';
import type { SipNoun } from './sip.ts';
import { recordingCallbackAttributes, recordingTrack, trimming } from './recording.ts';
import { TWIML_CODES } from './codes.ts';

/** `true` is `record-from-answer`. */
const DIAL_RECORD_MODES = [
  'do-not-record',
  'record-from-answer',
  'record-from-ringing',
  'record-from-answer-dual',
  'record-from-ringing-dual',
  'true',
  'false',
] as const;

/** `<Dial>`: connects the caller with somebody else. Answers the call at once unless `answerOnBridge`. */
export const dialAttributes = z.object({
  action: urlReference.optional().describe('asked for instructions when the dialled call is over'),
  method: httpMethod.default('POST'),
  timeout: whole(1, 600).default(30).describe('seconds of ringing before the outcome is no-answer'),
  timeLimit: whole(1, 86_400).default(14_400).describe('seconds that the parties may talk'),
  callerId: z.string().trim().max(256).optional().describe("shown to the callee (default: the caller's)"),
  hangupOnStar: flag.default(false).describe('the caller ends the dialled call with *'),
  answerOnBridge: flag.default(false).describe('the caller hears ringing until somebody answers'),
  sequential: flag.default(false).describe('one after another in document order, in place of all at once'),
  ringTone: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^[a-z]{2}(-old)?$/, 'expected a country such as us, uk or de')
    .optional()
    .describe('country of the ringing tone that an answered caller hears (default us)'),
  record: z
    .enum(DIAL_RECORD_MODES, `expected one of ${DIAL_RECORD_MODES.join(', ')}`)
    .default('do-not-record')
    .describe('from-ringing records an answered caller from the first ring on; dual: each party on a channel'),
  recordingTrack: recordingTrack.default('both').describe('inbound: what the caller says, outbound: what it hears'),
  trim: trimming.default('do-not-trim'),
  ...recordingCallbackAttributes,
  referUrl: urlReference.optional(),
  referMethod: httpMethod.optional(),
  passports: z.string().optional().describe('has no effect'),
  recordingConfigurationId: z.string().optional().describe('has no effect'),
  events: z.string().optional().describe('has no effect: every step is an event of the call'),
});
export type DialNoun = ApplicationNoun | ClientNoun | NumberNoun | SipNoun;
export type DialVerb = { readonly verb: 'Dial'; readonly nouns: readonly DialNoun[] } & z.output<typeof dialAttributes>;

/** Most parties one Dial calls; the rest is reported and left out. */
export const MAX_DIAL_NOUNS = 10;

const NOUNS: Readonly<Record<string, (element: TwimlElement, report: ReportTwimlProblem) => DialNoun | undefined>> = {
  Application: readApplication,
  Client: readClient,
  Number: readNumber,
  Sip: readSip,
};

export function readDial(element: TwimlElement, report: ReportTwimlProblem): DialVerb {
  const nouns: DialNoun[] = [];
  const text = ownTextOf(element);
  if (text !== '') {
    const bare = readNumber({ name: 'Number', attributes: {}, children: [text], line: element.line }, report);
    if (bare !== undefined) nouns.push(bare);
  }
  for (const child of childElements(element)) {
    const read = Object.hasOwn(NOUNS, child.name) ? NOUNS[child.name] : undefined;
    if (read === undefined) {
      const problem = schemaProblem(child, 'is not supported inside <Dial> by this version and was skipped');
      report({ ...problem, code: TWIML_CODES.dialNesting });
      continue;
    }
    const noun = read(child, report);
    if (noun !== undefined) nouns.push(noun);
  }
  if (nouns.length > MAX_DIAL_NOUNS) {
    report(schemaProblem(element, `at most ${MAX_DIAL_NOUNS} parties are called; the rest was left out`));
  }
  return {
    verb: 'Dial',
    nouns: nouns.slice(0, MAX_DIAL_NOUNS),
    ...readAttributes(element, dialAttributes, report),
  };
}
