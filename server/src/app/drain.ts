import type { Log } from '../kernel/index.ts';
import type { Health } from './health.ts';

export interface DrainParts {
  readonly health: Health;
  readonly log: Log;
  /** Tells the other nodes, at once. */
  readonly tell: () => void;
  /** Takes no more calls; resolves when the last one is over, or was ended at the deadline. */
  readonly finishCalls: (deadlineMs: number) => Promise<void>;
  readonly calls: () => number;
}

/** Asked at the beginning of a drain, and again with each earlier deadline. Resolves at the deadline at the latest; never rejects. */
export type Companion = (deadlineMs: number) => Promise<void>;

/** The longest that a process may be asked to wait for its calls, milliseconds. */
export const MAX_DRAIN_MS = 24 * 3_600_000;

/**
 * Takes this process out of service: readiness, the answers to OPTIONS and what the other nodes know flip at once, no new
 * call is taken, live ones finish. For good: a process that has begun to drain ends.
 */
export class Drain {
  readonly #parts: DrainParts;
  readonly #finished = Promise.withResolvers<void>();
  readonly #companions = new Set<Companion>();
  #begun = false;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Has something else finish too before the drain is over: what ends with this process. */
  with(companion: Companion): void {
    this.#companions.add(companion);
  }

  /** Resolves when a drain is over: then the process is to be closed. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /**
   * Begins, or sets an earlier deadline. Resolves when it is over.
   *
   * @param deadlineMs calls still up then are ended
   */
  async begin(deadlineMs: number): Promise<void> {
    const { health, log, tell, finishCalls, calls } = this.#parts;
    if (!this.#begun) {
      this.#begun = true;
      if (health.state === 'ready' || health.state === 'starting') health.state = 'draining';
      tell();
      log.info({ calls: calls(), deadlineMs }, 'this node takes no more calls; live ones finish');
    }
    const within = Math.min(deadlineMs, MAX_DRAIN_MS);
    await Promise.all([finishCalls(within), ...[...this.#companions].map((companion) => companion(within))]);
    this.#finished.resolve();
  }
}
