/** Half an hour: shorter ones hold too little to be compared, longer ones blur the morning. */
export const SLOT_MS = 1_800_000;
const DAY_SLOTS = 48;
const SLOTS = 7 * DAY_SLOTS;
/** Weight of a new slot against what the profile has: of the week, and of the day for slots of the week not seen yet. */
const WEEK_STEP = 0.3;
const DAY_STEP = 0.3;

/**
 * Load of each half hour of the week, Erlangs, as the last weeks had it. Slots that no week has shown yet are taken from
 * the same time of other days. Times are epoch milliseconds; the week is that of UTC.
 */
export class WeekProfile {
  readonly #week = new Float64Array(SLOTS).fill(NaN);
  readonly #day = new Float64Array(DAY_SLOTS).fill(NaN);

  /** A slot is over. @param at within it @param load its mean */
  learn(at: number, load: number): void {
    const slot = Math.floor(at / SLOT_MS) % SLOTS;
    this.#week[slot] = mixed(this.#week[slot], load, WEEK_STEP);
    this.#day[slot % DAY_SLOTS] = mixed(this.#day[slot % DAY_SLOTS], load, DAY_STEP);
  }

  /** Between the middles of two slots a straight line. Undefined: neither that time of the week nor of a day was seen. */
  at(time: number): number | undefined {
    const position = time / SLOT_MS - 0.5;
    const before = Math.floor(position);
    const [a, b] = [this.#of(before), this.#of(before + 1)];
    if (a === undefined || b === undefined) return a ?? b;
    return a + (b - a) * (position - before);
  }

  #of(slot: number): number | undefined {
    const place = ((slot % SLOTS) + SLOTS) % SLOTS;
    for (const load of [this.#week[place], this.#day[place % DAY_SLOTS]]) {
      if (load !== undefined && !Number.isNaN(load)) return load;
    }
    return undefined;
  }
}

function mixed(before: number | undefined, now: number, step: number): number {
  return before === undefined || Number.isNaN(before) ? now : before + step * (now - before);
}
