import { TimerSet } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';

/**
 * Ends a leg whose party sends nothing any more although it should: runs while the leg is answered, not exempt (held,
 * muted, reconnecting) and nothing is received. Close it with its leg.
 */
export class SilenceWatch {
  readonly #timers: TimerSet<'media-timeout'>;
  readonly #limitMs: number;
  readonly #facts = { answered: false, receiving: false, exempt: false };
  #running = false;

  /** @param options.limitMs silence that ends the leg, milliseconds */
  constructor(options: { readonly clock: Clock; readonly limitMs: number; readonly onTimeout: () => void }) {
    this.#limitMs = options.limitMs;
    this.#timers = new TimerSet(options.clock, () => {
      this.#running = false;
      options.onTimeout();
    });
  }

  update(change: Partial<{ answered: boolean; receiving: boolean; exempt: boolean }>): void {
    Object.assign(this.#facts, change);
    const { answered, receiving, exempt } = this.#facts;
    const due = answered && !receiving && !exempt;
    if (due === this.#running) return;
    this.#running = due;
    if (due) this.#timers.start('media-timeout', this.#limitMs);
    else this.#timers.stop('media-timeout');
  }

  close(): void {
    this.#timers.close();
  }
}
