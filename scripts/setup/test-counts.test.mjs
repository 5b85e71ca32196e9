import { describe, expect, it } from 'vitest';
import { NO_TESTS, playwrightCounts, summaryOf, totalOf, vitestCounts } from './test-counts.mjs';

const step = (title, ok, counts = NO_TESTS) => ({ title, ok, ms: 1000, counts });
const last = (text) => text.split('\n').at(-1);

describe('counts', () => {
  it("come from vitest's report", () => {
    expect(vitestCounts({ numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 })).toEqual({
      passed: 5,
      failed: 1,
      skipped: 3,
    });
  });

  it("come from Playwright's report; a flaky test has failed", () => {
    expect(playwrightCounts({ stats: { expected: 7, unexpected: 1, flaky: 2, skipped: 4 } })).toEqual({
      passed: 7,
      failed: 3,
      skipped: 4,
    });
    expect(playwrightCounts({})).toEqual(NO_TESTS);
  });

  it('of a failed step without a failed test are one failure', () => {
    expect(totalOf([step('lint', false), step('unit', true, { passed: 3, failed: 0, skipped: 0 })])).toEqual({
      passed: 3,
      failed: 1,
      skipped: 0,
    });
    expect(totalOf([step('unit', false, { passed: 3, failed: 2, skipped: 0 })]).failed).toBe(2);
  });
});

describe('summary', () => {
  it('ends with the sum alone on a line', () => {
    const text = summaryOf(
      [
        step('unit', true, { passed: 3, failed: 0, skipped: 1 }),
        step('browser', true, { passed: 2, failed: 0, skipped: 0 }),
      ],
      (ms) => `${ms} ms`,
    );
    expect(last(text)).toBe('5 passed, 0 failed');
    expect(text).toMatch(/^ {2}ok +unit +1000 ms +3 passed, 0 failed, 1 skipped$/m);
  });

  it('names the steps that failed', () => {
    const text = summaryOf([step('types', true), step('lint', false), step('unit', false)], String);
    expect(text).toContain('Failed: lint, unit.');
    expect(last(text)).toBe('0 passed, 2 failed');
  });
});
