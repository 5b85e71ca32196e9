import { delay } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import type { SchedulerOptions } from './fair-scheduler.ts';
import { RETRY_MS } from './retry.ts';

/** Which node gets the next call; none for a while when one could not take what it was given. */
export class NodeChoice {
  readonly #options: Pick<SchedulerOptions, 'placement' | 'cluster' | 'clock'>;
  readonly #signal: AbortSignal;
  readonly #resume: () => void;
  readonly #off: Unsubscribe | undefined;
  #turn = 0;
  #paused = false;
  /** The pause is for want of room: room ends it. */
  #isFull = false;

  /** @param resume called when a pause is over */
  constructor(
    options: Pick<SchedulerOptions, 'placement' | 'cluster' | 'clock'>,
    signal: AbortSignal,
    resume: () => void,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#resume = resume;
    this.#off = options.placement?.onRoom(() => {
      if (!this.#isFull) return;
      this.#isFull = this.#paused = false;
      resume();
    });
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Counted there from now on: what does not become a call is `returned`. Undefined: none has room. */
  next(): string | undefined {
    const { placement, cluster } = this.#options;
    if (placement !== undefined) return placement.pick();
    const nodes = cluster.members().flatMap(({ roles, node }) => (roles.includes('call') ? [node] : []));
    this.#turn++;
    return nodes[this.#turn % Math.max(1, nodes.length)];
  }

  returned(node: string): void {
    this.#options.placement?.returned(node);
  }

  /** A call that was over there leaves room. @param pickedAt `monotonic()` of when it was picked; undefined: not here */
  ended(node: string, pickedAt: number | undefined): void {
    this.#options.placement?.ended(node, pickedAt);
    if (this.#isFull) this.#isFull = this.#paused = false;
  }

  /** No node has room: for a while, or until one says that it has. */
  awaitRoom(): void {
    this.#isFull = true;
    this.pause();
  }

  /** Nobody can take a call just now. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    const over = (): void => {
      this.#isFull = this.#paused = false;
      this.#resume();
    };
    delay(this.#options.clock, RETRY_MS, this.#signal).then(over, () => undefined);
  }

  /** Idempotent. */
  close(): void {
    this.#off?.();
  }
}
