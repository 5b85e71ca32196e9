import { z } from 'zod';
import { flag, httpMethod, secondsOrAuto, urlReference, whole, wordList } from './attributes.ts';
import { TWIML_CODES } from './codes.ts';
import { childElements, readAttributes, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readPause } from './pause.ts';
import type { PauseVerb } from './pause.ts';
import { readPlay } from './play.ts';
import type { PlayVerb } from './play.ts';
import { readSay } from './say.ts';
import type { SayVerb } from './say.ts';

/** `<Gather>`: collects keys or speech while it plays what is nested in it. Answers the call. */
export const gatherAttributes = z.object({
  action: urlReference.optional().describe("gets what was collected (default: the document's own address)"),
  method: httpMethod.default('POST'),
  input: wordList(['dtmf', 'speech']).default(['dtmf']),
  timeout: whole(0, 3600)
    .default(5)
    .describe('seconds without a key, or before speech begins; from the end of the nested prompts'),
  numDigits: whole(1, 1000).optional().describe('ends with this many keys'),
  finishOnKey: z
    .string()
    .trim()
    .regex(/^[0-9#*]?$/, 'expected one of 0-9 # *, or nothing')
    .default('#')
    .describe('ends when it follows at least one other key; empty: no key does'),
  actionOnEmptyResult: flag.default(false).describe('the action is asked when nothing was collected too'),
  bargeIn: flag.default(true).describe('keys and speech stop the nested prompts'),
  speechTimeout: secondsOrAuto(3600).optional().describe('seconds of silence that end speech (default: timeout)'),
  maxSpeechTime: whole(1, 60).default(60).describe('seconds that speech may last'),
  language: z.string().trim().max(40).default('en-US'),
  hints: z.string().max(10_000).optional().describe('words and phrases to expect, separated by commas'),
  profanityFilter: flag.default(true).describe('has no effect'),
  speechModel: z.string().optional().describe('has no effect: the recognizer of this server is used'),
  enhanced: flag.optional().describe('has no effect'),
  partialResultCallback: urlReference.optional().describe('told what was understood so far'),
  partialResultCallbackMethod: httpMethod.default('POST'),
  debug: flag.optional().describe('has no effect'),
});

/** What may be nested in Gather. */
export type PromptVerb = SayVerb | PlayVerb | PauseVerb;
export type GatherVerb = { readonly verb: 'Gather'; readonly prompts: readonly PromptVerb[] } & z.output<
  typeof gatherAttributes
>;

const PROMPTS: Readonly<Record<string, (element: TwimlElement, report: ReportTwimlProblem) => PromptVerb | undefined>> =
  { Pause: readPause, Play: readPlay, Say: readSay };

export function readGather(element: TwimlElement, report: ReportTwimlProblem): GatherVerb {
  const prompts: PromptVerb[] = [];
  for (const child of childElements(element)) {
    const read = Object.hasOwn(PROMPTS, child.name) ? PROMPTS[child.name] : undefined;
    if (read === undefined) {
      report({
        ...schemaProblem(child, 'cannot be nested in <Gather> and was skipped'),
        code: TWIML_CODES.gatherNesting,
      });
      continue;
    }
    const prompt = read(child, report);
    if (prompt !== undefined) prompts.push(prompt);
  }
  return { verb: 'Gather', prompts, ...readAttributes(element, gatherAttributes, report) };
}
