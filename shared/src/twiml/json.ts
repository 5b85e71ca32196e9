import { z } from 'zod';
import { connectAttributes } from './connect.ts';
import { dialAttributes } from './dial.ts';
import { echoAttributes } from './echo.ts';
import type { TwimlElement } from './element.ts';
import { enqueueAttributes } from './enqueue.ts';
import { gatherAttributes } from './gather.ts';
import { hangupAttributes } from './hangup.ts';
import { leaveAttributes } from './leave.ts';
import { pauseAttributes } from './pause.ts';
import { playAttributes } from './play.ts';
import { recordAttributes } from './record.ts';
import { redirectAttributes } from './redirect.ts';
import { referAttributes } from './refer.ts';
import { rejectAttributes } from './reject.ts';
import { sayAttributes } from './say.ts';
import { startAttributes } from './start.ts';
import { stopAttributes } from './stop.ts';

/** Bounds of one document, as of a TwiML one; beyond them it is refused. Characters, levels, counts. */
export const INSTRUCTION_LIMITS = { length: 65_536, depth: 16, elements: 1000, attributes: 64 } as const;

const value = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.string()).max(64)])
  .describe('as the attribute of the same name; a list stands for its words, separated by blanks');
const noun = z
  .object({
    noun: z.string().describe('number, client, sip, conference, queue, stream, parameter ...'),
    text: z.string().optional(),
    children: z.array(z.unknown()).optional().describe('nouns inside, and text as strings'),
  })
  .catchall(value);

/** Attributes of each verb: the same as in TwiML. */
const VERB_ATTRIBUTES = {
  connect: connectAttributes,
  dial: dialAttributes,
  echo: echoAttributes,
  enqueue: enqueueAttributes,
  gather: gatherAttributes,
  hangup: hangupAttributes,
  leave: leaveAttributes,
  pause: pauseAttributes,
  play: playAttributes,
  record: recordAttributes,
  redirect: redirectAttributes,
  refer: referAttributes,
  reject: rejectAttributes,
  say: sayAttributes,
  start: startAttributes,
  stop: stopAttributes,
} as const;

function verbSchema(verb: string, attributes: z.ZodObject): z.ZodObject {
  const shape = Object.fromEntries(Object.keys(attributes.shape).map((name) => [name, value.optional()]));
  return z.object({
    verb: z.literal(verb),
    text: z.string().optional().describe('what stands between the tags in TwiML: text to say, address, number'),
    children: z
      .array(z.union([z.string(), noun, z.looseObject({ verb: z.string() })]))
      .optional()
      .describe('nouns and verbs inside'),
    ...shape,
  });
}

const verbs = Object.entries(VERB_ATTRIBUTES).map(([verb, attributes]) => verbSchema(verb, attributes));
const list = z.array(z.union(verbs)).max(INSTRUCTION_LIMITS.elements);

/** A JSON instruction document as it should be written; {@link jsonResponse} reads more leniently, as TwiML is read. */
export const instructionsSchema = z.union([list, z.object({ instructions: list })]).meta({
  title: 'Instructions',
  description: 'What an application answers in JSON: the verbs of TwiML, run one after another',
});

export type JsonResponse =
  | { readonly ok: true; readonly root: TwimlElement }
  | { readonly ok: false; readonly tooLarge: boolean; readonly message: string };

class Refusal extends Error {}

interface Reading {
  elements: number;
}

/**
 * A JSON document as the elements that the same TwiML document has, so that both are read by the same readers, with the
 * same defaults, limits and warnings. Pure.
 */
export function jsonResponse(text: string): JsonResponse {
  if (text.length > INSTRUCTION_LIMITS.length) {
    return { ok: false, tooLarge: true, message: `longer than ${INSTRUCTION_LIMITS.length} characters` };
  }
  try {
    const document = JSON.parse(text) as unknown;
    const instructions = isRecord(document) ? document['instructions'] : document;
    if (!Array.isArray(instructions)) {
      throw new Refusal('expected a list of instructions, or {"instructions": [...]}');
    }
    const children = childrenOf(instructions, { parent: undefined, depth: 2, reading: { elements: 1 } });
    return { ok: true, root: { name: 'Response', attributes: {}, children, line: 1 } };
  } catch (error) {
    return { ok: false, tooLarge: false, message: error instanceof Error ? error.message : 'not JSON' };
  }
}

interface Place {
  /** Name of the element around; undefined: the document. */
  readonly parent: string | undefined;
  readonly depth: number;
  readonly reading: Reading;
}

function childrenOf(items: readonly unknown[], place: Place): (TwimlElement | string)[] {
  return items.map((item) => (typeof item === 'string' ? item : elementOf(item, place)));
}

const RESERVED = new Set(['verb', 'noun', 'text', 'children']);

function elementOf(item: unknown, { parent, depth, reading }: Place): TwimlElement {
  reading.elements += 1;
  const number = reading.elements - 1;
  const refuse = (message: string): never => {
    throw new Refusal(`instruction ${number}: ${message}`);
  };
  if (reading.elements > INSTRUCTION_LIMITS.elements) refuse(`more than ${INSTRUCTION_LIMITS.elements} of them`);
  if (depth > INSTRUCTION_LIMITS.depth) refuse(`nested deeper than ${INSTRUCTION_LIMITS.depth} levels`);
  if (!isRecord(item)) return refuse('expected an object with "verb", or "noun" inside another');
  const { text, children = [] } = item;
  const given = item['verb'] ?? item['noun'];
  if (typeof given !== 'string' || !/^[A-Za-z][A-Za-z0-9:-]{0,63}$/.test(given)) {
    return refuse('has no "verb", and no "noun"');
  }
  if (text !== undefined && typeof text !== 'string') return refuse('"text" is not a string');
  if (!Array.isArray(children)) return refuse('"children" is not a list');
  const name = elementName(given, parent);
  const attributes: Record<string, string> = {};
  const entries = Object.entries(item).filter(([key, each]) => !RESERVED.has(key) && each !== null);
  if (entries.length > INSTRUCTION_LIMITS.attributes) {
    return refuse(`more than ${INSTRUCTION_LIMITS.attributes} attributes`);
  }
  for (const [key, each] of entries) attributes[key] = attributeText(each) ?? refuse(`"${key}" is not a plain value`);
  const inside = childrenOf(children, { parent: name, depth: depth + 1, reading });
  return {
    name,
    attributes,
    children: text === undefined ? inside : [text, ...inside],
    line: number,
    place: `instruction ${number}`,
  };
}

/** Elements have capitals, but for mark-up of speech. */
function elementName(given: string, parent: string | undefined): string {
  const isSpeech = parent === 'Say' || (parent !== undefined && /^[a-z]/.test(parent));
  return isSpeech ? given : given.charAt(0).toUpperCase() + given.slice(1);
}

function attributeText(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given === 'number' || typeof given === 'boolean') return String(given);
  return Array.isArray(given) && given.every((word) => typeof word === 'string') ? given.join(' ') : undefined;
}

function isRecord(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}
