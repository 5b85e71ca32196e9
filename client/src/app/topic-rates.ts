/** Length of the rate plot, seconds. */
export const PLOT_SECONDS = 60;
/** Topics that are counted one by one; those that come later are counted together. */
export const MAX_TOPICS = 500;
/** The rate shown is the mean of this many full seconds. */
const MEAN_SECONDS = 10;

export interface RatesSnapshot {
  /** Events of each of the last full seconds, oldest first. */
  readonly perSecond: readonly number[];
  /** Events a second. */
  readonly rate: number;
  readonly total: number;
  /** Most events first. */
  readonly topics: readonly { readonly topic: string; readonly count: number }[];
  /** Events of topics that are not counted one by one. */
  readonly others: number;
}

/** Counts events by second and by topic, in bounded memory. Times are epoch milliseconds. */
export class TopicRates {
  /** Of the seconds up to #second, in a ring. */
  readonly #seconds = Array.from({ length: PLOT_SECONDS + 1 }, () => 0);
  readonly #topics = new Map<string, number>();
  #second: number | undefined;
  #total = 0;
  #others = 0;

  add(topic: string, now: number): void {
    this.#moveTo(now);
    const slot = (this.#second ?? 0) % this.#seconds.length;
    this.#seconds[slot] = (this.#seconds[slot] ?? 0) + 1;
    this.#total += 1;
    const count = this.#topics.get(topic);
    if (count === undefined && this.#topics.size >= MAX_TOPICS) this.#others += 1;
    else this.#topics.set(topic, (count ?? 0) + 1);
  }

  snapshot(now: number): RatesSnapshot {
    this.#moveTo(now);
    const current = this.#second ?? 0;
    const { length } = this.#seconds;
    const perSecond = Array.from({ length: PLOT_SECONDS }, (_, i) => this.#seconds[(current + 1 + i) % length] ?? 0);
    const mean = perSecond.slice(-MEAN_SECONDS).reduce((sum, count) => sum + count, 0) / MEAN_SECONDS;
    const topics = [...this.#topics].map(([topic, count]) => ({ topic, count })).sort((a, b) => b.count - a.count);
    return { perSecond, rate: mean, total: this.#total, topics, others: this.#others };
  }

  /** Seconds that passed without an event count nothing. A clock that is set back moves nothing. */
  #moveTo(now: number): void {
    const second = Math.floor(now / 1000);
    const from = this.#second ?? second;
    const steps = Math.min(second - from, this.#seconds.length);
    for (let step = 1; step <= steps; step++) this.#seconds[(second - steps + step) % this.#seconds.length] = 0;
    this.#second = Math.max(from, second);
  }
}
