import { seededRandom } from '../../../kernel/index.ts';
import { ALLOCATOR_POLICY } from '../../allocator/machine.ts';
import { errorsAhead, forecasting, perfect, reactive, runFleet } from './closed-loop.ts';
import type { Fleet, Outcome } from './closed-loop.ts';
import { weekTrace } from '../../simulation/week-trace.ts';
import type { TracePoint } from '../../simulation/week-trace.ts';

const WEEK_MINUTES = 7 * 1440;
/** Between two margins that the reactive baseline is tried with. */
const MARGIN_STEP = 0.02;

const fleetOf = (startupMinutes: number): Fleet => ({
  channelsPerNode: 50,
  startupMs: startupMinutes * 60_000,
  policy: { ...ALLOCATOR_POLICY, min: 1, max: 40, step: 4 },
});

/** Three weeks to learn from, and the next one to be judged by. */
function weeksOf(seed: number): { readonly history: readonly TracePoint[]; readonly week: readonly TracePoint[] } {
  const trace = weekTrace({ weeks: 4, peak: 400, growth: 0.05, bursts: 12 }, seededRandom(seed));
  return { history: trace.slice(0, 3 * WEEK_MINUTES), week: trace.slice(3 * WEEK_MINUTES) };
}

export interface Comparison {
  readonly perfect: Outcome;
  readonly forecast: Outcome;
  /** The reactive baseline with the margins with which it costs at least as much as the forecast. */
  readonly reactive: Outcome;
}

/** Production code in a closed loop over a week of each seed, summed up. */
export function compare(seeds: readonly number[], startupMinutes: number): Comparison {
  const fleet = fleetOf(startupMinutes);
  const weeks = seeds.map((seed): Comparison => {
    const { history, week } = weeksOf(seed);
    const forecast = runFleet(week, fleet, forecasting(history));
    let plain = runFleet(week, fleet, reactive(0));
    for (let margin = MARGIN_STEP; plain.nodeHours < forecast.nodeHours; margin += MARGIN_STEP) {
      plain = runFleet(week, fleet, reactive(margin));
    }
    return { forecast, reactive: plain, perfect: runFleet(week, fleet, perfect(week, fleet)) };
  });
  return total(weeks);
}

/** Several as one. */
export function total(all: readonly Comparison[]): Comparison {
  const sum = (pick: (one: Comparison) => Outcome): Outcome =>
    all.map(pick).reduce((a, b) => ({
      nodeHours: a.nodeHours + b.nodeHours,
      shortMinutes: a.shortMinutes + b.shortMinutes,
      lost: a.lost + b.lost,
      changes: a.changes + b.changes,
    }));
  return {
    perfect: sum((one) => one.perfect),
    forecast: sum((one) => one.forecast),
    reactive: sum((one) => one.reactive),
  };
}

export type ErrorRow = ReturnType<typeof errorsAhead> & { readonly minutes: number };

/** How far off the forecast is, by how far it looks ahead. */
export function errorTable(seed: number, minutesAhead: readonly number[]): ErrorRow[] {
  const { history, week } = weeksOf(seed);
  return minutesAhead.map((minutes) => ({ minutes, ...errorsAhead(history, week, minutes) }));
}
