import { delay, describeError } from '../../kernel/index.ts';
import type { StoredRequest } from '../ports.ts';
import type { SchedulerOptions } from './fair-scheduler.ts';
import type { Held, HeldCalls } from './held-calls.ts';
import { RETRY_MS } from './retry.ts';

/** What another doer has claimed is left to it for this long. */
const FOREIGN_MS = 5000;

export interface SettlementOptions {
  readonly scheduler: Pick<SchedulerOptions, 'store' | 'cluster' | 'failed' | 'clock' | 'log'>;
  readonly held: HeldCalls;
  readonly signal: AbortSignal;
  /** A request that is not claimed and not dialled was read, ahead of the stream. */
  readonly onRead: (request: StoredRequest) => void;
}

/** How a request went on is not known: it is as it is stored. */
export class Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** @throws whatever the signal was aborted with */
  async later(held: Held): Promise<void> {
    await delay(this.#options.scheduler.clock, FOREIGN_MS, this.#options.signal);
    await this.settle(held);
  }

  /** Repeated until the store answers. Never rejects. */
  async settle(held: Held): Promise<void> {
    const { signal, scheduler } = this.#options;
    while (this.#options.held.isHeld(held) && !signal.aborted) {
      try {
        if (await this.#isSettled(held)) return;
      } catch (error) {
        scheduler.log.warn({ callSid: held.callSid, reason: describeError(error) }, 'a call request has to wait');
        await delay(scheduler.clock, RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  async #isSettled(held: Held): Promise<boolean> {
    const { store, cluster, failed } = this.#options.scheduler;
    const { accountSid, callSid } = held;
    const stored = await store.get(accountSid, callSid);
    if (!this.#options.held.isHeld(held)) return true;
    if (stored === undefined) {
      this.#options.held.release(callSid);
      return true;
    }
    if (stored.state === 'claimed') {
      await store.move(stored, 'queued');
      return false;
    }
    if (stored.state !== 'dialling') {
      this.#options.onRead(stored);
      return true;
    }
    held.state = 'dialling';
    held.node = stored.node;
    if (stored.node === undefined || cluster.isAlive(stored.node)) return true;
    failed(stored);
    await store.remove(accountSid, callSid);
    return true;
  }
}
