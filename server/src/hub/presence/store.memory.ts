import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { PresenceError } from './presence-error.ts';
import type { PresenceChange, PresenceRecord, PresenceStore } from './ports.ts';

/** What the stores of several nodes in one process share. */
export class MemoryPresenceCluster {
  readonly records = new Map<string, { readonly record: PresenceRecord; readonly revision: number }>();
  /** Writes done. */
  writes = 0;
  /** What happens to writes: nothing; refused before, or without an answer after they are done. */
  fault: 'none' | 'unreachable' | 'no-answer' = 'none';
  #revision = 0;
  readonly #emitter = new Emitter<{ change: PresenceChange }>((error) => {
    throw error;
  });

  open(): PresenceStore {
    const offs: Unsubscribe[] = [];
    return {
      ready: Promise.resolve(),
      write: async (key, record, revision) => {
        this.#swap(key, revision);
        const written = { record: structuredClone(record), revision: ++this.#revision };
        this.records.set(key, written);
        await this.#answer({ kind: 'set', key, ...written });
        return written.revision;
      },
      remove: async (key, revision) => {
        this.#swap(key, revision);
        this.records.delete(key);
        await this.#answer({ kind: 'removed', key, why: 'deleted' });
      },
      get: async (key) => {
        if (this.fault === 'unreachable') throw unavailable();
        await Promise.resolve();
        return this.records.get(key);
      },
      entries: () => [...this.records].map(([key, { record, revision }]) => [key, record, revision] as const),
      onChange: (listener) => {
        const off = this.#emitter.on('change', listener);
        offs.push(off);
        return off;
      },
      close: () => {
        for (const off of offs) off();
      },
    };
  }

  /** As a server that comes back without its content. */
  lose(): void {
    for (const key of [...this.records.keys()]) {
      this.records.delete(key);
      this.#emitter.emit('change', { kind: 'removed', key, why: 'lost' });
    }
  }

  #swap(key: string, revision: number): void {
    if (this.fault === 'unreachable') throw unavailable();
    if ((this.records.get(key)?.revision ?? 0) !== revision) {
      throw new PresenceError('conflict', `${key} was changed by somebody else meanwhile`);
    }
    this.writes += 1;
  }

  async #answer(change: PresenceChange): Promise<void> {
    await Promise.resolve();
    this.#emitter.emit('change', change);
    if (this.fault === 'no-answer') throw unavailable();
  }
}

const unavailable = (): PresenceError => new PresenceError('unavailable', 'the store does not answer');
