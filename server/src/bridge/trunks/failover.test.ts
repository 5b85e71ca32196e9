import { describe, expect, it } from 'vitest';
import { isAlive, judgeFailure } from './failover.ts';

describe('whether the next gateway is tried', () => {
  it.each([401, 407, 408, 430, 500, 501, 502, 503, 504, 505, 513, 555])('%i: yes', (status) => {
    expect(judgeFailure({ status, received: true }, false)).toMatchObject({ next: true });
  });
  it.each([
    300, 302, 400, 402, 403, 404, 405, 406, 410, 413, 415, 416, 420, 480, 481, 482, 483, 484, 485, 486, 487, 488, 491,
    580, 600, 603, 604, 606, 607, 608,
  ])('%i: no, it is an answer', (status) => {
    expect(judgeFailure({ status, received: true }, false)).toMatchObject({ next: false, againstGateway: false });
  });
  it('what could not be sent or brought nothing counts against the gateway', () => {
    for (const status of [408, 503]) {
      expect(judgeFailure({ status, received: false }, false)).toMatchObject({ next: true, againstGateway: true });
    }
  });
  it('no second telephone rings after the first did', () => {
    expect(judgeFailure({ status: 503, received: true }, true)).toMatchObject({ next: false });
  });
  it.each([
    [17, false],
    [1, false],
    [34, true],
    [38, true],
    [42, true],
  ])('a 503 with Q.850 cause %i: %s', (cause, next) => {
    const sipReason = { protocol: 'Q.850', cause };
    expect(judgeFailure({ status: 503, received: true, sipReason }, false).next).toBe(next);
  });
  it('every verdict says why, the failing ones with their section', () => {
    for (let status = 300; status < 700; status++) {
      const { why, next } = judgeFailure({ status, received: true }, false);
      expect(why.length, String(status)).toBeGreaterThan(10);
      if (status >= 500 && status < 600 && next) expect(why, String(status)).toMatch(/RFC \d+ section/);
    }
  });
});

describe('what a ping shows', () => {
  it.each([200, 302, 401, 403, 404, 405, 481, 486, 500, 501, 603])('%i is an answer of a living gateway', (status) => {
    expect(isAlive(status)).toBe(true);
  });
  it.each([408, 430, 502, 503, 504])('%i is not', (status) => {
    expect(isAlive(status)).toBe(false);
  });
});
