import type { Clock } from '../../kernel/index.ts';
import type { SharedSpend } from './ports.ts';
import { spendAt, spendMore } from './spend.ts';
import type { Spend, SpendChange } from './spend.ts';

/** Of one process, lost with it. */
export class MemorySpend implements SharedSpend {
  readonly #clock: Clock;
  readonly #byAccount = new Map<string, Spend>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(accountSid: string): Spend {
    return spendAt(this.#byAccount.get(accountSid), this.#clock.now());
  }

  accounts(): Iterable<string> {
    return this.#byAccount.keys();
  }

  add(accountSid: string, change: SpendChange): void {
    this.#byAccount.set(accountSid, spendMore(this.#byAccount.get(accountSid), change, this.#clock.now()));
  }
}
