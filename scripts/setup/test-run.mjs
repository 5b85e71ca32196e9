// npm test: every check and every test, in order, all of them even when one fails; a table at the end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from './failure.mjs';
import { launch } from './launch.mjs';
import { ROOT } from './layout.mjs';
import { duration } from './progress.mjs';
import { commandEnvironment } from './steps.mjs';
import { MAX_UNSTEADY, NO_TESTS, ownCounts, summaryOf } from './test-counts.mjs';
import { playwrightCounts, playwrightFailures, playwrightUnsteady } from './test-counts.mjs';
import { vitestCounts, vitestFailures, vitestUnsteady } from './test-counts.mjs';

const PLAYWRIGHT_CONFIG = join('e2e', 'playwright.config.ts');

/**
 * @typedef {{title: string, args: string[], env?: Record<string, string>, report?: string, counts?: (report: any) =>
 *   import('./test-counts.mjs').Counts, failures?: (report: any) => string[], unsteady?: (report: any) => string[],
 *   reads?: boolean}} Check reads: it only looks at sources and is quiet, so that another one may run beside it
 */

/**
 * @param {string} reports folder for the runners' JSON reports
 * @returns {Check[]}
 */
function checks(reports) {
  const vitest = join(reports, 'vitest.json');
  const playwright = join(reports, 'playwright.json');
  const chaos = join(reports, 'chaos.json');
  const list = [
    { title: 'types', args: ['scripts/check-types.mjs'], reads: true },
    { title: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'], reads: true },
    {
      title: 'format',
      args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
      reads: true,
    },
    { title: 'imports', args: ['scripts/check-imports.mjs'], reads: true },
    { title: 'generated', args: ['scripts/generate.ts', '--check'], reads: true },
    {
      title: 'unit',
      args: [
        ...['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json'],
        `--outputFile.json=${vitest}`,
      ],
      report: vitest,
      counts: vitestCounts,
      failures: vitestFailures,
      unsteady: vitestUnsteady,
    },
    { title: 'fuzz', args: ['server/src/testing/fuzz/main.ts'] },
    {
      title: 'chaos',
      args: ['e2e/src/chaos/main.ts', '--seeds', '6', '--report', chaos],
      report: chaos,
      counts: ownCounts,
      failures: (report) => report.failures,
    },
    {
      title: 'browser',
      args: [
        ...['e2e/node_modules/@playwright/test/cli.js', 'test', '-c', PLAYWRIGHT_CONFIG],
        ...['--retries=1', '--reporter=list,json'],
      ],
      env: { PLAYWRIGHT_JSON_OUTPUT_NAME: playwright, PLAYWRIGHT_JSON_OUTPUT_FILE: playwright },
      report: playwright,
      counts: playwrightCounts,
      failures: playwrightFailures,
      unsteady: playwrightUnsteady,
    },
  ];
  return list.filter(({ title }) => title !== 'browser' || existsSync(join(ROOT, PLAYWRIGHT_CONFIG)));
}

/** @param {Check} check */
function resultOf({ report, counts, failures, unsteady }) {
  if (report === undefined || counts === undefined) return { counts: NO_TESTS, failures: [], unsteady: [] };
  try {
    const read = JSON.parse(readFileSync(report, 'utf8'));
    return { counts: counts(read), failures: failures?.(read) ?? [], unsteady: unsteady?.(read) ?? [] };
  } catch {
    // The runner ended before it wrote its report; its exit code tells.
    return { counts: NO_TESTS, failures: [], unsteady: [] };
  }
}

/**
 * @param {Check} check
 * @param {{node: string, env: NodeJS.ProcessEnv}} environment
 * @returns {Promise<{code: number, interrupted: boolean, result: import('./test-counts.mjs').StepResult}>}
 */
async function runCheck(check, { node, env }) {
  const started = Date.now();
  const options = { cwd: ROOT, env: { ...env, ...check.env } };
  const header = `\n== ${check.title}\n`;
  /** @type {Buffer[]} */
  const output = [];
  const onOutput = (/** @type {Buffer} */ part) => output.push(part);
  if (check.reads !== true) process.stdout.write(header);
  const run = await launch(node, check.args, check.reads === true ? { ...options, onOutput } : options);
  if (check.reads === true) process.stdout.write(`${header}${Buffer.concat(output).toString('utf8')}`);
  const { counts, failures, unsteady } = resultOf(check);
  // A runner that found no test at all proves nothing, whatever its exit code.
  const empty = check.counts !== undefined && counts.passed + counts.failed === 0;
  const ok = run.code === 0 && !empty && unsteady.length <= MAX_UNSTEADY;
  return { ...run, result: { title: check.title, ok, ms: Date.now() - started, counts, failures, unsteady } };
}

/**
 * Runs the checks named, or all of them.
 *
 * @param {string[]} names titles; for use while developing
 * @returns {Promise<number>} the exit code
 */
export async function runTests(names) {
  const reports = mkdtempSync(join(tmpdir(), 'hookswitch-test-'));
  const { node, env } = commandEnvironment();
  const all = checks(reports);
  const unknown = names.filter((name) => !all.some(({ title }) => title === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no check named ${unknown.join(', ')}; there are: ${all.map(({ title }) => title).join(', ')}\n`,
    );
    return EXIT.usage;
  }
  const wanted = all.filter(({ title }) => names.length === 0 || names.includes(title));
  /** @type {import('./test-counts.mjs').StepResult[]} */
  const results = [];
  /** @param {Check[]} list one after the other; resolves with an exit code when somebody wants it to end */
  const inTurn = async (list) => {
    for (const check of list) {
      const run = await runCheck(check, { node, env });
      if (run.interrupted) return run.code === 0 ? 130 : run.code;
      results.push(run.result);
    }
    return undefined;
  };
  try {
    // What only reads sources goes in two lanes, the longest alone in one of them; what runs them goes by itself.
    const reading = wanted.filter(({ reads }) => reads === true);
    if (reading.length > 0)
      process.stdout.write(`\n== ${reading.map(({ title }) => title).join(', ')}: two at a time\n`);
    const lanes = [reading.filter(({ title }) => title === 'lint'), reading.filter(({ title }) => title !== 'lint')];
    const early = (await Promise.all(lanes.map(inTurn))).find((code) => code !== undefined);
    const ended = early ?? (await inTurn(wanted.filter(({ reads }) => reads !== true)));
    if (ended !== undefined) return ended;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  results.sort(
    (a, b) => wanted.findIndex(({ title }) => title === a.title) - wanted.findIndex(({ title }) => title === b.title),
  );
  process.stdout.write(`${summaryOf(results, duration)}\n`);
  return results.every(({ ok }) => ok) ? 0 : EXIT.failed;
}
