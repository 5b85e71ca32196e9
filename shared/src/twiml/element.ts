import type { z } from 'zod';
import { ATTRIBUTE_CODES, TWIML_CODES } from './codes.ts';

/** One element of a TwiML document, as parsed: names and values untouched, comments dropped. */
export interface TwimlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (TwimlElement | string)[];
  /** Line of the start tag, from 1. */
  readonly line: number;
  /** Where it stands in a document without lines. */
  readonly place?: string;
}

/** Something in a document that was ignored or replaced by its default; the call goes on. */
export interface TwimlProblem {
  /** 12200 unless the verb has a code of its own (13xxx). */
  readonly code: number;
  readonly message: string;
}
export type ReportTwimlProblem = (problem: TwimlProblem) => void;

/** All text below an element, runs of white space collapsed, ends trimmed. */
export function textOf(element: TwimlElement): string {
  const gather = (node: TwimlElement | string): string =>
    typeof node === 'string' ? node : node.children.map(gather).join('');
  return gather(element).replace(/\s+/g, ' ').trim();
}

export function childElements(element: TwimlElement): TwimlElement[] {
  return element.children.filter((child) => typeof child !== 'string');
}

/** Text directly inside an element, that of its children left out. */
export function ownTextOf(element: TwimlElement): string {
  return element.children
    .filter((child) => typeof child === 'string')
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/**
 * Reads an element's attributes with a schema of optional or defaulted members. An unknown attribute is reported and
 * ignored, a bad value is reported and replaced by the default: neither ever loses a call.
 */
export function readAttributes<T extends z.ZodObject>(
  element: TwimlElement,
  schema: T,
  report: ReportTwimlProblem,
): z.output<T> {
  const accepted: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(element.attributes)) {
    if (name === 'xmlns' || name.includes(':')) continue;
    const member = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType | undefined) : undefined;
    if (member === undefined) {
      report(schemaProblem(element, `attribute ${name} is not known and was ignored`));
      continue;
    }
    const result = member.safeParse(value);
    if (result.success) accepted[name] = value;
    else {
      const why = result.error.issues[0]?.message ?? 'not valid';
      const what = `attribute ${name}="${value.slice(0, 80)}": ${why}; its default was used in its place`;
      const problem = schemaProblem(element, what);
      report({ ...problem, code: ATTRIBUTE_CODES[`${element.name}.${name}`] ?? problem.code });
    }
  }
  return schema.parse(accepted);
}

/** Reports every child element that is not in `allowed`. */
export function reportStrangers(element: TwimlElement, allowed: readonly string[], report: ReportTwimlProblem): void {
  for (const child of childElements(element)) {
    if (!allowed.includes(child.name)) {
      report(schemaProblem(child, `not known inside <${element.name}> and was ignored`));
    }
  }
}

export function schemaProblem(element: TwimlElement, what: string): TwimlProblem {
  return {
    code: TWIML_CODES.schema,
    message: `<${element.name}> in ${element.place ?? `line ${element.line}`}: ${what}`,
  };
}
