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
 *   json reporter; a test that passed only when repeated counts as failed: it has shown that it can
 * @returns {Counts}
 */
export const playwrightCounts = ({ stats = {} }) => ({
  passed: stats.expected ?? 0,
  failed: (stats.unexpected ?? 0) + (stats.flaky ?? 0),
  skipped: stats.skipped ?? 0,
});

/**
 * @typedef {{title: string, ok: boolean, ms: number, counts: Counts}} StepResult
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
 * @returns {string} the table of all steps and, alone on the last line, "N passed, N failed"
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
  return ['', ...rows, '', verdict, `${total.passed} passed, ${total.failed} failed`].join('\n');
}
