import type { ForecastView } from '@hookswitch/shared';
import { LoadForecast, LoadHistory, TRUSTED_AFTER_MINUTES } from '../capacity/index.ts';
import type { CapacityDecision, CapacityStore, Expected } from '../capacity/index.ts';
import { SingleFlight, delay } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Forecasts are shown as they were so long before: about what a node in the cloud takes to start, and some. */
const LEAD_MS = 20 * MINUTE_MS;
/** What was said is remembered for so long: the longest that can be looked back, and a day. */
const REMEMBERED_MS = 8 * 24 * HOUR_MS;
/** History is read again after this time. */
const FRESH_MS = MINUTE_MS;
/** Minutes that are learnt from in one turn of the event loop: some milliseconds. */
const AT_ONCE = 200;

export interface ForecastHistoryOptions {
  readonly store: Pick<CapacityStore, 'days' | 'decisions'>;
  readonly clock: Clock;
}

/** What the cluster is now, for the end of the line. */
export interface LoadNow {
  readonly load: number;
  /** Channels of the nodes that take calls, and how many those are. */
  readonly capacity: number;
  readonly nodes: number;
}

/**
 * Load of the past against what the forecast had said of it, replayed from the history that the capacity analysis keeps:
 * with the code that decides, in any process, without asking the one that does. Kept in memory from the first time that
 * somebody looks, some 1 MB.
 */
export class ForecastHistory {
  readonly #options: ForecastHistoryOptions;
  readonly #forecast = new LoadForecast();
  readonly #flight = new SingleFlight<'read', void>();
  /** By minute. */
  readonly #actual = new Map<number, number>();
  readonly #said = new Map<number, Expected>();
  #decisions: readonly CapacityDecision[] = [];
  #seen = 0;
  #fedUntil = -Infinity;
  #readAt = -Infinity;

  constructor(options: ForecastHistoryOptions) {
    this.#options = options;
  }

  /** @throws what the store throws */
  async view(
    now: LoadNow,
    { hours, ahead }: { readonly hours: number; readonly ahead: number },
  ): Promise<ForecastView> {
    await this.#flight.run('read', () => this.#refresh());
    const at = this.#options.clock.now();
    const stepMs = (hours <= 24 ? 10 : 60) * MINUTE_MS;
    const from = Math.floor((at - hours * HOUR_MS) / stepMs) * stepMs;
    const actual = averaged(this.#actual, { from, to: at, stepMs }, (load) => load);
    const means = averaged(this.#said, { from, to: at, stepMs }, ({ mean }) => mean);
    const errors = averaged(this.#said, { from, to: at, stepMs }, ({ error }) => error);
    return {
      at: iso(at),
      load: now.load,
      trusted: this.#seen >= TRUSTED_AFTER_MINUTES,
      seenMinutes: this.#seen,
      leadMinutes: LEAD_MS / MINUTE_MS,
      actual: [...actual].map(([time, load]) => ({ at: iso(time), load: rounded(load) })),
      said: [...means].map(([time, mean]) => point(time, { mean, error: errors.get(time) ?? 0 })),
      expected: this.#expected(at, at + ahead * HOUR_MS, stepMs),
      capacity: this.#capacity(now, from, at),
      meanError: this.#meanError(from, at),
    };
  }

  #expected(from: number, to: number, stepMs: number): ForecastView['expected'] {
    if (this.#seen === 0) return [];
    const points: ForecastView['expected'] = [];
    for (let time = from; time <= to; time += stepMs) points.push(point(time, this.#forecast.at(time)));
    return points;
  }

  /** Nodes as the decisions have them, each as large as nodes are now. */
  #capacity({ capacity, nodes }: LoadNow, from: number, at: number): ForecastView['capacity'] {
    const each = nodes === 0 ? 0 : capacity / nodes;
    const shown = this.#decisions.filter((decision) => decision.at <= at);
    const first = shown.findLastIndex((decision) => decision.at <= from);
    const steps = shown.slice(Math.max(0, first)).map((decision) => ({
      at: iso(Math.max(from, decision.at)),
      channels: Math.round(decision.nodes * each),
    }));
    return [...steps, { at: iso(at), channels: capacity }];
  }

  #meanError(from: number, to: number): number | null {
    let [sum, minutes] = [0, 0];
    for (const [time, { mean }] of this.#said) {
      const load = this.#actual.get(time);
      if (load === undefined || time < from || time > to) continue;
      sum += Math.abs(load - mean);
      minutes++;
    }
    return minutes === 0 ? null : rounded(sum / minutes);
  }

  async #refresh(): Promise<void> {
    const { store, clock } = this.#options;
    if (clock.monotonic() - this.#readAt < FRESH_MS) return;
    const [days, decisions] = await Promise.all([store.days(), store.decisions()]);
    this.#decisions = decisions.toSorted((a, b) => a.at - b.at);
    let fed = 0;
    for (const { at, load } of new LoadHistory(days).samples()) {
      if (at <= this.#fedUntil) continue;
      this.#learn(at, load);
      if (++fed % AT_ONCE === 0) await delay(clock, 0);
    }
    this.#forget();
    this.#readAt = clock.monotonic();
  }

  #learn(at: number, load: number): void {
    this.#forecast.observe(at, load);
    this.#fedUntil = at;
    this.#seen++;
    this.#actual.set(at, load);
    if (this.#seen >= TRUSTED_AFTER_MINUTES) this.#said.set(at + LEAD_MS, this.#forecast.at(at + LEAD_MS));
    if (this.#seen % AT_ONCE === 0) this.#forget();
  }

  #forget(): void {
    const from = this.#fedUntil - REMEMBERED_MS;
    for (const map of [this.#actual, this.#said]) {
      for (const time of map.keys()) {
        if (time >= from) break;
        map.delete(time);
      }
    }
  }
}

/** Means of equal stretches of time, by their beginning. */
function averaged<V>(
  values: ReadonlyMap<number, V>,
  { from, to, stepMs }: { readonly from: number; readonly to: number; readonly stepMs: number },
  read: (value: V) => number,
): Map<number, number> {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [time, value] of values) {
    if (time < from || time > to) continue;
    const step = Math.floor(time / stepMs) * stepMs;
    const { sum, count } = sums.get(step) ?? { sum: 0, count: 0 };
    sums.set(step, { sum: sum + read(value), count: count + 1 });
  }
  return new Map([...sums].map(([step, { sum, count }]) => [step, sum / count]));
}

const iso = (time: number): string => new Date(time).toISOString();
const rounded = (value: number): number => Math.round(value * 100) / 100;
const point = (time: number, { mean, error }: Expected): ForecastView['said'][number] => ({
  at: iso(time),
  mean: rounded(mean),
  error: rounded(error),
});
