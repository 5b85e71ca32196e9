import { BoundedQueue } from '../kernel/index.ts';

/** Lets a few pieces of work run at once; the rest wait in order. Overflow policy: `run` returns undefined, nothing waits. */
export class Limiter {
  readonly #atOnce: number;
  readonly #waiting: BoundedQueue<() => void>;
  #running = 0;

  constructor(options: { readonly atOnce: number; readonly waiting: number }) {
    this.#atOnce = options.atOnce;
    this.#waiting = new BoundedQueue(options.waiting);
  }

  /** The work's own outcome; undefined when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < this.#atOnce) return this.#go(work);
    const turn = Promise.withResolvers<void>();
    if (!this.#waiting.push(turn.resolve)) return undefined;
    return turn.promise.then(() => this.#go(work));
  }

  async #go<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}
