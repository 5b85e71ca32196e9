import type { Clock } from '../../kernel/index.ts';
import type { BodyStore, StoredBody } from './ports.ts';

/** Bodies in memory, without a bound: for tests. */
export class MemoryBodies implements BodyStore {
  readonly #bodies = new Map<string, { body: Uint8Array; storedAt: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(name: string, body: Uint8Array): Promise<void> {
    this.#bodies.set(name, { body, storedAt: this.#clock.now() });
    return Promise.resolve();
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#bodies.get(name)?.body);
  }

  remove(name: string): Promise<void> {
    this.#bodies.delete(name);
    return Promise.resolve();
  }

  list(): Promise<StoredBody[]> {
    const all = [...this.#bodies].map(([name, { body, storedAt }]) => ({ name, bytes: body.length, storedAt }));
    return Promise.resolve(all);
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }
}
