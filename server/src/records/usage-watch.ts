import { describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { UsageRecords, UsageTriggerRecord, UsageTriggers } from './ports.ts';

export interface UsageWatchOptions {
  readonly usage: UsageRecords;
  readonly triggers: UsageTriggers;
  /** Tells the webhook of a trigger that was reached. */
  readonly tell: (trigger: UsageTriggerRecord, facts: { readonly current: number; readonly firedAt: string }) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks at usage triggers when the usage of an account has changed: each fires once, or once in each of its periods. */
export class UsageWatch {
  readonly #options: UsageWatchOptions;
  readonly #changed = new Set<string>();
  #looking = false;

  constructor(options: UsageWatchOptions) {
    this.#options = options;
  }

  /** Coalesced: one look at a time. */
  changed(accountSids: Iterable<string>): void {
    for (const sid of accountSids) this.#changed.add(sid);
    if (this.#looking || this.#changed.size === 0) return;
    this.#looking = true;
    void this.#look().finally(() => {
      this.#looking = false;
      this.changed([]);
    });
  }

  async #look(): Promise<void> {
    const { triggers, log } = this.#options;
    const accounts = [...this.#changed];
    this.#changed.clear();
    try {
      for (const trigger of await triggers.armed(accounts)) await this.#judge(trigger);
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'usage triggers could not be looked at');
    }
  }

  async #judge(trigger: UsageTriggerRecord): Promise<void> {
    const { usage, triggers, tell, clock } = this.#options;
    const period = periodOf(trigger, clock.now());
    if (trigger.firedFor === period) return;
    const days = await usage.days([trigger.accountSid], trigger.recurring === null ? {} : { from: period });
    const mine = days.filter(({ category }) => category === trigger.category);
    const current = mine.reduce(
      (sum, { count, usage: used }) => sum + (trigger.triggerBy === 'count' ? count : used),
      0,
    );
    if (trigger.triggerBy === 'price' || current < trigger.base + trigger.value) return;
    const firedAt = new Date(clock.now()).toISOString();
    if (await triggers.fire(trigger.sid, firedAt, period)) tell(trigger, { current, firedAt });
  }
}

/** First day of the period that counts; of a trigger that fires once, the day that it was made. */
function periodOf({ recurring, createdAt }: UsageTriggerRecord, now: number): string {
  const today = new Date(now).toISOString().slice(0, 10);
  switch (recurring) {
    case 'daily':
      return today;
    case 'monthly':
      return `${today.slice(0, 7)}-01`;
    case 'yearly':
      return `${today.slice(0, 4)}-01-01`;
    case null:
      return createdAt.slice(0, 10);
  }
}
