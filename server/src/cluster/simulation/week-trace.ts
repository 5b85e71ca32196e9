import type { Random } from '../../kernel/index.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** A Monday. */
export const TRACE_START = Date.UTC(2029, 11, 31);

/** Load by the minute. */
export interface TracePoint {
  readonly at: number;
  /** Calls that there are. Erlangs. */
  readonly load: number;
}

/** How a load changes over weeks. */
export interface WeekShape {
  /** Growth from week to week. */
  readonly growth: number;
  /** Bursts a week: 10 to 40 minutes of 1.4 to 2 times the load, at times that nobody can foresee. */
  readonly bursts: number;
}

export interface TraceShape extends WeekShape {
  readonly weeks: number;
  /** Erlangs at the busiest hour of a working day of the first week. */
  readonly peak: number;
}

/** Morning, lunch and afternoon of a working day; a flat Saturday; next to nothing on Sunday. */
function usual(minute: number): number {
  const day = Math.floor(minute / DAY_MINUTES) % 7;
  const hour = (minute % DAY_MINUTES) / 60;
  const bell = (at: number, width: number): number => Math.exp(-(((hour - at) / width) ** 2));
  const working = Math.max(0.03, bell(10.5, 2) + 0.85 * bell(15, 2.2));
  const weight = [1.1, 1, 0.95, 0.95, 0.9, 0.35, 0.15][day] ?? 1;
  return working * weight;
}

/** By the minute, the load as a multiple of that at the busiest hour: a daily and a weekly pattern, growth and bursts. */
export function weekFactors(minutes: number, { growth, bursts }: WeekShape, random: Random): Float64Array {
  const factors = Float64Array.from({ length: minutes }, (_, minute) => {
    return usual(minute) * (1 + growth) ** (minute / WEEK_MINUTES);
  });
  const burst = new Float64Array(minutes).fill(1);
  for (let n = Math.round((bursts * minutes) / WEEK_MINUTES); n > 0; n--) {
    const from = Math.floor(random.fraction() * minutes);
    const length = 10 + Math.floor(random.fraction() * 30);
    const height = 1.4 + 0.6 * random.fraction();
    burst.fill(height, from, from + length);
  }
  return factors.map((factor, minute) => factor * (burst[minute] ?? 1));
}

/** Weeks of calls with a daily and a weekly pattern, growth and bursts; what comes is Poisson of that. */
export function weekTrace({ weeks, peak, ...shape }: TraceShape, random: Random): TracePoint[] {
  const factors = weekFactors(weeks * WEEK_MINUTES, shape, random);
  return Array.from(factors, (factor, minute) => {
    return { at: TRACE_START + minute * MINUTE_MS, load: poisson(peak * factor, random) };
  });
}

/** A Poisson number: by the normal distribution where that is close enough, else by counting (Knuth). */
export function poisson(mean: number, random: Random): number {
  if (mean > 30) {
    const [u, v] = [Math.max(1e-12, random.fraction()), random.fraction()];
    const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let [count, product] = [0, random.fraction()];
  while (product > limit) {
    product *= random.fraction();
    count++;
  }
  return count;
}
