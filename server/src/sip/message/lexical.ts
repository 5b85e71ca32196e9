import { TOKEN, WordTable, endOf, skipBlank, sliceTrimmed } from './chars.ts';

/** A `token` of RFC 3261 section 25.1. */
export function isToken(text: string): boolean {
  return text !== '' && endOf(text, TOKEN, 0) === text.length;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const OPEN = 0x3c;
const EQUALS = 0x3d;
const CLOSE = 0x3e;

const UNSAFE = /[\u0000\r\n]/;

/** True for text that would break out of its header line: CR, LF or NUL. */
export function breaksLine(text: string): boolean {
  return UNSAFE.test(text);
}

/** Index of `mark` outside quoted strings and angle brackets, from `from`; -1 when there is none. */
function indexOutside(text: string, mark: string, from = 0): number {
  const first = text.indexOf(mark, from);
  if (first < 0) return -1;
  // Most values hold neither quotes nor brackets before the mark: then the plain search was right.
  const quote = text.indexOf('"', from);
  const bracket = text.indexOf('<', from);
  if ((quote < 0 || quote > first) && (bracket < 0 || bracket > first)) return first;
  return scanOutside(text, mark, from);
}

function scanOutside(text: string, mark: string, from: number): number {
  const wanted = mark.charCodeAt(0);
  let inAngle = false;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfQuoted(text, i);
      if (i < 0) return -1;
    } else if (code === wanted && !inAngle) return i;
    else if (code === OPEN) inAngle = true;
    else if (code === CLOSE) inAngle = false;
  }
  return -1;
}

/** Index of the closing quote of the quoted string that opens at `open`; -1 when it never closes. */
export function endOfQuoted(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === QUOTE) return i;
  }
  return -1;
}

/** The parts of a comma list, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  if (!text.includes(',')) {
    const only = text.trim();
    return only === '' ? [] : [only];
  }
  const parts: string[] = [];
  let start = 0;
  let inAngle = false;
  // One pass whatever the text holds: lists are what a flood of commas would aim at.
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfQuoted(text, i);
      if (i < 0) break;
    } else if (code === OPEN) inAngle = true;
    else if (code === CLOSE) inAngle = false;
    else if (code === COMMA && !inAngle) {
      addPart(parts, text, start, i);
      start = i + 1;
    }
  }
  addPart(parts, text, start, text.length);
  return parts;
}

function addPart(parts: string[], text: string, from: number, to: number): void {
  const part = sliceTrimmed(text, from, to);
  if (part !== '') parts.push(part);
}

/** The first part of a comma list; empty ones are passed over, undefined when there is nothing else. */
export function firstOfList(text: string): string | undefined {
  return splitList(text)[0];
}

/** The content of a quoted string, escapes undone; other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return unescapeQuoted(text.slice(1, -1));
}

/** What stands between the quotes, escapes undone. */
export function unescapeQuoted(inner: string): string {
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner;
}

/** `text` as a quoted string. Line breaks become spaces: they cannot be quoted. */
export function quote(text: string): string {
  return `"${text.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Header or URI parameters: names in lower case, values as written (quotes included), undefined for a name alone.
 * Where a name comes twice the first one counts.
 */
export type Params = ReadonlyMap<string, string | undefined>;

export const NO_PARAMS: Params = new Map();

/** Most parameters read of one value; what is beyond is ignored. */
const MAX_PARAMS = 64;

const KNOWN_PARAMS = new WordTable(
  [
    'branch',
    'rport',
    'received',
    'maddr',
    'ttl',
    'tag',
    'lr',
    'transport',
    'user',
    'method',
    'expires',
    'q',
    'cause',
    'text',
    'refresher',
  ].map((name): [string, string] => [name, name]),
);

/**
 * Reads `;name=value;name` from `text` at `from`, which may point at the semicolon or before blanks. Undefined when a
 * name is not a token or a quoted string stays open. Empty parameters are passed over, unless `strict`.
 */
export function parseParams(text: string, from = 0, strict = false): Params | undefined {
  let at = skipBlank(text, from);
  if (at >= text.length) return NO_PARAMS;
  const params = new Map<string, string | undefined>();
  while (at < text.length && params.size < MAX_PARAMS) {
    if (text.charCodeAt(at) !== SEMICOLON) return undefined;
    const start = skipBlank(text, at + 1);
    const end = endOf(text, TOKEN, start);
    at = skipBlank(text, end);
    const code = text.charCodeAt(at);
    if (start === end) {
      // Neither name nor value: `;;`, or a semicolon at the very end.
      if (strict || (at < text.length && code !== SEMICOLON)) return undefined;
      continue;
    }
    const name = KNOWN_PARAMS.find(text, start, end) ?? text.slice(start, end).toLowerCase();
    let value: string | undefined;
    if (code === EQUALS) {
      const valueEnd = endOfValue(text, at + 1);
      value = sliceTrimmed(text, at + 1, valueEnd);
      if (value.startsWith('"') && endOfQuoted(value, 0) !== value.length - 1) return undefined;
      at = valueEnd;
    }
    if (!params.has(name)) params.set(name, value);
  }
  return params;
}

/** Index of the semicolon that ends the parameter value at `from`, or the end of the text. */
function endOfValue(text: string, from: number): number {
  const end = indexOutside(text, ';', from);
  return end < 0 ? text.length : end;
}

/** `;name=value` for each parameter. */
export function formatParams(params: Params): string {
  let text = '';
  for (const [name, value] of params) text += value === undefined ? `;${name}` : `;${name}=${value}`;
  return text;
}

/** A copy with `name` set (undefined value: the name alone). */
export function withParam(params: Params, name: string, value: string | undefined): Params {
  return new Map(params).set(name, value);
}
