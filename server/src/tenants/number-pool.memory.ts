import type { NumberPool, NumberType, PoolNumber, PoolQuery } from './number-pool.ts';

/** The operator's numbers as long as the process lives. */
export class MemoryNumberPool implements NumberPool {
  readonly #numbers = new Map<string, PoolNumber>();
  readonly #isTaken: (number: string) => boolean;

  /** @param isTaken whether an account has it */
  constructor(isTaken: (number: string) => boolean) {
    this.#isTaken = isTaken;
  }

  add(numbers: readonly PoolNumber[]): Promise<void> {
    for (const number of numbers) this.#numbers.set(number.number, { ...number });
    return Promise.resolve();
  }

  /** Of any number; one that is not here is `local`. */
  typeOf(number: string): NumberType {
    return this.#numbers.get(number)?.type ?? 'local';
  }

  remove(number: string): Promise<boolean> {
    return Promise.resolve(this.#numbers.delete(number));
  }

  available(query: PoolQuery): Promise<PoolNumber[]> {
    const found = this.#free().filter((number) => fits(number, query));
    return Promise.resolve(found.slice(0, query.limit).map((number) => ({ ...number })));
  }

  countries(): Promise<{ country: string; types: NumberType[] }[]> {
    const found = new Map<string, Set<NumberType>>();
    for (const { country, type } of this.#free()) found.set(country, (found.get(country) ?? new Set()).add(type));
    const sorted = [...found].sort(([a], [b]) => a.localeCompare(b));
    return Promise.resolve(sorted.map(([country, types]) => ({ country, types: [...types].sort() })));
  }

  #free(): PoolNumber[] {
    const free = [...this.#numbers.values()].filter(({ number }) => !this.#isTaken(number));
    return free.sort((a, b) => (a.number < b.number ? -1 : 1));
  }
}

function fits(given: PoolNumber, query: PoolQuery): boolean {
  const { country, type, number, contains, startsWith, locality, region, after } = query;
  const same = (a: string | null, b: string | undefined): boolean =>
    b === undefined || a?.toLowerCase() === b.toLowerCase();
  if (country !== undefined && given.country !== country) return false;
  if (type !== undefined && given.type !== type) return false;
  if (number !== undefined && given.number !== number) return false;
  if (contains !== undefined) {
    const expression = contains.replace(/[^\w*]/g, '\\$&').replaceAll('*', '.');
    if (!new RegExp(expression).test(given.number)) return false;
  }
  if (startsWith !== undefined && !given.number.startsWith(startsWith)) return false;
  if (after !== undefined && given.number <= after) return false;
  return same(given.locality, locality) && same(given.region, region);
}
