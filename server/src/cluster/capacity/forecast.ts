import { SLOT_MS, WeekProfile } from './week-profile.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Memory of how this week compares with those before: long against a day, so that a busy afternoon is not growth. */
const LEVEL_MS = 72 * HOUR_MS;
/** Memory of what is otherwise than expected just now, and how long that is taken to last. */
const SURPRISE_MS = 5 * MINUTE_MS;
const LASTING_MS = 90 * MINUTE_MS;
/** Distances at which forecasts are compared with what came. */
const HORIZONS_MS = [2, 5, 10, 20, 40, 80].map((minutes) => minutes * MINUTE_MS);
/** Memory of errors: longer than the pauses between bursts, or it would be sure of itself until one comes, and afraid after it. */
const ERROR_MS = 7 * 24 * HOUR_MS;

/** What is to be expected at a time. Erlangs. */
export interface Expected {
  readonly mean: number;
  /** Standard deviation of the forecasts of this distance, as they were so far. */
  readonly error: number;
}

/** A forecast whose time has not come. */
interface Promised {
  readonly for: number;
  readonly mean: number;
}

/**
 * Load to come from load so far: the hours of the week, growth since those weeks, and what is otherwise today. Fed at any steady
 * pace, a minute or so; it knows its own error by comparing what it had said with what came. Pure: no clock.
 */
export class LoadForecast {
  readonly #profile = new WeekProfile();
  /** Load that was, and load that the profile had said, both fading: their quotient is the growth since. */
  #loads = 0;
  #shares = 0;
  /** Load of the last minutes, for as long as the profile says nothing. */
  #recent = 0;
  #surprise = 0;
  #last: number | undefined;
  #slot = { at: NaN, sum: 0, count: 0 };
  readonly #promised = HORIZONS_MS.map((): Promised[] => []);
  readonly #errors = HORIZONS_MS.map(() => ({ beyond: 0, squares: 0 }));

  /** @param at epoch milliseconds, later than all before @param load Erlangs at that time */
  observe(at: number, load: number): void {
    const elapsed = this.#last === undefined ? 0 : Math.min(at - this.#last, LEVEL_MS);
    this.#last = at;
    this.#compare({ at, load, elapsed });
    this.#learnSlot(at, load);
    const gain = elapsed === 0 ? 1 : 1 - Math.exp(-elapsed / SURPRISE_MS);
    this.#recent += gain * (load - this.#recent);
    const share = this.#profile.at(at);
    if (share !== undefined) {
      const fade = Math.exp(-elapsed / LEVEL_MS);
      this.#loads = this.#loads * fade + load * elapsed;
      this.#shares = this.#shares * fade + share * elapsed;
    }
    this.#surprise += gain * (load - this.#usual(at) - this.#surprise);
    for (const [index, horizon] of HORIZONS_MS.entries()) {
      this.#promised[index]?.push({ for: at + horizon, mean: this.at(at + horizon).mean });
    }
  }

  /** @param time epoch milliseconds; before the last observation: as if it were now */
  at(time: number): Expected {
    const ahead = Math.max(0, time - (this.#last ?? time));
    const mean = Math.max(0, this.#usual(time) + this.#surprise * Math.exp(-ahead / LASTING_MS));
    return { mean, error: this.#error(ahead, mean) };
  }

  /** Load of that time of the week, grown as much as this week has. */
  #usual(time: number): number {
    const share = this.#profile.at(time);
    if (share === undefined) return this.#recent;
    return this.#shares > 0 ? (share * this.#loads) / this.#shares : share;
  }

  #learnSlot(at: number, load: number): void {
    const slot = Math.floor(at / SLOT_MS);
    if (slot !== this.#slot.at) {
      if (this.#slot.count > 0) this.#profile.learn(this.#slot.at * SLOT_MS, this.#slot.sum / this.#slot.count);
      this.#slot = { at: slot, sum: 0, count: 0 };
    }
    this.#slot.sum += load;
    this.#slot.count++;
  }

  /**
   * How far off were the forecasts for now? The square root of the mean nobody can foresee, calls come as a Poisson stream; what was off
   * beyond that (a burst, a day unlike others) is a part of the load: twice the load is twice as far off.
   */
  #compare({ at, load, elapsed }: { readonly at: number; readonly load: number; readonly elapsed: number }): void {
    const gain = 1 - Math.exp(-elapsed / ERROR_MS);
    for (const [index, promised] of this.#promised.entries()) {
      for (let [first] = promised; first !== undefined && first.for <= at; [first] = promised) {
        promised.shift();
        const { mean } = first;
        const error = this.#errors[index];
        if (error === undefined) continue;
        error.beyond += gain * ((load - mean) ** 2 - mean - error.beyond);
        error.squares += gain * (mean ** 2 - error.squares);
      }
    }
  }

  #error(ahead: number, mean: number): number {
    return Math.sqrt(Math.max(1, mean) + this.#share(ahead) * mean ** 2);
  }

  /** Square of the part of the load by which forecasts of a distance are off; between two distances a straight line. */
  #share(ahead: number): number {
    let [near, nearError] = [0, 0];
    for (const [index, horizon] of HORIZONS_MS.entries()) {
      const { beyond, squares } = this.#errors[index] ?? { beyond: 0, squares: 0 };
      if (squares === 0) break;
      const error = Math.max(0, beyond / squares);
      if (ahead <= horizon) return nearError + ((error - nearError) * (ahead - near)) / (horizon - near);
      [near, nearError] = [horizon, error];
    }
    // Beyond what was compared so far: no better than the farthest.
    return nearError;
  }
}
