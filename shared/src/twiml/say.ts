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
export type SayVerb = {
  readonly verb: 'Say';
  readonly text: string;
  /** The text with its SSML mark-up, as well-formed XML without a root element; undefined when it has none. */
  readonly ssml?: string | undefined;
} & z.output<typeof sayAttributes>;

/** SSML inside Say (W3C Speech Synthesis Markup Language 1.1). What the engine cannot do has no effect; its text is spoken. */
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
  const attributes = readAttributes(element, sayAttributes, report);
  const verb: SayVerb = { verb: 'Say', text: textOf(element), ...attributes };
  const marked = childElements(element).some((child) => SSML.has(child.name));
  return marked ? { ...verb, ssml: element.children.map(markup).join('').trim() } : verb;
}

/** Mark-up of a node, with names that SSML knows and no others. */
function markup(node: TwimlElement | string): string {
  if (typeof node === 'string') return escape(node);
  const inner = node.children.map(markup).join('');
  if (!SSML.has(node.name)) return inner;
  const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${escape(value)}"`);
  return `<${node.name}${attributes.join('')}>${inner}</${node.name}>`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? char);
}
