import { describeError } from '../../kernel/index.ts';
import type { Clock, Log, Timer, Unsubscribe } from '../../kernel/index.ts';
import type { BridgeRequests } from './bridge-requests.ts';
import type { BridgeRequest, BridgeRequestStore } from './ports.ts';

export interface ExpiryWatchOptions {
  readonly requests: BridgeRequests;
  readonly store: Pick<BridgeRequestStore, 'known' | 'onChange'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two rounds over requests that are due, and before a round that failed is repeated. Milliseconds. */
const PAUSE_MS = 1000;

/**
 * Closes requests whose time is over, so that it is told of within a second. Any number of processes may watch: one of them
 * closes each. The caller closes it.
 */
export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #off: Unsubscribe;
  #timer: Timer | undefined;
  /** When the timer fires, epoch milliseconds. */
  #at = Infinity;
  #closed = false;

  constructor(options: ExpiryWatchOptions) {
    this.#options = options;
    this.#off = options.store.onChange(({ status, expiresAt }) => {
      if (status === 'pending') this.#wakeAt(expiresAt);
    });
    for (const { status, expiresAt } of options.store.known()) if (status === 'pending') this.#wakeAt(expiresAt);
  }

  close(): void {
    this.#closed = true;
    this.#off();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wakeAt(at: number): void {
    if (this.#closed || at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(Math.max(0, at - clock.now()), () => {
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    const { store, requests, clock, log } = this.#options;
    const due = [...store.known()].filter(({ status, expiresAt }) => status === 'pending' && expiresAt <= clock.now());
    for (const request of due) {
      if (this.#closed) return;
      try {
        await requests.expire(request);
      } catch (error) {
        log.warn({ err: error, sid: request.sid }, `a bridge request cannot be closed yet: ${describeError(error)}`);
        break;
      }
    }
    this.#at = Infinity;
    const soonest = clock.now() + PAUSE_MS;
    for (const request of pendingOf(store.known())) this.#wakeAt(Math.max(request.expiresAt, soonest));
  }
}

function pendingOf(known: Iterable<BridgeRequest>): BridgeRequest[] {
  return [...known].filter(({ status }) => status === 'pending');
}
