import { DomainError } from '../../kernel/index.ts';
import { breaksLine, isToken, splitList } from './lexical.ts';
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
 * The header lines of a message in order, unknown ones included. Values are read by type on demand and kept, so that a
 * message costs only what is looked at. Safe by construction: no value holds CR, LF or NUL.
 */
export class HeaderList {
  #lines: HeaderLine[];
  readonly #typed = new Map<string, unknown>();

  /** @param lines trusted to be free of line breaks (the parser's); others go through {@link append} */
  constructor(lines: HeaderLine[] = []) {
    this.#lines = lines;
  }

  get lines(): readonly HeaderLine[] {
    return this.#lines;
  }

  /** The first line of that name as it stands, lists not split. */
  get(name: string): string | undefined {
    const key = headerKey(name);
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

  /** The first value of a name read by `parse`, which runs once until the headers change. */
  typed<T>(key: string, parse: (value: string) => T | undefined): T | undefined {
    if (this.#typed.has(key)) return this.#typed.get(key) as T | undefined;
    const raw = isListHeader(key) ? this.#firstOfList(key) : this.get(key);
    const value = raw === undefined ? undefined : parse(raw);
    this.#typed.set(key, value);
    return value;
  }

  #firstOfList(key: string): string | undefined {
    const line = this.get(key);
    return line === undefined ? undefined : splitList(line)[0];
  }

  /** Adds a line at the end. @throws SipMessageError */
  append(name: string, value: string): this {
    this.#lines.push(line(name, value));
    this.#typed.clear();
    return this;
  }

  /** Adds a line in front. @throws SipMessageError */
  prepend(name: string, value: string): this {
    this.#lines.unshift(line(name, value));
    this.#typed.clear();
    return this;
  }

  /** Replaces every line of that name by one, in place of the first. @throws SipMessageError */
  set(name: string, value: string): this {
    const replacement = line(name, value);
    const at = this.#lines.findIndex((existing) => existing.key === replacement.key);
    if (at < 0) return this.append(name, value);
    this.#lines = this.#lines.filter((existing, index) => existing.key !== replacement.key || index === at);
    this.#lines[at] = replacement;
    this.#typed.clear();
    return this;
  }

  /** Replaces the first value of a list header, the other values stay. @throws SipMessageError */
  setFirst(name: string, value: string): this {
    const [, ...rest] = splitList(this.get(name) ?? '');
    const replacement = line(name, [value, ...rest].join(', '));
    const at = this.#lines.findIndex((existing) => existing.key === replacement.key);
    if (at < 0) this.#lines.unshift(replacement);
    else this.#lines[at] = replacement;
    this.#typed.clear();
    return this;
  }

  remove(name: string): this {
    const key = headerKey(name);
    this.#lines = this.#lines.filter((existing) => existing.key !== key);
    this.#typed.clear();
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
