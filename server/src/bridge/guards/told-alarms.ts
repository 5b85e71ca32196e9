/** Accounts that are remembered; the one that was told of first is forgotten first. */
const MOST_ACCOUNTS = 10_000;

interface Told {
  readonly period: number;
  readonly share: number;
}

/**
 * Which alarms were given, so that a cap that is reached, left (a call was not answered: its minute is given back) and reached again
 * in the same minute, hour or day is told of once.
 */
export class ToldAlarms {
  readonly #byAccount = new Map<string, Map<string, Told>>();

  /** True the first time that `cap` comes to `share` or more in this period. */
  isNew(accountSid: string, cap: string, { period, share }: Told): boolean {
    let told = this.#byAccount.get(accountSid);
    if (told === undefined) {
      const [oldest] = this.#byAccount.keys();
      if (this.#byAccount.size >= MOST_ACCOUNTS && oldest !== undefined) this.#byAccount.delete(oldest);
      this.#byAccount.set(accountSid, (told = new Map<string, Told>()));
    }
    const before = told.get(cap);
    if (before?.period === period && before.share >= share) return false;
    told.set(cap, { period, share });
    return true;
  }
}
