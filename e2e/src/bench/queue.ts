import { loadavg } from 'node:os';
import { Target } from '../load/target.ts';
import { queueInvites } from './queue-invites.ts';
import { writeQueuePlot } from './queue-plot.ts';
import type { BenchResult } from './result.ts';

const PROGRAMS = 'server/src/cluster/call-requests/testing';

interface Plan {
  /** Requests that wait when the scheduler is killed. */
  readonly waiting: number;
  readonly dispatched: number;
  /** Requests under way at a time while they are accepted. */
  readonly clients: number;
  readonly accounts: number;
  readonly picks: number;
  readonly rounds: number;
  /** Calls through a whole server. */
  readonly invites: number;
}

const FULL: Plan = {
  ...{ waiting: 1_000_000, dispatched: 20_000, clients: 64, accounts: 1000 },
  ...{ picks: 100_000, rounds: 5, invites: 8000 },
};
const QUICK: Plan = {
  ...{ waiting: 50_000, dispatched: 3000, clients: 64, accounts: 1000 },
  ...{ picks: 10_000, rounds: 3, invites: 150 },
};
const QUARTER = 250;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a process of the cluster says of itself; times are epoch milliseconds, 0: not yet. */
interface NodeFacts {
  readonly handed: number;
  readonly began: number;
  readonly first: number;
  readonly isReady: boolean;
  readonly waiting: number | null;
  readonly rss: number;
  readonly heapUsed: number;
}

interface Accepted {
  readonly perSecond: number;
  readonly p99Ms: number | null;
  readonly stored: number;
  readonly bytes: number;
}

/**
 * Call requests on a real NATS: how fast they are accepted (stored when the answer comes) and handed to a node, what a
 * scheduler's death costs with a million waiting, what a pick costs by accounts; and through a whole server, from free
 * capacity to the INVITE on the network.
 */
export async function queue({ quick, plot }: { quick: boolean; plot: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : FULL;
  const byAccounts = await pickCosts(plan);
  const stored = await storedRequests(plan);
  const invites = await queueInvites(plan.invites);
  if (plot) await writeQueuePlot(byAccounts);
  const atMillion = plan.waiting === 1_000_000;
  return {
    load: { ...plan, load_average: loadavg()[0] },
    ours: {
      accept_per_s: stored.acceptPerSecond,
      accept_p99_ms: stored.acceptP99Ms,
      rest_accept_per_s: invites.restAcceptPerSecond,
      dispatch_per_s: stored.dispatchPerSecond,
      to_invite_p50_ms: invites.freedP50Ms,
      to_invite_p99_ms: invites.freedP99Ms,
      accepted_to_invite_p99_ms: invites.acceptedP99Ms,
      recovery_1m_s: atMillion ? stored.recoverySeconds : null,
      recovery_s: stored.recoverySeconds,
      recovery_lease_s: stored.leaseSeconds,
      memory_bytes_per_request: stored.memoryBytes,
      stored_bytes_per_request: stored.storedBytes,
      by_accounts: byAccounts,
    },
    ratios: {
      most_to_fewest_accounts: Math.round(((byAccounts.at(-1)?.us ?? NaN) / (byAccounts[0]?.us ?? NaN)) * 100) / 100,
    },
    notes: [
      'nats-server, the accepting process, the scheduler and the call node share the machine',
      'stored: acknowledged by JetStream, in the file of its stream; it is synced to the disk by the server every two minutes',
      ...(atMillion ? [] : [`recovery_1m_s: ${plan.waiting} requests waited, see recovery_s`]),
    ],
  };
}

export interface PickCost {
  /** Accounts that have calls waiting. */
  readonly n: number;
  /** Microseconds to pick a call. */
  readonly us: number;
}

async function pickCosts({ picks, rounds }: Plan): Promise<readonly PickCost[]> {
  const args = [String(picks), String(rounds)];
  const { target, hello } = await Target.start<{ by_accounts: PickCost[] }>(`${PROGRAMS}/pick-costs.ts`, { args });
  await target.close();
  return hello.by_accounts;
}

interface StoredFigures {
  readonly acceptPerSecond: number;
  readonly acceptP99Ms: number | null;
  readonly dispatchPerSecond: number;
  readonly recoverySeconds: number;
  /** Of these until another process held the scheduler's lease. */
  readonly leaseSeconds: number;
  readonly memoryBytes: number;
  readonly storedBytes: number;
}

/** A cluster of an accepting process with nats-server, two that schedule and one that takes calls. */
async function storedRequests(plan: Plan): Promise<StoredFigures> {
  const { target: accepting, hello } = await Target.start<{ url: string }>(`${PROGRAMS}/request-cluster.ts`);
  const join = async (name: string, role: string): Promise<Target> =>
    (await Target.start(`${PROGRAMS}/request-node.ts`, { args: [hello.url, name, role] })).target;
  const node = await join('node', 'call');
  const schedulers = [await join('one', 'scheduler'), await join('other', 'scheduler')];
  try {
    // Which of them gets the lease is not for us to say.
    const [first, second] = await sorted(schedulers);
    const empty = await first.ask<NodeFacts>('facts');
    const accepted = await accepting.ask<Accepted>(`submit ${plan.waiting} ${plan.clients} ${plan.accounts}`);
    const full = await until(first, ({ waiting }) => waiting === plan.waiting);
    await second.ask('open');
    const killedAt = Date.now();
    process.kill(first.pid, 'SIGKILL');
    const recovered = await until(node, ({ first: at }) => at > 0, 'times');
    const { began } = await second.ask<NodeFacts>('times');
    const seconds = (ms: number): number => Math.round(ms) / 1000;
    return {
      acceptPerSecond: Math.round(accepted.perSecond),
      acceptP99Ms: accepted.p99Ms === null ? null : Math.round(accepted.p99Ms * 100) / 100,
      dispatchPerSecond: await dispatchRate(node, plan.dispatched),
      recoverySeconds: seconds(recovered.first - killedAt),
      leaseSeconds: seconds(began - killedAt),
      memoryBytes: Math.round((full.heapUsed - empty.heapUsed) / plan.waiting),
      storedBytes: Math.round(accepted.bytes / accepted.stored),
    };
  } finally {
    for (const each of [...schedulers, node, accepting]) await each.close();
  }
}

/** The one that schedules first. */
async function sorted(schedulers: readonly Target[]): Promise<[Target, Target]> {
  for (;;) {
    for (const each of schedulers) {
      const [other] = schedulers.filter((one) => one !== each);
      if (other !== undefined && (await each.ask<NodeFacts>('facts')).isReady) return [each, other];
    }
    await sleep(QUARTER);
  }
}

/** Requests that the node marked as being dialled, a second; each is over at once, which is stored too. */
async function dispatchRate(node: Target, count: number): Promise<number> {
  const from = await node.ask<{ handed: number }>('count');
  const began = performance.now();
  for (;;) {
    await sleep(QUARTER);
    const { handed } = await node.ask<{ handed: number }>('count');
    if (handed - from.handed >= count) return Math.round(((handed - from.handed) * 1000) / (performance.now() - began));
  }
}

async function until(target: Target, check: (facts: NodeFacts) => boolean, question = 'facts'): Promise<NodeFacts> {
  for (;;) {
    const facts = await target.ask<NodeFacts>(question);
    if (check(facts)) return facts;
    await sleep(QUARTER);
  }
}
