import type { Clock, Timer } from '../kernel/index.ts';
import { Emitter } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { EndedTokens, KeySource, RevocationStore } from './ports.ts';

/** Revocations that come together are looked at together, milliseconds: every look goes through all connections. */
const GATHER_MS = 50;

export interface EndedTokensOptions {
  readonly keys: KeySource;
  readonly revocations: RevocationStore | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Says which tokens ended before their time, so that whoever serves a client with one stops at once. */
export class EndedTokenWatch {
  readonly #emitter: Emitter<{ ended: EndedTokens }>;
  readonly #stop: (() => void)[] = [];
  #gather: Timer | undefined;

  constructor({ keys, revocations, clock, log }: EndedTokensOptions) {
    this.#emitter = new Emitter((error) => {
      log.error({ err: error }, 'ending the connections of ended tokens failed');
    });
    const stopKeys = keys.onEnded?.((ended) => {
      this.#emitter.emit('ended', ended);
    });
    if (stopKeys !== undefined) this.#stop.push(stopKeys);
    if (revocations === undefined) return;
    const revoked: EndedTokens = {
      disconnect: 'tokenRevoked',
      hits: (grants) => revocations.hit(grants) !== undefined,
    };
    this.#stop.push(
      revocations.onAdded(() => {
        this.#gather ??= clock.setTimer(GATHER_MS, () => {
          this.#gather = undefined;
          this.#emitter.emit('ended', revoked);
        });
      }),
    );
  }

  on(listener: (ended: EndedTokens) => void): () => void {
    return this.#emitter.on('ended', listener);
  }

  /** Idempotent. */
  close(): void {
    this.#gather?.cancel();
    for (const stop of this.#stop.splice(0)) stop();
    this.#emitter.clear();
  }
}
