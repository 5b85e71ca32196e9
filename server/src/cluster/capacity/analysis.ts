import { linesForBlocking, waiting } from './erlang.ts';
import type { Expected } from './forecast.ts';
import type { CapacityDecision, CapacityPolicy, LoadSample } from './ports.ts';

/** The documented numbers of the analysis (docs/cluster.md). */
export const CAPACITY_POLICY: CapacityPolicy = {
  blocking: 0.005,
  sigmas: 1.65,
  reserve: 0.1,
  holdSeconds: 120,
  everyMs: 15_000,
  startsAtOnce: 2,
  keepMs: 20 * 60_000,
};

/** What the analysis looks at. */
export interface CapacityQuestion {
  readonly sample: LoadSample;
  /** Undefined: there is no history yet, what is now is what is expected. */
  readonly forecast: { at(time: number): Expected } | undefined;
  readonly policy: CapacityPolicy;
}

/** Load at a time to come, and what it is made of. Erlangs. */
interface Demand extends Expected {
  readonly at: number;
  readonly scheduled: number;
  readonly queued: number;
  /** What is provided for. */
  readonly total: number;
}

/** Load at a time to come, and how many nodes there have to be from now on because of it. */
interface Need {
  readonly demand: Demand;
  readonly nodes: number;
}

/** Calls that start later are known by the minute, milliseconds. */
const MINUTE_MS = 60_000;

/** The look ahead has so many steps: between two of them load is taken to be no higher, but for calls whose start is known. */
const STEPS = 12;

/**
 * How many nodes there should be: as many as the most that is to be expected needs until a node that is started now could
 * take calls, and earlier when so many are missing that they cannot be started together; fewer only when that will do for
 * longer. Pure.
 */
export function analyse(question: CapacityQuestion): CapacityDecision {
  const { sample, policy } = question;
  const readyMs = sample.startupMs + 2 * policy.everyMs;
  const keepMs = Math.max(policy.keepMs, readyMs);
  const soon = most(question, [readyMs, keepMs], (aheadMs) => startedLater(question, aheadMs - readyMs));
  const late = most(question, [readyMs, keepMs], () => 0);
  const [near, far] = [soon.demand, late.demand];
  const have = sample.nodes + sample.starting;
  const [needed, kept] = [soon.nodes, late.nodes];
  const wanted = needed > have ? needed : Math.min(have, Math.max(needed, kept));
  const decisive = wanted > have || kept <= needed ? near : far;
  return {
    at: sample.at,
    action: wanted > have ? 'expand' : wanted < have ? 'contract' : 'hold',
    nodes: have,
    wanted,
    load: sample.load,
    expected: rounded(decisive.total),
    error: rounded(decisive.error),
    expectedAt: decisive.at,
    channels: linesForBlocking(decisive.total, policy.blocking),
    wouldWait: rounded(waiting(sample.load + sample.waiting, usable(sample, policy) * sample.nodes), 1000),
    reasons: reasonsOf(question, { near, far, wanted, have, needed, kept }),
  };
}

/**
 * The time to come that needs most nodes.
 *
 * @param within ends of stretches that are looked at in steps, milliseconds from now
 * @param later nodes that are started in time if they are started later
 */
function most(question: CapacityQuestion, within: readonly number[], later: (aheadMs: number) => number): Need {
  const { at: now, scheduled } = question.sample;
  const end = Math.max(...within);
  const steps = within.flatMap((ms) => Array.from({ length: STEPS }, (_, step) => (ms * (step + 1)) / STEPS));
  const starts = scheduled.map(({ at }) => at - now).filter((ms) => ms > 0 && ms <= end);
  let best: Need | undefined;
  for (const aheadMs of [0, ...steps, ...starts]) {
    const demand = demandAt(question, now + aheadMs);
    const nodes = nodesFor(demand, question) - later(aheadMs);
    const isMore =
      best === undefined || nodes > best.nodes || (nodes === best.nodes && demand.total > best.demand.total);
    if (isMore) best = { demand, nodes };
  }
  return best ?? { demand: demandAt(question, now), nodes: 0 };
}

