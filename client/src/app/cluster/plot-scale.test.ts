import { describe, expect, it } from 'vitest';
import type { ForecastView } from '@hookswitch/shared';
import { formatSpan, plural } from './cluster-format.ts';
import { inWords } from './forecast-plot.tsx';
import { SIGMAS, bandOf, lineOf, marksOf, niceStep, scaleOf, stepsOf } from './plot-scale.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 23, 12);
const at = (hours: number): string => new Date(NOW + hours * HOUR).toISOString();
const FRAME = { width: 800, height: 260, left: 40, right: 10, top: 20, bottom: 30 };
const EMPTY: ForecastView = {
  ...{ at: at(0), load: 0, trusted: false, seenMinutes: 0, leadMinutes: 20 },
  ...{ actual: [], said: [], expected: [], capacity: [], meanError: null },
};
const VIEW: ForecastView = {
  ...EMPTY,
  load: 40,
  actual: [-4, -3, -1, -0.5].map((hours) => ({ at: at(hours), load: 30 + hours })),
  said: [{ at: at(-1), mean: 31, error: 4 }],
  expected: [0, 1, 2].map((hours) => ({ at: at(hours), mean: 40 + hours, error: 10 })),
  capacity: [
    { at: at(-4), channels: 36 },
    { at: at(-2), channels: 72 },
  ],
  meanError: 1.25,
};

describe('the plot of the forecast', () => {
  it('has room for everything that is drawn: loads, the band, the channels; now is between past and future', () => {
    const scale = scaleOf(VIEW, 4, FRAME);
    const highest = Math.max(...scale.rows);
    expect(highest).toBeGreaterThanOrEqual(72);
    expect(highest).toBeGreaterThanOrEqual(42 + SIGMAS * 10);
    expect(scale.y(0)).toBe(230);
    expect(scale.y(highest)).toBe(20);
    expect([scale.x(at(-4)), scale.x(at(2))]).toEqual([40, 790]);
    expect(scale.x(at(0))).toBe(540);
    for (const column of scale.columns) expect(column).toBeGreaterThanOrEqual(scale.from);
    expect(scale.columns.length).toBeGreaterThan(1);
  });

  it('leaves a gap open where nothing was seen, and steps where nodes came', () => {
    const scale = scaleOf(VIEW, 4, FRAME);
    const loads = VIEW.actual.map(({ at: time, load }) => [time, load] as const);
    expect(lineOf(loads, scale, 1.5 * HOUR).match(/M/g)).toHaveLength(2);
    expect(lineOf(loads, scale, 5 * HOUR).match(/M/g)).toHaveLength(1);
    expect(stepsOf(VIEW.capacity, scale, 790)).toMatch(/^M40\.0 [\d.]+H290\.0V[\d.]+H790$/);
    expect(bandOf(VIEW.expected, scale).match(/L/g)).toHaveLength(5);
  });

  it('of a server without history is empty, and can be drawn', () => {
    const scale = scaleOf(EMPTY, 24, FRAME);
    expect(lineOf([], scale, HOUR) + bandOf([], scale) + stepsOf([], scale, 790)).toBe('');
    expect([scale.x(at(-24)), Math.max(...scale.rows)]).toEqual([40, 4]);
    expect(inWords(EMPTY)).toBe('0 call legs now. Nothing is expected yet: there is no history.');
  });

  it('is told in words too', () => {
    expect(inWords(VIEW)).toMatch(
      /^40 call legs now\. The most expected is 42, give or take 10, at \S+.* What was said 20 minutes before was off by 1\.3 on average\.$/,
    );
    expect([formatSpan(93_000), formatSpan(200_000), formatSpan(9e7), formatSpan(3e8)]).toEqual([
      '93 s',
      '3 min',
      '25 h',
      '3 days',
    ]);
    expect([plural(1, 'call'), plural(1200, 'call')]).toEqual(['1 call', '1,200 calls']);
  });

  it('marks decisions that changed something, within the time that is shown', () => {
    const decision = (hours: number, action: 'expand' | 'hold') => ({
      ...{ at: at(hours), action, nodes: 1, wanted: 2, load: 1, expected: 1, error: 1, expectedAt: at(hours) },
      ...{ channels: 1, wouldWait: 0, reasons: [] },
    });
    const decisions = [decision(-9, 'expand'), decision(-2, 'expand'), decision(-1, 'hold')];
    expect(marksOf({ decisions }, scaleOf(VIEW, 4, FRAME)).map((mark) => mark.at)).toEqual([at(-2)]);
  });

  it.each([
    [0.3, 1],
    [1, 1],
    [3, 5],
    [11, 20],
    [60, 100],
  ])('lines across for a quarter of %s are %s apart', (wanted, step) => {
    expect(niceStep(wanted)).toBe(step);
  });
});
