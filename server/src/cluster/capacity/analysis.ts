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

/** The look ahead has so many steps: between two of them load is taken to be no higher. */
const STEPS = 12;

/**
 * How many nodes there should be: as many as the most that is to be expected needs until a node that is started now could
 * take calls; fewer only when that will do for longer. Pure.
 */
export function analyse(question: CapacityQuestion): CapacityDecision {
  const { sample, policy } = question;
  const near = peak(question, sample.startupMs + 2 * policy.everyMs);
  const far = peak(question, Math.max(policy.keepMs, sample.startupMs + 2 * policy.everyMs));
  const have = sample.nodes + sample.starting;
  const [needed, kept] = [nodesFor(near, question), nodesFor(far, question)];
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

function peak(question: CapacityQuestion, withinMs: number): Demand {
  let most = demandAt(question, question.sample.at);
  for (let step = 1; step <= STEPS; step++) {
    const demand = demandAt(question, question.sample.at + (withinMs * step) / STEPS);
    if (demand.total > most.total) most = demand;
  }
  return most;
}

function demandAt({ sample, forecast, policy }: CapacityQuestion, at: number): Demand {
  const { mean, error } = forecast?.at(at) ?? { mean: sample.load, error: Math.sqrt(Math.max(1, sample.load)) };
  const ahead = Math.max(0, at - sample.at) / 1000;
  const holdMs = policy.holdSeconds * 1000;
  let scheduled = 0;
  for (const { at: start, calls } of sample.scheduled) if (start <= at && start > at - holdMs) scheduled += calls;
  const queued = Math.max(0, sample.waiting + Math.max(0, sample.waitingPerSecond) * ahead);
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
  if (decisive.scheduled > 0) reasons.push(`${decisive.scheduled} scheduled calls begin until then`);
  if (wanted > have) reasons.push(`a node takes ${rounded(sample.startupMs / 1000)} s to start, so it is started now`);
  else if (wanted < have) reasons.push(`no more are needed for ${Math.round(policy.keepMs / 60_000)} min`);
  else if (kept > needed) reasons.push(`${needed} would do now, ${kept} are needed later`);
  return reasons;
}

const rounded = (value: number, parts = 10): number => Math.round(value * parts) / parts;
