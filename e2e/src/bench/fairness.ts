import { join } from 'node:path';
import { hookswitch } from '../fixtures/application.ts';
import { start } from '../fixtures/processes.ts';
import type { Started } from '../fixtures/processes.ts';
import { openAccount } from '../fixtures/rest-client.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { freeUdpPort } from '../load/free-port.ts';
import { median, percentile } from './result.ts';
import type { BenchResult } from './result.ts';

/** Legs that the node may have: nine tenths are for outgoing calls. */
const CAPACITY = 40;
/** Requests to the API under way at a time. */
const CONNECTIONS = 16;
const TALK = '<Response><Pause length="1"/></Response>';

interface Tenant {
  readonly number: string;
  readonly weight: number;
  /** Calls that it asks for at once. */
  readonly calls: number;
  readonly account: string;
  readonly authToken: string;
}

/** One call: when it began, and how long it had waited, milliseconds. */
interface Begun {
  readonly at: number;
  readonly waited: number;
}

/**
 * Real calls of ten accounts on one node, to sipp as carrier: nine ask for some, one of them with three times the weight and calls; with
 * and without a tenth that asks for a thousand first.
 */
export async function fairness({ quick }: { quick: boolean }): Promise<BenchResult> {
  const [rounds, each] = quick ? [1, 16] : [3, 40];
  const carrier = await startSipp();
  const server = await startServer({
    gateway: `127.0.0.1:${carrier.port}`,
    args: ['--log-level', 'error', '--call-capacity', String(CAPACITY)],
  });
  try {
    const quiet: Tenant[] = [];
    for (let n = 0; n < 9; n++)
      quiet.push(await openTenant(server, carrier.port, n === 0 ? 3 : 1, n === 0 ? each * 3 : each));
    const noisy = await openTenant(server, carrier.port, 1, quick ? 100 : 1000);
    // Warm: the first calls of a server are slower.
    await ask(server, quiet.slice(1, 2));
    const results: { jain: number; ratio: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const alone = await ask(server, quiet);
      const among = await ask(server, quiet, noisy);
      results.push({ jain: jainOf(among, [...quiet, noisy]), ratio: p95(among, quiet) / p95(alone, quiet) });
    }
    return {
      load: {
        rounds,
        capacity: CAPACITY,
        quiet: quiet.map(({ weight, calls }) => ({ weight, calls })),
        noisy: noisy.calls,
      },
      ours: { jain: median(results.map(({ jain }) => jain)), rounds: results },
      ratios: { quiet_p95_wait: median(results.map(({ ratio }) => ratio)) },
      notes: [
        'jain: of calls begun over weight, from when all are asked for until the first account has none left that waits',
        'quiet_p95_wait: 95th percentile of the wait of the nine, with the tenth over without, of the same round',
      ],
    };
  } finally {
    await server.stop();
    await carrier.process.stop('SIGKILL');
  }
}

async function startSipp(): Promise<{ readonly port: number; readonly process: Started }> {
  const port = await freeUdpPort();
  const scenario = join(import.meta.dirname, '../fixtures/sipp/carrier.xml');
  const process = start('sipp', ['-sf', scenario, '-nostdin', '-i', '127.0.0.1', '-p', String(port)]);
  return { port, process };
}

async function openTenant(server: TestServer, gateway: number, weight: number, calls: number): Promise<Tenant> {
  const { account, authToken } = await openAccount(server, `weight ${String(weight)}`);
  const number = `+1555${String(Math.trunc(1e6 + Math.random() * 8e6))}`;
  const of = ['--account', account];
  const limits = ['--call-weight', String(weight), '--calls-per-second', '1000', '--call-burst', '10000'];
  await hookswitch(server, 'limits', 'set', ...limits, ...of);
  await hookswitch(server, 'trunks', 'add', '--name', 'carrier', '--gateway', `127.0.0.1:${String(gateway)}`, ...of);
  await hookswitch(server, 'numbers', 'add', number, ...of);
  return { number, weight, calls, account, authToken };
}

