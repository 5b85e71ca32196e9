import { EMPTY_ALLOCATOR, allocatorMachine } from '../../allocator/machine.ts';
import type { AllocatorPolicy, FleetNode } from '../../allocator/machine.ts';
import { CAPACITY_POLICY, LoadForecast, analyse } from '../index.ts';
import type { Expected, LoadSample } from '../index.ts';
import type { TracePoint } from '../../simulation/week-trace.ts';

/** Machines that the load runs on. */
export interface Fleet {
  readonly channelsPerNode: number;
  readonly startupMs: number;
  readonly policy: AllocatorPolicy;
}

/** What a week of decisions came to. */
export interface Outcome {
  readonly nodeHours: number;
  /** Minutes with more calls than channels. */
  readonly shortMinutes: number;
  /** Calls that found no channel, in Erlang-minutes. */
  readonly lost: number;
  /** Nodes started and drained. */
  readonly changes: number;
}

/** How many nodes are wanted now. */
export type Wanted = (sample: LoadSample) => number;

/** Runs the allocator's machine over a trace: nodes start and drain with delay, and what was decided is what there is. */
export function runFleet(trace: readonly TracePoint[], fleet: Fleet, wanted: Wanted): Outcome {
  const step = allocatorMachine(fleet.policy);
  let state = EMPTY_ALLOCATOR;
  let nodes: FleetNode[] = [];
  let coming: number[] = [];
  let serial = 0;
  const add = (now: number): void => {
    nodes.push({ node: `n${serial++}`, channels: 0, draining: false, startedAt: now, removable: true });
  };
  for (let n = 0; n < fleet.policy.min; n++) add(0);
  let [nodeMinutes, shortMinutes, lost, changes] = [0, 0, 0, 0];
  for (const { at, load } of trace) {
    for (const due of coming.filter((each) => each <= at)) {
      coming = coming.filter((each) => each !== due);
      add(at);
      state = step(state, { kind: 'joined', now: at }).state;
    }
    const sample: LoadSample = {
      ...{ at, load, waiting: 0, waitingPerSecond: 0, scheduled: [], nodes: nodes.length },
      ...{ starting: state.starting.length, channelsPerNode: fleet.channelsPerNode, startupMs: fleet.startupMs },
    };
    const { state: next, effects } = step(state, { kind: 'look', now: at, wanted: wanted(sample), nodes });
    state = next;
    for (const effect of effects) {
      changes++;
      if (effect.kind === 'start') {
        // Apart from each other, so that each is found when its time comes.
        for (let n = 0; n < effect.count; n++) coming.push(at + fleet.startupMs + n / 1000);
      } else nodes = nodes.filter(({ node }) => node !== effect.node);
    }
    // What is being started is paid for, too.
    nodeMinutes += nodes.length + coming.length;
    const room = nodes.length * fleet.channelsPerNode;
    if (load > room) {
      shortMinutes++;
      lost += load - room;
    }
  }
  return { nodeHours: nodeMinutes / 60, shortMinutes, lost, changes };
}

/** The production analysis with what it has learnt from the trace so far. */
export function forecasting(history: readonly TracePoint[], sigmas = CAPACITY_POLICY.sigmas): Wanted {
  const forecast = new LoadForecast();
  for (const { at, load } of history) forecast.observe(at, load);
  return (sample) => {
    forecast.observe(sample.at, sample.load);
    return analyse({ sample, forecast, policy: { ...CAPACITY_POLICY, sigmas } }).wanted;
  };
}

/** What is there now and a margin of it: what most autoscalers do. */
export function reactive(margin: number): Wanted {
  return ({ load, channelsPerNode }) => Math.ceil((load * (1 + margin)) / channelsPerNode);
}

/** Knows what will come. Nobody can be cheaper and never short, with the same start-up time and cool-down. */
export function perfect(trace: readonly TracePoint[], { startupMs, policy }: Fleet): Wanted {
  const index = new Map(trace.map(({ at }, position) => [at, position]));
  return ({ at, channelsPerNode }) => {
    const from = index.get(at) ?? 0;
    const ahead = Math.ceil((startupMs + policy.coolDownMs) / 60_000) + 1;
    let most = 0;
    for (let n = from; n <= from + ahead; n++) most = Math.max(most, trace[n]?.load ?? 0);
    return Math.ceil(most / channelsPerNode);
  };
}

/** Mean absolute error over the mean load, of what was said so many minutes before; of the forecast and of "as now". */
export function errorsAhead(
  history: readonly TracePoint[],
  week: readonly TracePoint[],
  minutes: number,
): { readonly forecast: number; readonly asNow: number; readonly within: number } {
  const forecast = new LoadForecast();
  for (const { at, load } of history) forecast.observe(at, load);
  const said: (Expected & { readonly asNow: number })[] = [];
  let [off, offAsNow, sum, within] = [0, 0, 0, 0];
  for (const [index, { at, load }] of week.entries()) {
    const before = said[index - minutes];
    if (before !== undefined) {
      off += Math.abs(load - before.mean);
      offAsNow += Math.abs(load - before.asNow);
      sum += load;
      if (Math.abs(load - before.mean) <= 1.65 * before.error) within++;
    }
    forecast.observe(at, load);
    said.push({ ...forecast.at(at + minutes * 60_000), asNow: load });
  }
  return { forecast: off / sum, asNow: offAsNow / sum, within: within / (week.length - minutes) };
}
