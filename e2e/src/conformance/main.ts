import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKS } from './checks/index.ts';
import { runChecks } from './suite.ts';
import type { CheckResult, Target } from './suite.ts';

const USAGE = `npm run conformance -- [URL] [--token TOKEN] [--data-dir DIR] [--slow]

Checks a running hub against docs/spec/hub-protocol.md over plain WebSocket.

  URL         ws://HOST:PORT/v1/hub (default: the server that runs on the data directory)
  --token     grants subscribe and publish of app.> (default: one of the server's demo application)
  --data-dir  where to look for the server (default: .hookswitch)
  --slow      also what takes time-outs to see, about a minute
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
  if (url !== undefined && !/^wss?:\/\//.test(url)) throw new UsageError(`${url}: expected ws:// or wss://`);
  const state = url === undefined ? await findServer(dataDir) : undefined;
  const hub = url ?? state?.gateway.ws ?? '';
  return { url: hub, token: token ?? (await demoToken(state?.pageUrl ?? hub.replace(/^ws/, 'http'))) };
}

function print({ check, problem, ms }: CheckResult): void {
  const row = [problem === undefined ? 'ok  ' : 'FAIL', `section ${check.section}`, `${String(ms).padStart(6)} ms`];
  console.log(`${row.join('  ')}  ${check.what}`);
  if (problem !== undefined) console.log(`      ${problem}`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      token: { type: 'string' },
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
  const target = await findTarget(positionals[0], values.token, dataDir);
  console.log(`${target.url}\n`);
  const checks = CHECKS.filter((check) => values.slow || check.slow !== true);
  const results = await runChecks(checks, target, print);
  const failed = results.filter(({ problem }) => problem !== undefined).length;
  const skipped = CHECKS.length - checks.length;
  console.log(`\n${results.length - failed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} need --slow` : ''}`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const code = (error as { code?: unknown }).code;
  if (!(error instanceof UsageError) && !String(code).startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
