import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { openApplication } from '../fixtures/application.ts';
import { startIngress } from '../fixtures/kamailio.ts';
import { start } from '../fixtures/processes.ts';
import type { Started } from '../fixtures/processes.ts';
import { startServer } from '../fixtures/server.ts';
import type { RunState, TestServer } from '../fixtures/server.ts';
import type { BenchResult } from './result.ts';

/** Load that is stepped up and down. */
interface Plan {
  readonly low: number;
  readonly high: number;
  /** Calls a second while the load rises. */
  readonly rate: number;
  /** Seconds that the low load, the high one, and the low one again last. */
  readonly seconds: readonly [before: number, high: number, after: number];
  readonly capacity: number;
  readonly nodes: string;
  readonly coolDownSeconds: number;
}

const FULL: Plan = {
  ...{ low: 10, high: 200, rate: 4, seconds: [20, 150, 120], capacity: 70, nodes: '1-4', coolDownSeconds: 20 },
};
const QUICK: Plan = {
  ...{ low: 4, high: 30, rate: 1, seconds: [10, 60, 60], capacity: 12, nodes: '1-3', coolDownSeconds: 10 },
};

const NUMBER = '+15550193';
/** Answered, and up until the caller hangs up. */
const HELD = '<Gather timeout="300"/><Gather timeout="300"/>';

interface Look {
  readonly at: number;
  readonly calls: number;
  readonly ready: number;
  readonly draining: number;
}

interface NodeList {
  readonly nodes: readonly { readonly state: string; readonly channels: number | null }[];
}

/**
 * Step load: real calls of sipp through Kamailio at call nodes that the allocator starts and drains as processes of this
 * machine. What counts is that no call is refused or dropped that the capacity could have carried.
 */
export async function elastic({ quick }: { quick: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : FULL;
  const server = await startServer({
    // sipp sends no audio; nodes get what is in the environment.
    env: { HOOKSWITCH_MEDIA_TIMEOUT: '86400', HOOKSWITCH_MEDIA_WORKERS: '1' },
    args: [
      ...['--log-level', 'error', '--allocator', 'local', '--call-nodes', plan.nodes],
      ...['--call-capacity', String(plan.capacity), '--allocator-cooldown', String(plan.coolDownSeconds)],
    ],
  });
  const application = await openApplication(server, NUMBER, () => HELD);
  const ingress = await startIngress(server, '127.0.0.1');
  await ingress.followed(1);
  const looks: Look[] = [];
  const begun = performance.now();
  const watching = setInterval(() => {
    void look(server, begun).then(
      (seen) => looks.push(seen),
      () => undefined,
    );
  }, 500);
  try {
    const [before, high, after] = plan.seconds;
    const total = before + high + after;
    const sipp = `${ingress.sip.host}:${ingress.sip.port}`;
    // Those of the low load are up all the time: they are on nodes that stay, and on nodes that go.
    const low = sippCalls({ target: sipp, calls: plan.low, rate: plan.low, holdSeconds: total });
    await seconds(before);
    const step = sippCalls({ target: sipp, calls: plan.high - plan.low, rate: plan.rate, holdSeconds: high / 2 });
    const stepped = await step.done;
    await seconds(after);
    const steady = await low.done;
    const end = await settled(server, begun);
    const decisions = await operator<{ decisions: { action: string; reasons: string[] }[] }>(
      server,
      '/v1/cluster/decisions',
    );
    const most = Math.max(...looks.map(({ ready }) => ready));
    const calls = { created: stepped.created + steady.created, failed: stepped.failed + steady.failed };
    return {
      load: { load_average: loadavg()[0], cores: cpus().length, ...plan },
      ours: {
        calls: calls.created,
        calls_failed: calls.failed,
        nodes_most: most,
        nodes_end: end.ready,
        seconds_to_second_node: secondsTo(looks, 2, before),
        seconds_until_contracted: end.at,
        changes: decisions.decisions.filter(({ action }) => action !== 'hold').length,
        looks: looks.filter((_, at) => at % 10 === 0),
      },
      notes: [
        'calls_failed: refused, dropped or not ended as they should, as sipp counts them',
        'nodes are processes with the role call, started and drained by the allocator on this machine',
      ],
    };
  } finally {
    clearInterval(watching);
    await ingress.stop();
    await application.close();
    await server.stop();
  }
}

async function operator<T>(server: TestServer, path: string): Promise<T> {
  const { pageUrl, operatorKey } = (await server.state()) as RunState & { operatorKey: string };
  const response = await fetch(new URL(path, pageUrl), { headers: { authorization: `Bearer ${operatorKey}` } });
  return (await response.json()) as T;
}

async function look(server: TestServer, begun: number): Promise<Look> {
  const { nodes } = await operator<NodeList>(server, '/v1/cluster/nodes');
  return {
    at: Math.round((performance.now() - begun) / 100) / 10,
    calls: nodes.reduce((sum, { channels }) => sum + (channels ?? 0), 0),
    ready: nodes.filter(({ state }) => state === 'ready').length,
    draining: nodes.filter(({ state }) => state === 'draining').length,
  };
}

/** Until one node is left and has nothing to do, two minutes at most. */
async function settled(server: TestServer, begun: number): Promise<Look> {
  for (let attempt = 0; ; attempt++) {
    const seen = await look(server, begun);
    if ((seen.ready === 1 && seen.draining === 0 && seen.calls === 0) || attempt > 120) return seen;
    await seconds(1);
  }
}

const secondsTo = (looks: readonly Look[], nodes: number, from: number): number | null => {
  const found = looks.find(({ ready }) => ready >= nodes);
  return found === undefined ? null : Math.round((found.at - from) * 10) / 10;
};

interface SippCalls {
  readonly done: Promise<{ readonly created: number; readonly failed: number }>;
}

function sippCalls(options: { target: string; calls: number; rate: number; holdSeconds: number }): SippCalls {
  const { target, calls, rate, holdSeconds } = options;
  const limit = String(Math.round(calls / rate + holdSeconds + 60));
  const sipp: Started = start('sipp', [
    ...[target, '-sf', join(import.meta.dirname, '../load/held-call.xml'), '-s', NUMBER, '-i', '127.0.0.1'],
    ...['-r', String(rate), '-m', String(calls), '-l', String(calls), '-d', String(holdSeconds * 1000)],
    ...['-nostdin', '-timeout', `${limit}s`, '-recv_timeout', '20000'],
  ]);
  const count = (label: string): number =>
    Number(new RegExp(`${label}\\s*\\|\\s*\\d+\\s*\\|\\s*(\\d+)`, 'g').exec(sipp.output().slice(-6000))?.[1] ?? -1);
  return {
    done: sipp.exited.then(() => {
      const [successful, failed] = [count('Successful call'), count('Failed call')];
      // What was never placed is no success either.
      return { created: calls, failed: Math.max(failed, calls - successful) };
    }),
  };
}

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));
