import { DomainError } from '../../kernel/index.ts';
import { sliceTrimmed } from './chars.ts';
import { breaksLine, firstOfList, isToken, splitList } from './lexical.ts';
import { headerKey, headerTitle, isListHeader } from './names.ts';

/** Why a message could not be built. */
export type SipMessageReason = 'header-injection' | 'bad-name' | 'bad-start-line';

/** Thrown where somebody builds a message out of unusable parts. Never thrown by the parser. */
export class SipMessageError extends DomainError<SipMessageReason> {}

export interface HeaderLine {
  /** Long name in lower case. */
  readonly key: string;
  /** As received, or the usual spelling. */
  readonly name: string;
  /** Folding undone, trimmed. */
  readonly value: string;
}

/**
 * A header line as it was received. Only its key is read at once; name and value are cut out when somebody asks, which
 * for most lines of most messages is never. What is cut out holds no CR, LF or NUL: they become spaces.
 */
export class ReceivedLine implements HeaderLine {
  readonly key: string;
  readonly #line: string;
  readonly #colon: number;

  /** @param line the whole line, folding undone, free of LF */
  constructor(key: string, line: string, colon: number) {
    this.key = key;
    this.#line = line;
    this.#colon = colon;
  }

  get name(): string {
    return sliceTrimmed(this.#line, 0, this.#colon);
  }

  get value(): string {
    return harmless(sliceTrimmed(this.#line, this.#colon + 1, this.#line.length));
  }

  /** The line as it can be written again. */
  get written(): string {
    return harmless(this.#line);
  }

  /** The name is one of those with one letter. */
  get isCompact(): boolean {
    // A colon further behind has a longer name before it, or strange white space.
    return this.#colon < 8 && this.name.length === 1;
  }
}

function harmless(text: string): string {
  return text.includes('\r') || text.includes('\u0000') ? text.replace(/[\r\u0000]/g, ' ').trim() : text;
}

/**
 * The header lines of a message in order, unknown ones included. Values are read by type on demand and kept, so that a
 * message costs only what is looked at. Safe by construction: no value holds CR, LF or NUL.
 */
export class HeaderList {
  #lines: HeaderLine[];
  /** Values read so far: their keys, and themselves. So few that two short arrays beat a map. */
  readonly #typedKeys: string[] = [];
  readonly #typedValues: unknown[] = [];

  /** @param lines trusted to be free of line breaks (the parser's); others go through {@link append} */
  constructor(lines: HeaderLine[] = []) {
    this.#lines = lines;
  }

  get lines(): readonly HeaderLine[] {
    return this.#lines;
  }

  /** The first line of that name as it stands, lists not split. */
  get(name: string): string | undefined {
    return this.#first(headerKey(name));
  }

  #first(key: string): string | undefined {
    for (const line of this.#lines) if (line.key === key) return line.value;
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every value of that name, comma lists split where the header is one (section 7.3.1). */
  all(name: string): string[] {
    const key = headerKey(name);
    const split = isListHeader(key);
    const values: string[] = [];
    for (const line of this.#lines) {
      if (line.key !== key) continue;
      if (split) values.push(...splitList(line.value));
      else values.push(line.value);
    }
    return values;
  }

  /** Number of lines of that name. */
  count(key: string): number {
    let count = 0;
    for (const line of this.#lines) if (line.key === key) count++;
    return count;
  }

  /** The first value of a key read by `parse`, which runs once until a header of that name changes. */
  typed<T>(key: string, parse: (value: string) => T | undefined): T | undefined {
    const at = this.#typedKeys.indexOf(key);
    if (at >= 0) return this.#typedValues[at] as T | undefined;
    let raw = this.#first(key);
    if (raw?.includes(',') === true && isListHeader(key)) raw = firstOfList(raw);
    const value = raw === undefined ? undefined : parse(raw);
    this.#typedKeys.push(key);
    this.#typedValues.push(value);
    return value;
  }

  #forget(key: string): void {
    const at = this.#typedKeys.indexOf(key);
    if (at < 0) return;
    this.#typedKeys.splice(at, 1);
    this.#typedValues.splice(at, 1);
  }

  /** Adds a line at the end. @throws SipMessageError */
  append(name: string, value: string): this {
    return this.#put(line(name, value), this.#lines.length);
  }

  /** Adds a line in front. @throws SipMessageError */
  prepend(name: string, value: string): this {
    return this.#put(line(name, value), 0);
  }

  /** Replaces every line of that name by one, in place of the first. @throws SipMessageError */
  set(name: string, value: string): this {
    const replacement = line(name, value);
    const at = this.#lines.findIndex((existing) => existing.key === replacement.key);
    if (at < 0) return this.append(name, value);
    this.#lines = this.#lines.filter((existing, index) => existing.key !== replacement.key || index === at);
    this.#lines[at] = replacement;
    this.#forget(replacement.key);
    return this;
  }

  /**
   * Replaces the first value of a list header, the other values stay.
   *
   * @param read what {@link typed} would read of it, where that is known already
   * @throws SipMessageError
   */
  setFirst(name: string, value: string, read?: unknown): this {
    const [, ...rest] = splitList(this.get(name) ?? '');
    const replacement = line(name, [value, ...rest].join(', '));
    const at = this.#lines.findIndex((existing) => existing.key === replacement.key);
    if (at < 0) return this.#put(replacement, 0);
    this.#lines[at] = replacement;
    this.#forget(replacement.key);
    if (read !== undefined) {
      this.#typedKeys.push(replacement.key);
      this.#typedValues.push(read);
    }
    return this;
  }

  remove(name: string): this {
    const key = headerKey(name);
    this.#lines = this.#lines.filter((existing) => existing.key !== key);
    this.#forget(key);
    return this;
  }

  #put(added: HeaderLine, at: number): this {
    this.#lines.splice(at, 0, added);
    this.#forget(added.key);
    return this;
  }

  clone(): HeaderList {
    return new HeaderList([...this.#lines]);
  }
}

function line(name: string, value: string): HeaderLine {
  if (!isToken(name)) throw new SipMessageError('bad-name', `header name ${JSON.stringify(name)} is not a token`);
  if (breaksLine(value))
    throw new SipMessageError('header-injection', `the value of ${name} holds CR, LF or NUL: remove it before use`);
  const key = headerKey(name);
  return { key, name: headerTitle(key), value: value.trim() };
}
