// npm test: every check and every test, in order, all of them even when one fails; a table at the end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from './failure.mjs';
import { launch } from './launch.mjs';
import { ROOT } from './layout.mjs';
import { duration } from './progress.mjs';
import { commandEnvironment } from './steps.mjs';
import { NO_TESTS, playwrightCounts, summaryOf, vitestCounts } from './test-counts.mjs';

const PLAYWRIGHT_CONFIG = join('e2e', 'playwright.config.ts');

/**
 * @typedef {{title: string, args: string[], env?: Record<string, string>, report?: string, counts?: (report: any) =>
 *   import('./test-counts.mjs').Counts}} Check
 */

/**
 * @param {string} reports folder for the runners' JSON reports
 * @returns {Check[]}
 */
function checks(reports) {
  const vitest = join(reports, 'vitest.json');
  const playwright = join(reports, 'playwright.json');
  const list = [
    { title: 'types', args: ['scripts/check-types.mjs'] },
    { title: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'] },
    { title: 'format', args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'] },
    { title: 'imports', args: ['scripts/check-imports.mjs'] },
    { title: 'generated', args: ['scripts/generate.ts', '--check'] },
    {
      title: 'unit',
      args: [
        ...['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json'],
        `--outputFile.json=${vitest}`,
      ],
      report: vitest,
      counts: vitestCounts,
    },
    {
      title: 'browser',
      args: ['e2e/node_modules/@playwright/test/cli.js', 'test', '-c', PLAYWRIGHT_CONFIG, '--reporter=list,json'],
      env: { PLAYWRIGHT_JSON_OUTPUT_NAME: playwright, PLAYWRIGHT_JSON_OUTPUT_FILE: playwright },
      report: playwright,
      counts: playwrightCounts,
    },
  ];
  return list.filter(({ title }) => title !== 'browser' || existsSync(join(ROOT, PLAYWRIGHT_CONFIG)));
}

/** @param {Check} check */
function countsOf({ report, counts }) {
  if (report === undefined || counts === undefined) return NO_TESTS;
  try {
    return counts(JSON.parse(readFileSync(report, 'utf8')));
  } catch {
    // The runner ended before it wrote its report; its exit code tells.
    return NO_TESTS;
  }
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
  const results = [];
  try {
    for (const check of all.filter(({ title }) => names.length === 0 || names.includes(title))) {
      process.stdout.write(`\n== ${check.title}\n`);
      const started = Date.now();
      const run = await launch(node, check.args, { cwd: ROOT, env: { ...env, ...check.env } });
      if (run.interrupted) return run.code === 0 ? 130 : run.code;
      const counts = countsOf(check);
      // A runner that found no test at all proves nothing, whatever its exit code.
      const empty = check.counts !== undefined && counts.passed + counts.failed === 0;
      results.push({ title: check.title, ok: run.code === 0 && !empty, ms: Date.now() - started, counts });
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  process.stdout.write(`${summaryOf(results, duration)}\n`);
  return results.every(({ ok }) => ok) ? 0 : EXIT.failed;
}
