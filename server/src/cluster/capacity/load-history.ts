import type { LoadDay } from './ports.ts';

const DAY_MS = 86_400_000;
/** Days that are kept: five weeks, what the forecast learns from. */
export const HISTORY_DAYS = 35;
/** One number a minute. */
export const HISTORY_STEP_MS = 60_000;
const STEPS = DAY_MS / HISTORY_STEP_MS;

/** Mean load of each minute of the last weeks: at most 35 days of 1,440 numbers. */
export class LoadHistory {
  readonly #days = new Map<number, (number | null)[]>();
  readonly #changed = new Set<number>();
  #step = { at: NaN, sum: 0, count: 0 };

  constructor(days: readonly LoadDay[] = []) {
    for (const { day, everyMs, loads } of days) {
      if (everyMs === HISTORY_STEP_MS && day % DAY_MS === 0) this.#days.set(day, [...loads].slice(0, STEPS));
    }
  }

  /** @returns the minute that is over by this, if one is */
  observe(at: number, load: number): { readonly at: number; readonly load: number } | undefined {
    const step = Math.floor(at / HISTORY_STEP_MS);
    let over: { at: number; load: number } | undefined;
    if (step !== this.#step.at) {
      if (this.#step.count > 0) {
        over = { at: this.#step.at * HISTORY_STEP_MS, load: this.#step.sum / this.#step.count };
        this.#keep(over.at, over.load);
      }
      this.#step = { at: step, sum: 0, count: 0 };
    }
    this.#step.sum += load;
    this.#step.count++;
    return over;
  }

  /** All there is, the oldest first. */
  *samples(): Generator<{ readonly at: number; readonly load: number }> {
    for (const day of [...this.#days.keys()].sort((a, b) => a - b)) {
      for (const [index, load] of (this.#days.get(day) ?? []).entries()) {
        if (load !== null) yield { at: day + index * HISTORY_STEP_MS, load };
      }
    }
  }

  /** Days that have changed since this was last asked, as they are stored. */
  takeChanged(): LoadDay[] {
    const days = [...this.#changed];
    this.#changed.clear();
    return days.map((day) => ({ day, everyMs: HISTORY_STEP_MS, loads: [...(this.#days.get(day) ?? [])] }));
  }

  /** Drops what is too old. @returns the days dropped */
  prune(now: number): number[] {
    const old = [...this.#days.keys()].filter((day) => day <= now - HISTORY_DAYS * DAY_MS);
    for (const day of old) {
      this.#days.delete(day);
      this.#changed.delete(day);
    }
    return old;
  }

  #keep(at: number, load: number): void {
    const day = Math.floor(at / DAY_MS) * DAY_MS;
    const loads = this.#days.get(day) ?? [];
    this.#days.set(day, loads);
    this.#changed.add(day);
    const index = (at - day) / HISTORY_STEP_MS;
    while (loads.length < index) loads.push(null);
    loads[index] = Math.round(load * 100) / 100;
  }
}
