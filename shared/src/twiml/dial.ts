import { z } from 'zod';
import { flag, httpMethod, urlReference, whole } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readClient } from './client.ts';
import type { ClientNoun } from './client.ts';
import { readNumber } from './number.ts';
import type { NumberNoun } from './number.ts';
import { readSip } from './sip.ts';
import type { SipNoun } from './sip.ts';

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
  ringTone: z.string().optional(),
  record: z.string().optional(),
  recordingTrack: z.string().optional(),
  trim: z.string().optional(),
  recordingStatusCallback: urlReference.optional(),
  recordingStatusCallbackMethod: httpMethod.optional(),
  recordingStatusCallbackEvent: z.string().optional(),
  referUrl: urlReference.optional(),
  referMethod: httpMethod.optional(),
  events: z.string().optional(),
});
export type DialNoun = ClientNoun | NumberNoun | SipNoun;
export type DialVerb = { readonly verb: 'Dial'; readonly nouns: readonly DialNoun[] } & z.output<typeof dialAttributes>;

/** Most parties one Dial calls; the rest is reported and left out. */
export const MAX_DIAL_NOUNS = 10;

const NOUNS: Readonly<Record<string, (element: TwimlElement, report: ReportTwimlProblem) => DialNoun | undefined>> = {
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
      report(schemaProblem(child, 'is not supported inside <Dial> by this version and was skipped'));
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
