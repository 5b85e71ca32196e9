import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import { hookswitch } from '../fixtures/application.ts';
import { startServer } from '../fixtures/server.ts';
import type { Credentials } from '../fixtures/server.ts';
import { cpuSeconds } from '../fixtures/process-facts.ts';
import { startBareRoute } from './bare-route.ts';
import { percentile } from './result.ts';
import type { BenchResult } from './result.ts';

/** Requests under way at a time. */
const CONNECTIONS = 32;

interface Target {
  readonly base: URL;
  readonly credentials: Credentials;
  readonly agent: Agent;
}

/**
 * REST: requests a second over one mix (a call, a page of 50 calls, an application, an account), and lists over a million
 * calls, each kind of filter with paging. Server, database and clients share the machine.
 */
export async function rest({ quick }: { quick: boolean }): Promise<BenchResult> {
  const rows = quick ? 100_000 : 1_000_000;
  const server = await startServer();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const state = JSON.parse(await readFile(join(server.dataDir, 'run.json'), 'utf8')) as { database: { url: string } };
  const database = new pg.Client({ connectionString: state.database.url });
  try {
    await database.connect();
    const credentials = await server.credentials();
    // One account alone asks as fast as it can: the process is what is measured, not the limit.
    const unlimited = ['--requests-per-second', '1000000', '--request-burst', '1000000'];
    await hookswitch(server, 'limits', 'set', ...unlimited, '--account', credentials.account);
    const target: Target = { base: new URL((await server.state()).pageUrl), credentials, agent };
    await fill(database, credentials.account, rows);
    const sids = await database.query<{ sid: string }>('select sid from records.calls limit 1000');
    const paths = mix(
      credentials.account,
      sids.rows.map(({ sid }) => sid),
    );
    const requests = quick ? 3000 : 20_000;
    await load(target, paths, quick ? 500 : 3000);
    const { pid } = await server.state();
    const before = await cpuSeconds([pid]);
    const mixed = await load(target, paths, requests);
    const cpuMs = (((await cpuSeconds([pid])) - before) * 1000) / requests;
    const bare = await bareRoute(target, paths, requests);
    const lists: Record<string, number | null> = {};
    let all: number[] = [];
    for (const [name, query] of FILTERS) {
      const times = await pages(target, query, quick ? 20 : 60);
      lists[name] = percentile(times, 0.99);
      all = all.concat(times);
    }
    return {
      load: { rows, connections: CONNECTIONS, requests: mixed.times.length },
      peers: { bare_fastify: bare },
      ratios: { rps_of_bare_fastify: Math.round((mixed.perSecond / bare.rps) * 100) / 100 },
      ours: {
        rps: Math.round(mixed.perSecond),
        cpu_ms_per_request: Math.round(cpuMs * 1000) / 1000,
        p50_ms: percentile(mixed.times, 0.5),
        p99_ms: percentile(mixed.times, 0.99),
        errors: mixed.errors,
        list_1m_p99_ms: percentile(all, 0.99),
        list_p99_ms_by_filter: lists,
      },
      notes: ['server, PostgreSQL, NATS and the clients share the machine'],
    };
  } finally {
    agent.destroy();
    await database.end();
    await server.stop();
  }
}

/** The same requests to a process that answers each with the same bytes, of one of our answers, and asks no database. */
async function bareRoute(
  target: Target,
  paths: (n: number) => string,
  requests: number,
): Promise<{ rps: number; p50_ms: number | null; p99_ms: number | null; cpu_ms_per_request: number }> {
  const { body } = await get(target, paths(3));
  const peer = await startBareRoute(body);
  try {
    const bare = { ...target, base: new URL(`http://127.0.0.1:${peer.port}`) };
    await load(bare, paths, Math.ceil(requests / 8));
    const before = await cpuSeconds([peer.pid]);
    const { perSecond, times } = await load(bare, paths, requests);
    const cpuMs = (((await cpuSeconds([peer.pid])) - before) * 1000) / requests;
    return {
      rps: Math.round(perSecond),
      p50_ms: percentile(times, 0.5),
      p99_ms: percentile(times, 0.99),
      cpu_ms_per_request: Math.round(cpuMs * 1000) / 1000,
    };
  } finally {
    await peer.close();
  }
}

