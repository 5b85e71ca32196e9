import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKS } from './checks/index.ts';
import { runChecks } from './suite.ts';
import type { CheckResult } from './suite.ts';
import { TRANSPORTS, tokenFacts } from './target.ts';
import type { Target, TransportName } from './target.ts';

const USAGE = `npm run conformance -- [URL] [--token TOKEN] [--transport NAME] [--section N] [--data-dir DIR] [--slow]

Checks a running hub against docs/spec/hub-protocol.md, clause by clause, over both transports and plain HTTP.

  URL          ws://HOST:PORT/v1/hub (default: the server that runs on the data directory)
  --token      an access token; best one that grants subscribe, publish and presence of app.> and subscribe of
               presence.app.> (default: one of the server's demo application). What it does not allow is skipped
  --transport  native or socketio (default: both)
  --section    only clauses of this section of the document, 5 or 5.3
  --data-dir   where to look for the server (default: .hookswitch)
  --slow       also what takes time-outs to see, about a minute

Ends with 0 when nothing failed, 1 when something did, 2 when it could not begin.
`;

/** What the run-state file says. */
interface RunState {
  readonly pageUrl: string;
  readonly gateway: { readonly ws: string };
}

/** Something the user has to mend. */
class UsageError extends Error {}

async function findServer(dataDir: string): Promise<RunState> {
  try {
    return JSON.parse(await readFile(join(dataDir, 'run.json'), 'utf8')) as RunState;
  } catch {
    throw new UsageError(`No server runs on ${dataDir}: start one (npm start), or give its URL.`);
  }
}

async function demoToken(page: string): Promise<string> {
  const wayOut =
    'Give one with --token: npm run hookswitch -- token --identity conformance --subscribe "app.>" --publish "app.>"';
  try {
    const response = await fetch(new URL('/demo/token?identity=conformance', page));
    const body = (await response.json()) as { token?: string };
    if (response.ok && body.token !== undefined) return body.token;
  } catch {
    // Said below.
  }
  throw new UsageError(`No token from the demo application of ${page}. ${wayOut}`);
}

async function findTarget(url: string | undefined, token: string | undefined, dataDir: string): Promise<Target> {
  if (url !== undefined && !/^(ws|http)s?:\/\//.test(url)) throw new UsageError(`${url}: expected ws:// or wss://`);
  const state = url === undefined ? await findServer(dataDir) : undefined;
  const given = (url ?? state?.gateway.ws ?? '').replace(/^http/, 'ws');
  const hub = new URL(given).pathname === '/' ? new URL('/v1/hub', given).href : given;
  const found = token ?? (await demoToken(state?.pageUrl ?? hub.replace(/^ws/, 'http')));
  try {
    tokenFacts(found);
  } catch {
    throw new UsageError('--token: not an access token (section 3.2 of the document)');
  }
  return { url: hub, token: found };
}

const SIGNS = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' } as const;

function print({ check, outcome, reason, ms }: CheckResult): void {
  const took = outcome === 'skipped' ? '-' : `${ms} ms`;
  console.log(`${SIGNS[outcome]}  ${check.section.padEnd(4)}  ${took.padStart(8)}  ${check.what}`);
  if (reason !== undefined) console.log(`${' '.repeat(22)}${outcome === 'skipped' ? 'skipped: ' : ''}${reason}`);
}

function transportsIn(name: string | undefined): readonly TransportName[] {
  const found = TRANSPORTS.filter((one) => name === undefined || one === name);
  if (found.length === 0) throw new UsageError(`--transport ${name ?? ''}: expected ${TRANSPORTS.join(' or ')}`);
  return found;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      token: { type: 'string' },
      transport: { type: 'string' },
      section: { type: 'string' },
      'data-dir': { type: 'string' },
      slow: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const dataDir =
    values['data-dir'] ?? process.env['HOOKSWITCH_DATA_DIR'] ?? resolve(import.meta.dirname, '../../..', '.hookswitch');
  const transports = transportsIn(values.transport);
  const { section } = values;
  const checks = CHECKS.filter((one) => section === undefined || `${one.section}.`.startsWith(`${section}.`));
  const target = await findTarget(positionals[0], values.token, dataDir);
  const results: CheckResult[] = [];
  for (const transport of transports) {
    console.log(`\n${target.url}, ${transport}\n`);
    results.push(...(await runChecks(checks, target, { transport, slow: values.slow, onResult: print })));
  }
  const count = (outcome: CheckResult['outcome']): number => results.filter((one) => one.outcome === outcome).length;
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  for (const one of results.filter(({ outcome }) => outcome === 'failed')) {
    console.log(`  section ${one.check.section}, ${one.transport}: ${one.check.what}`);
  }
  return count('failed') === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const code = (error as { code?: unknown }).code;
  if (!(error instanceof UsageError) && !String(code).startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