/** All calls of `tenants`, asked for at once after those of `noisy`; resolves when all of `tenants` have begun. */
async function ask(server: TestServer, tenants: readonly Tenant[], noisy?: Tenant): Promise<Map<Tenant, Begun[]>> {
  const origin = new URL((await server.state()).pageUrl).origin;
  const asked = new Map<Tenant, Map<string, number>>();
  const orders = tenants.flatMap((tenant) => Array.from({ length: tenant.calls }, () => tenant));
  const all = [...Array.from({ length: noisy?.calls ?? 0 }, () => noisy as Tenant), ...shuffled(orders)];
  const client = async (): Promise<void> => {
    for (let tenant = all.shift(); tenant !== undefined; tenant = all.shift()) {
      const at = performance.now();
      const { sid } = await request<{ sid: string }>(origin, tenant, 'Calls.json', {
        ...{ To: '+15550123', From: tenant.number, Twiml: TALK },
      });
      asked.set(tenant, (asked.get(tenant) ?? new Map<string, number>()).set(sid, at));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const begun = new Map<Tenant, Begun[]>();
  for (const tenant of tenants) begun.set(tenant, await begunOf(origin, tenant, asked.get(tenant), true));
  if (noisy !== undefined) {
    begun.set(noisy, await begunOf(origin, noisy, asked.get(noisy), false));
    await takeBack(origin, noisy, asked.get(noisy));
  }
  return begun;
}

async function begunOf(
  origin: string,
  tenant: Tenant,
  asked: ReadonlyMap<string, number> = new Map(),
  all: boolean,
): Promise<Begun[]> {
  for (;;) {
    const { calls } = await request<{ calls: { sid: string; status: string; queue_time: string }[] }>(
      origin,
      tenant,
      'Calls.json?PageSize=1000',
    );
    const ours = calls.filter(({ sid, status }) => asked.has(sid) && !['queued', 'canceled'].includes(status));
    if (ours.some(({ status }) => status === 'failed')) throw new Error(`a call of ${tenant.account} failed`);
    if (!all || ours.length === asked.size) {
      return ours.map(({ sid, queue_time }) => {
        const waited = Number(queue_time);
        return { at: (asked.get(sid) ?? 0) + waited, waited };
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What still waits would be in the way of the next round; those that talk are over in a second. */
async function takeBack(origin: string, tenant: Tenant, asked: ReadonlyMap<string, number> = new Map()): Promise<void> {
  const left = [...asked.keys()];
  const client = async (): Promise<void> => {
    for (let sid = left.pop(); sid !== undefined; sid = left.pop()) {
      await request(origin, tenant, `Calls/${sid}.json`, { Status: 'completed' }).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

async function request<T>(origin: string, tenant: Tenant, path: string, form?: Record<string, string>): Promise<T> {
  const { account, authToken } = tenant;
  const response = await fetch(`${origin}/2010-04-01/Accounts/${account}/${path}`, {
    headers: { authorization: `Basic ${btoa(`${account}:${authToken}`)}` },
    ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
  });
  if (!response.ok) throw new Error(`${path} was answered ${String(response.status)}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Jain's index, while all have calls that wait: 1 when all have the same share for their weight, 1/n when one has all. */
function jainOf(begun: ReadonlyMap<Tenant, readonly Begun[]>, tenants: readonly Tenant[]): number {
  const from = Math.max(
    ...tenants.map((tenant) => Math.max(...(begun.get(tenant) ?? []).map(({ at, waited }) => at - waited))),
  );
  const lastOf = (tenant: Tenant): number => Math.max(...(begun.get(tenant) ?? []).map(({ at }) => at));
  const until = Math.min(...tenants.filter((tenant) => begun.get(tenant)?.length === tenant.calls).map(lastOf));
  const shares = tenants.map(
    (tenant) => (begun.get(tenant) ?? []).filter(({ at }) => at > from && at <= until).length / tenant.weight,
  );
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0));
}

const p95 = (begun: ReadonlyMap<Tenant, readonly Begun[]>, tenants: readonly Tenant[]): number =>
  percentile(
    tenants.flatMap((tenant) => (begun.get(tenant) ?? []).map(({ waited }) => waited)),
    0.95,
  ) ?? 0;

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}
