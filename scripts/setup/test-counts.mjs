// How many tests ran, from the JSON reports of the test runners.

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */

/** @type {Counts} */
export const NO_TESTS = { passed: 0, failed: 0, skipped: 0 };

/**
 * @param {{numPassedTests?: number, numFailedTests?: number, numPendingTests?: number, numTodoTests?: number}} report
 *   of vitest's json reporter
 * @returns {Counts}
 */
export const vitestCounts = (report) => ({
  passed: report.numPassedTests ?? 0,
  failed: report.numFailedTests ?? 0,
  skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
});

/**
 * @param {{stats?: {expected?: number, unexpected?: number, flaky?: number, skipped?: number}}} report of Playwright's
 *   json reporter; a test that passed only when repeated has passed, and is named at the end (`playwrightUnsteady`)
 * @returns {Counts}
 */
export const playwrightCounts = ({ stats = {} }) => ({
  passed: (stats.expected ?? 0) + (stats.flaky ?? 0),
  failed: stats.unexpected ?? 0,
  skipped: stats.skipped ?? 0,
});

/**
 * As many tests of a step may pass only when repeated: a machine that was held up for seconds, or a rare race that the end
 * of the run names. More is a fault of the program or of the tests, and the step has failed.
 */
export const MAX_UNSTEADY = 3;

/** Of one failed test, as many lines of what was wrong are repeated at the end; the whole stands above, where it ran. */
const [FIRST, LAST] = [6, 6];

/**
 * @param {string} text may hold terminal colours
 * @returns {string} its first lines and its last, indented
 */
function inShort(text) {
  // eslint-disable-next-line no-control-regex -- terminal colours begin with the control character ESC
  const lines = text.replace(/\u001b\[[0-9;]*m/g, '').split('\n');
  const full = lines.filter((line) => line.trim() !== '');
  const kept = full.length <= FIRST + LAST ? full : [...full.slice(0, FIRST), '...', ...full.slice(-LAST)];
  return kept.map((line) => `      ${line.slice(0, 400)}`).join('\n');
}

/**
 * @param {{testResults?: {name: string, status?: string, message?: string, assertionResults: {status: string, fullName:
 *   string, failureMessages?: string[] | null}[]}[]}} report of vitest's json reporter
 * @returns {string[]} each failed test with the first lines of what was wrong
 */
export function vitestFailures({ testResults = [] }) {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === 'failed');
    // A file that could not be loaded has no test that failed.
    if (failed.length === 0) return status === 'failed' ? [`${name}\n${inShort(message ?? '')}`] : [];
    return failed.map(
      ({ fullName, failureMessages }) => `${name}: ${fullName}\n${inShort(failureMessages?.[0] ?? '')}`,
    );
  });
}

/**
 * @param {Parameters<typeof vitestFailures>[0]} report of vitest's json reporter
 * @returns {string[]} each test that passed only when repeated, with the first lines of what was wrong before
 */
export function vitestUnsteady({ testResults = [] }) {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ status, fullName, failureMessages }) =>
      status === 'passed' && failureMessages?.[0] !== undefined
        ? [`${name}: ${fullName}\n${inShort(failureMessages[0])}`]
        : [],
    ),
  );
}

/**
 * @typedef {{suites?: PlaywrightSuite[], specs?: {file: string, line: number, title: string, ok: boolean, tests: {status?: string,
 *   results: {error?: {message?: string}}[]}[]}[]}} PlaywrightSuite
 */

/**
 * @param {PlaywrightSuite & {errors?: {message?: string}[]}} report of Playwright's json reporter
 * @returns {string[]} each failed test with the first lines of what was wrong
 */
export const playwrightFailures = ({ errors = [], ...suite }) => [
  ...errors.map(({ message }) => inShort(message ?? '').trim()),
  ...specsOf(suite, ({ ok }) => !ok),
];

/**
 * @param {PlaywrightSuite} report of Playwright's json reporter
 * @returns {string[]} each test that passed only when repeated, with the first lines of what was wrong before
 */
export const playwrightUnsteady = (report) =>
  specsOf(report, ({ ok, tests }) => ok && tests.some(({ status }) => status === 'flaky'));

/**
 * @param {PlaywrightSuite} suite
 * @param {(spec: NonNullable<PlaywrightSuite['specs']>[number]) => boolean} wanted
 * @returns {string[]}
 */
function specsOf({ suites = [], specs = [] }, wanted) {
  const named = specs.filter(wanted).map(({ file, line, title, tests }) => {
    const wrong = tests.flatMap(({ results }) => results.flatMap(({ error }) => error?.message ?? []));
    return `${file}:${line}: ${title}\n${inShort(wrong[0] ?? '')}`;
  });
  return [...named, ...suites.flatMap((suite) => specsOf(suite, wanted))];
}

/**
 * @param {{passed: number, failures: string[]}} report of a runner of the project's own (`--report FILE`)
 * @returns {Counts}
 */
export const ownCounts = ({ passed, failures }) => ({ passed, failed: failures.length, skipped: 0 });

/**
 * @typedef {{title: string, ok: boolean, ms: number, counts: Counts, failures?: string[], unsteady?:
 *   string[]}} StepResult
 */

/**
 * The sum over all steps. A step that failed without naming a failed test (a lint error, a crash) counts as one failed,
 * so that the closing line never says "0 failed" of a run that failed.
 *
 * @param {StepResult[]} results
 * @returns {Counts}
 */
export function totalOf(results) {
  const total = { ...NO_TESTS };
  for (const { ok, counts } of results) {
    total.passed += counts.passed;
    total.failed += counts.failed + (!ok && counts.failed === 0 ? 1 : 0);
    total.skipped += counts.skipped;
  }
  return total;
}

/**
 * @param {StepResult[]} results
 * @param {(ms: number) => string} duration
 * @returns {string} what failed, the table of all steps and, alone on the last line, "N passed, N failed"
 */
export function summaryOf(results, duration) {
  const rows = results.map(({ title, ok, ms, counts }) => {
    const { passed, failed, skipped } = counts;
    const tests = passed + failed + skipped === 0 ? '' : `${passed} passed, ${failed} failed, ${skipped} skipped`;
    return `  ${(ok ? 'ok' : 'FAILED').padEnd(8)}${title.padEnd(18)}${duration(ms).padStart(12)}   ${tests}`.trimEnd();
  });
  const failedSteps = results.filter(({ ok }) => !ok).map(({ title }) => title);
  const verdict = failedSteps.length === 0 ? 'All steps passed.' : `Failed: ${failedSteps.join(', ')}.`;
  const total = totalOf(results);
  const failures = results.flatMap(({ title, failures: list = [] }) => list.map((one) => `  ${title}: ${one}`));
  const unsteady = results.flatMap(({ title, unsteady: list = [] }) => list.map((one) => `  ${title}: ${one}`));
  return [
    ...(unsteady.length === 0 ? [] : ['', 'What passed only when repeated:', ...unsteady]),
    ...(failures.length === 0 ? [] : ['', 'What failed:', ...failures]),
    '',
    ...rows,
    '',
    verdict,
    `${total.passed} passed, ${total.failed} failed`,
  ].join('\n');
}
