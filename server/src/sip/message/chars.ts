/**
 * Classes of characters and words, made for reading text in place. Two tricks carry the speed of the parser, and both
 * are in here: a character is judged by one look into a table instead of by a regular expression, and a well-known word
 * (a header name, a parameter name) is recognised where it stands and replaced by one shared lower-case string, so that
 * it is neither cut out nor lowered nor hashed again.
 */

/** Characters of a `token` (RFC 3261 section 25.1). */
export const TOKEN = 1;
/** Characters of a host name or an IPv4 address; the underscore is lenient. */
export const HOST = 2;
export const DIGIT = 4;

const CLASS = new Uint8Array(128);
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function mark(characters: string, bit: number): void {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    CLASS[code] = (CLASS[code] ?? 0) | bit;
  }
}

mark(`${LETTERS}0123456789-.!%*_+\`'~`, TOKEN);
mark(`${LETTERS}0123456789-._`, HOST);
mark('0123456789', DIGIT);

/** True when the character code is of the class; false for anything beyond ASCII. */
function isOf(code: number, bit: number): boolean {
  return code < 128 && ((CLASS[code] ?? 0) & bit) !== 0;
}

/** Index of the first character at or after `from` that is not of the class; `to` when all are. */
export function endOf(text: string, bit: number, from: number, to = text.length): number {
  let at = from;
  while (at < to && isOf(text.charCodeAt(at), bit)) at++;
  return at;
}

/**
 * The number that stands at `from` to `to`, in one to `most` digits; -1 when anything else stands there. `most` is at
 * most 15, so that every number is exact.
 */
export function digitsAt(text: string, from: number, to: number, most: number): number {
  if (from >= to || to - from > most) return -1;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Space or tab: what is left of white space once folding is undone. */
export function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Index of the first character at or after `from` that is not blank; `to` when all are. */
export function skipBlank(text: string, from: number, to = text.length): number {
  let at = from;
  while (at < to && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** `text` between the two indexes without blanks at its ends. */
export function sliceTrimmed(text: string, from: number, to: number): string {
  const start = skipBlank(text, from, to);
  let end = to;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

interface Word {
  readonly lower: string;
  readonly meaning: string;
}

/** Words known beforehand, found in place and in any case by their length and first letter. */
export class WordTable {
  readonly #shapes: Word[][] = [];

  /** @param words what a word in lower case stands for: itself, or its long form */
  constructor(words: Iterable<readonly [lower: string, meaning: string]>) {
    for (const [lower, meaning] of words) {
      const shape = shapeOf(lower.length, lower.charCodeAt(0));
      for (let at = this.#shapes.length; at <= shape; at++) this.#shapes.push([]);
      this.#shapes[shape]?.push({ lower, meaning });
    }
  }

  /** What the word at `from` to `to` stands for; undefined when it is none of ours. */
  find(text: string, from: number, to: number): string | undefined {
    const candidates = this.#shapes[shapeOf(to - from, text.charCodeAt(from))];
    if (candidates === undefined) return undefined;
    for (const { lower, meaning } of candidates) if (equalsLower(text, from, lower)) return meaning;
    return undefined;
  }
}

/** Upper and lower case of a letter give the same five bits. */
function shapeOf(length: number, first: number): number {
  return length * 32 + (first & 31);
}

/** Is what stands at `from` the word `lower` in any case? */
function equalsLower(text: string, from: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const wanted = lower.charCodeAt(i);
    const code = text.charCodeAt(from + i);
    // Only letters have two cases: 97 to 122.
    if (code !== wanted && (wanted < 97 || wanted > 122 || code !== wanted - 32)) return false;
  }
  return true;
}
