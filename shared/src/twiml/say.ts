import { z } from 'zod';
import { whole } from './attributes.ts';
import { childElements, readAttributes, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Say>`: speaks its text to the caller. Answers the call. */
export const sayAttributes = z.object({
  voice: z.string().max(200).optional().describe("a voice of the speech engine (default: the engine's)"),
  language: z.string().max(40).optional().describe('BCP 47 (default en-US)'),
  loop: whole(0, 1000).default(1).describe('times; 0 repeats until the call ends'),
});
export type SayVerb = { readonly verb: 'Say'; readonly text: string } & z.output<typeof sayAttributes>;

/** SSML inside Say. Its text is spoken; the mark-up has no effect yet. */
const SSML = new Set([
  'break',
  'emphasis',
  'lang',
  'p',
  'phoneme',
  'prosody',
  's',
  'say-as',
  'sub',
  'w',
  'amazon:effect',
]);

export function readSay(element: TwimlElement, report: ReportTwimlProblem): SayVerb {
  const visit = (node: TwimlElement): void => {
    for (const child of childElements(node)) {
      if (!SSML.has(child.name)) report(schemaProblem(child, 'not known inside <Say>; its text is spoken'));
      visit(child);
    }
  };
  visit(element);
  return { verb: 'Say', text: textOf(element), ...readAttributes(element, sayAttributes, report) };
}
