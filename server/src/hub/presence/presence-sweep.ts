import type { Clock } from '../../kernel/index.ts';
import type { Announcer } from './announcer.ts';
import type { PresenceLimits } from './limits.ts';
import type { PresenceRecord, PresenceStore } from './ports.ts';
import { PresenceError } from './presence-error.ts';
import type { PresenceView } from './view.ts';

export interface PresenceSweepOptions {
  readonly store: PresenceStore;
  readonly view: PresenceView;
  readonly announcer: Announcer;
  readonly node: string;
  readonly clock: Clock;
  readonly limits: Pick<PresenceLimits, 'concurrentWrites' | 'sweepMs' | 'retryMs'>;
}

/**
 * Ends the memberships of a dead node, a record at a time: it is taken over by compare-and-swap, with every member as
 * one that leaves; its leaves are told like those of this node's own members; when they are stored the record goes.
 * Done again after a failure it goes on from wherever it was, because the record says what is left.
 */
export class PresenceSweep {
  readonly #options: PresenceSweepOptions;
  readonly #waiting = new Map<string, () => void>();

  constructor(options: PresenceSweepOptions) {
    this.#options = options;
  }

  /** @throws PresenceError when a part of it has to be repeated */
  async sweep(node: string): Promise<void> {
    const { view, limits } = this.#options;
    const keys: string[] = [];
    for (const [key, { record }] of view.entries()) if (record.node === node) keys.push(key);
    const next = keys[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (const key of next) await this.#sweepOne(key);
    };
    await Promise.all(Array.from({ length: Math.min(keys.length, limits.concurrentWrites) }, worker));
  }

  /** An event of this record was stored or refused. */
  settled(key: string): void {
    this.#waiting.get(key)?.();
  }

  async #sweepOne(key: string): Promise<void> {
    const { store, view, announcer, node } = this.#options;
    const held = await store.get(key);
    if (held === undefined) return;
    let { revision } = held;
    const { record } = held;
    if (record.writer !== node || record.members.length > 0) {
      revision = await store.write(key, takenOver(record, node), revision);
    } else announcer.announce(key, record);
    await this.#until(key, () => (view.record(key)?.revision ?? 0) >= revision && announcer.isSettled(key));
    await store.remove(key, revision);
  }

  async #until(key: string, isDone: () => boolean): Promise<void> {
    const { clock, limits } = this.#options;
    const deadline = clock.monotonic() + limits.sweepMs;
    while (!isDone()) {
      if (clock.monotonic() >= deadline) {
        throw new PresenceError('unavailable', `the leaves of ${key} could not be published in time`);
      }
      const woken = Promise.withResolvers<void>();
      this.#waiting.set(key, woken.resolve);
      // The view may show the write without any event to wait for.
      const timer = clock.setTimer(limits.retryMs, woken.resolve);
      await woken.promise;
      timer.cancel();
      this.#waiting.delete(key);
    }
  }
}

function takenOver(record: PresenceRecord, writer: string): PresenceRecord {
  const lost = record.members.map((member) => ({ ...member, reason: 'node-lost' as const }));
  return { ...record, writer, members: [], leaving: [...record.leaving, ...lost] };
}
