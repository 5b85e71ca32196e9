import type { Clock } from '../kernel/index.ts';
import type { CallUse } from '../cluster/ports.ts';

/** How long a call and its legs last, from when each is begun until it has ended. */
export class LegTime {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #began: number;
  readonly #open = new Map<string, number>();
  #legMs = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  begin(leg: string): void {
    this.#open.set(leg, this.#clock.monotonic());
  }

  /** Idempotent. */
  end(leg: string): void {
    const began = this.#open.get(leg);
    if (began === undefined) return;
    this.#open.delete(leg);
    this.#legMs += this.#clock.monotonic() - began;
  }

  /** Legs that have not ended end now. */
  use(): CallUse {
    for (const leg of [...this.#open.keys()]) this.end(leg);
    return { seconds: (this.#clock.monotonic() - this.#began) / 1000, legSeconds: this.#legMs / 1000 };
  }
}
