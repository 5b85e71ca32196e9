import { describe, expect, it } from 'vitest';
import { NO_TESTS, ownCounts, summaryOf, totalOf } from './test-counts.mjs';
import { playwrightCounts, playwrightFailures, playwrightUnsteady } from './test-counts.mjs';
import { vitestCounts, vitestFailures, vitestUnsteady } from './test-counts.mjs';

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

  it("come from Playwright's report; a test that passed when repeated has passed", () => {
    expect(playwrightCounts({ stats: { expected: 7, unexpected: 1, flaky: 2, skipped: 4 } })).toEqual({
      passed: 9,
      failed: 1,
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

describe('failures', () => {
  it("come from vitest's report, without colours, a file that does not load too", () => {
    const passed = { status: 'passed', fullName: 'b', failureMessages: [] };
    const failed = { status: 'failed', fullName: 'a b', failureMessages: ['\u001b[31mError: no\u001b[39m\n\n  at x'] };
    const testResults = [
      { name: 'x.test.ts', status: 'failed', assertionResults: [passed, failed] },
      { name: 'y.test.ts', status: 'failed', message: 'SyntaxError: y', assertionResults: [] },
      { name: 'z.test.ts', status: 'passed', message: '', assertionResults: [passed] },
    ];
    expect(vitestFailures({ testResults })).toEqual([
      'x.test.ts: a b\n      Error: no\n        at x',
      'y.test.ts\n      SyntaxError: y',
    ]);
  });

  it("come from Playwright's report, out of every suite", () => {
    const spec = (ok) => ({
      file: 'a.ts',
      line: 3,
      title: 't',
      ok,
      tests: [{ results: [{ error: { message: 'E' } }] }],
    });
    const report = {
      suites: [{ specs: [spec(true)], suites: [{ specs: [spec(false)] }] }],
      errors: [{ message: 'X' }],
    };
    expect(playwrightFailures(report)).toEqual(['X', 'a.ts:3: t\n      E']);
  });

  it("come from a report of the project's own", () => {
    expect(ownCounts({ passed: 5, failures: ['seed 6'] })).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });
});

describe('tests that passed only when repeated', () => {
  it('are named with what was wrong before', () => {
    const assertionResults = [
      { status: 'passed', fullName: 'a', failureMessages: [] },
      { status: 'passed', fullName: 'b', failureMessages: ['Error: once'] },
      { status: 'failed', fullName: 'c', failureMessages: ['Error: twice'] },
    ];
    expect(vitestUnsteady({ testResults: [{ name: 'x', assertionResults }] })).toEqual(['x: b\n      Error: once']);
    const spec = (title, ok, status) => ({ file: 'a.ts', line: 1, title, ok, tests: [{ status, results: [{}] }] });
    const specs = [spec('s', true, 'expected'), spec('t', true, 'flaky'), spec('u', false, 'unexpected')];
    expect(playwrightUnsteady({ suites: [{ specs }] })).toEqual(['a.ts:1: t\n']);
    expect(playwrightFailures({ suites: [{ specs }] })).toEqual(['a.ts:1: u\n']);
  });

  it('stand in the summary, which has not failed', () => {
    const text = summaryOf([{ ...step('browser', true), unsteady: ['a: b'] }], String);
    expect(text).toMatch(/^\nWhat passed only when repeated:\n {2}browser: a: b\n\n {2}ok/);
  });

  it('show the last lines of a long fault too, where a program says why it ended', () => {
    const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`).join('\n');
    const [text] = vitestFailures({
      testResults: [{ name: 'x', assertionResults: [{ status: 'failed', fullName: 'a', failureMessages: [lines] }] }],
    });
    expect(text).toContain('line 5\n      ...\n      line 34');
    expect(text).toContain('line 39');
  });
});

describe('summary', () => {
  it('repeats what failed before the table', () => {
    const text = summaryOf([{ ...step('unit', false), failures: ['a: b'] }], String);
    expect(text).toMatch(/^\nWhat failed:\n {2}unit: a: b\n\n {2}FAILED/);
  });

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