/** Calls of two years, of all statuses, by 1000 callers to 200 numbers. */
async function fill(database: pg.Client, account: string, rows: number): Promise<void> {
  await database.query(
    `insert into records.calls (sid, account_sid, direction, caller, called, status, created_at, updated_at, start_time,
       answered_at, end_time, duration, node, fence, sequence, version, parent_call_sid)
     select 'CA' || md5(n::text), $1, case when n % 3 = 0 then 'outbound-api' else 'inbound' end,
       '+1555' || lpad((n % 1000)::text, 7, '0'), '+1556' || lpad((n % 200)::text, 7, '0'),
       (array['completed','completed','completed','completed','busy','no-answer','failed','canceled'])[1 + n % 8],
       t, t, t, t + interval '5 s', t + interval '65 s', 60, 'n1', 1, 3, 4,
       case when n % 100 = 0 then 'CA' || md5((n / 100)::text) end
     from (select n, timestamptz '2024-01-01' + n * (interval '2 years' / $2::double precision) as t
           from generate_series(1, $2::integer) n) as made`,
    [account, rows],
  );
  await database.query('analyze records.calls');
}

const FILTERS: readonly (readonly [string, string])[] = [
  ['none', ''],
  ['status', 'Status=busy'],
  ['to', `To=${encodeURIComponent('+15560000007')}`],
  ['from', `From=${encodeURIComponent('+15550000123')}`],
  ['day', 'StartTime=2025-03-03'],
  ['since', 'StartTime%3E=2025-06-01'],
  ['until', 'StartTime%3C=2024-03-01'],
  ['ended', 'EndTime%3E=2025-12-01&Status=failed'],
  ['to and status', `To=${encodeURIComponent('+15560000003')}&Status=completed`],
];

/** Pages of one list, one after another by their links; begins anew at the end. */
async function pages(target: Target, query: string, count: number): Promise<number[]> {
  const first = `/2010-04-01/Accounts/${target.credentials.account}/Calls.json?${query}`;
  const times: number[] = [];
  let path = first;
  while (times.length < count) {
    const { ms, body, status } = await get(target, path);
    if (status !== 200) throw new Error(`${path} was answered ${status}: ${body.slice(0, 200)}`);
    times.push(ms);
    const { next_page_uri: next } = JSON.parse(body) as { next_page_uri: string | null };
    path = next ?? first;
  }
  return times;
}

function mix(account: string, sids: readonly string[]): (n: number) => string {
  const base = `/2010-04-01/Accounts/${account}`;
  return (n) => {
    switch (n % 10) {
      case 0:
        return `${base}/Calls.json?To=${encodeURIComponent(`+1556000${String(n % 200).padStart(4, '0')}`)}`;
      case 1:
        return `${base}/Applications.json`;
      case 2:
        return `${base}.json`;
      default:
        return `${base}/Calls/${sids[n % sids.length] ?? ''}.json`;
    }
  };
}

async function load(
  target: Target,
  paths: (n: number) => string,
  count: number,
): Promise<{ perSecond: number; times: number[]; errors: number }> {
  const times: number[] = [];
  let next = 0;
  let errors = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const { ms, status } = await get(target, paths(n));
      times.push(ms);
      if (status !== 200) errors++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return { perSecond: (count / (performance.now() - began)) * 1000, times, errors };
}

function get(
  { base, credentials, agent }: Target,
  path: string,
): Promise<{ ms: number; status: number; body: string }> {
  const began = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<{ ms: number; status: number; body: string }>();
  const auth = `${credentials.account}:${credentials.authToken}`;
  const sent = request({ agent, host: base.hostname, port: base.port, path, auth }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      resolve({ ms: performance.now() - began, status: response.statusCode ?? 0, body });
    });
    response.on('error', reject);
  });
  sent.on('error', reject);
  sent.end();
  return promise;
}