/** Nodes that can be started by then though none is started now. @param spareMs how much later than a node of now they are ready */
function startedLater({ sample, policy }: CapacityQuestion, spareMs: number): number {
  if (spareMs <= 0) return 0;
  return policy.startsAtOnce * (1 + Math.floor(spareMs / (sample.startupMs + policy.everyMs)));
}

function demandAt({ sample, forecast, policy }: CapacityQuestion, at: number): Demand {
  const { mean, error } = forecast?.at(at) ?? { mean: sample.load, error: Math.sqrt(Math.max(1, sample.load)) };
  const ahead = Math.max(0, at - sample.at) / 1000;
  const { legs, seconds } = sample.perCall ?? { legs: 1, seconds: policy.holdSeconds };
  const holdMs = Math.max(MINUTE_MS, seconds * 1000);
  let scheduled = 0;
  for (const { at: start, calls } of sample.scheduled)
    if (start <= at && start > at - holdMs) scheduled += calls * legs;
  const queued = legs * Math.max(0, sample.waiting + Math.max(0, sample.waitingPerSecond) * ahead);
  // What is there now is certain: the forecast adds to it, it does not talk it away.
  const base = ahead === 0 ? sample.load : Math.max(0, mean + policy.sigmas * error);
  return { at, mean, error, scheduled, queued, total: base + scheduled + queued };
}

const usable = ({ channelsPerNode }: LoadSample, { reserve }: CapacityPolicy): number =>
  Math.max(1, Math.floor(channelsPerNode * (1 - reserve)));

function nodesFor({ total }: Demand, { sample, policy }: CapacityQuestion): number {
  return Math.ceil(linesForBlocking(total, policy.blocking) / usable(sample, policy));
}

interface Outcome {
  readonly near: Demand;
  readonly far: Demand;
  readonly wanted: number;
  readonly have: number;
  readonly needed: number;
  readonly kept: number;
}

function reasonsOf({ sample, policy }: CapacityQuestion, { near, far, wanted, have, needed, kept }: Outcome): string[] {
  const decisive = wanted > have || kept <= needed ? near : far;
  const minutes = Math.round((decisive.at - sample.at) / 60_000);
  const when = decisive.at === sample.at ? 'now' : minutes < 1 ? 'within a minute' : `in ${minutes} min`;
  const lines = linesForBlocking(decisive.total, policy.blocking);
  const spare = usable(sample, policy);
  const reasons = [
    `${rounded(decisive.total)} Erlangs are provided for ${when}; at most ${policy.blocking * 100} % of calls refused needs ${lines} channels, ${Math.ceil(lines / spare)} nodes of ${spare}`,
    decisive.at === sample.at
      ? `${rounded(sample.load)} channels are in use`
      : `forecast ${rounded(decisive.mean)} ± ${rounded(decisive.error)} (1 σ; ${policy.sigmas} are provided for), ${rounded(sample.load)} in use now`,
  ];
  if (decisive.queued > 0) {
    reasons.push(`${sample.waiting} calls wait for channels, ${rounded(sample.waitingPerSecond)} more each second`);
  }
  if (decisive.scheduled > 0) {
    reasons.push(`scheduled calls that begin until then take ${rounded(decisive.scheduled)} channels`);
  }
  if (sample.perCall !== undefined && decisive.queued + decisive.scheduled > 0) {
    const { legs, seconds } = sample.perCall;
    reasons.push(
      `each of these is expected to take ${rounded(legs)} channels for ${rounded(seconds)} s, by its application`,
    );
  }
  const missing = Math.ceil(lines / spare) - have;
  if (wanted > have && missing > policy.startsAtOnce) {
    reasons.push(`${missing} more are needed ${when}, of which ${policy.startsAtOnce} start at a time`);
  }
  if (wanted > have) reasons.push(`a node takes ${rounded(sample.startupMs / 1000)} s to start, so it is started now`);
  else if (wanted < have) reasons.push(`no more are needed for ${Math.round(policy.keepMs / 60_000)} min`);
  else if (kept > needed) reasons.push(`${needed} would do now, ${kept} are needed later`);
  return reasons;
}

const rounded = (value: number, parts = 10): number => Math.round(value * parts) / parts;
