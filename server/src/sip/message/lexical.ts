const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/** A `token` of RFC 3261 section 25.1. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

const UNSAFE = /[\u0000\r\n]/;

/** True for text that would break out of its header line: CR, LF or NUL. */
export function breaksLine(text: string): boolean {
  return UNSAFE.test(text);
}

/** Index of `mark` outside quoted strings and angle brackets, from `from`; -1 when there is none. */
export function indexOutside(text: string, mark: string, from = 0): number {
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
    if (code === 0x22) {
      i = endOfQuoted(text, i);
      if (i < 0) return -1;
    } else if (code === wanted && !inAngle) return i;
    else if (code === 0x3c) inAngle = true;
    else if (code === 0x3e) inAngle = false;
  }
  return -1;
}

/** Index of the closing quote of the quoted string that opens at `open`; -1 when it never closes. */
export function endOfQuoted(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i;
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
  for (;;) {
    const comma = indexOutside(text, ',', start);
    const part = (comma < 0 ? text.slice(start) : text.slice(start, comma)).trim();
    if (part !== '') parts.push(part);
    if (comma < 0) return parts;
    start = comma + 1;
  }
}

/** The content of a quoted string, escapes undone; other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  const inner = text.slice(1, -1);
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

/**
 * Reads `;name=value;name` from `text` at `from`, which may point at the semicolon or before white space. Lenient:
 * empty parameters are skipped. Undefined when a name is not a token or a quoted string stays open.
 */
export function parseParams(text: string, from = 0): Params | undefined {
  if (from >= text.length) return NO_PARAMS;
  const params = new Map<string, string | undefined>();
  let at = text.indexOf(';', from);
  if (text.slice(from, at < 0 ? undefined : at).trim() !== '') return undefined;
  while (at >= 0 && params.size < MAX_PARAMS) {
    const next = indexOutside(text, ';', at + 1);
    const piece = text.slice(at + 1, next < 0 ? undefined : next).trim();
    at = next;
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = (equals < 0 ? piece : piece.slice(0, equals).trimEnd()).toLowerCase();
    if (!isToken(name)) return undefined;
    const value = equals < 0 ? undefined : piece.slice(equals + 1).trimStart();
    if (value?.startsWith('"') && endOfQuoted(value, 0) !== value.length - 1) return undefined;
    if (!params.has(name)) params.set(name, value);
  }
  return params;
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
