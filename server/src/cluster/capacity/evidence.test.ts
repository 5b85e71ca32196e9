import { expect, it } from 'vitest';
import { compare, errorTable } from './testing/evidence.ts';

it('MT-5 the fourth week from three: the forecast is closer than "as now", and knows how far off it is', () => {
  const [near, far] = errorTable(1, [10, 40]);
  expect(near?.forecast).toBeLessThan(near?.asNow ?? 0);
  expect(far?.forecast).toBeLessThan((far?.asNow ?? 0) / 2);
  // 1.65 standard deviations either way hold nine of ten.
  for (const within of [near?.within ?? 0, far?.within ?? 0]) expect(Math.abs(within - 0.9)).toBeLessThan(0.05);
});

it('MT-3 MT-5 nodes that take ten minutes to start: less often short than reacting, at equal cost', () => {
  const { forecast, reactive, perfect } = compare(
    Array.from({ length: 12 }, (_, seed) => seed + 1),
    10,
  );
  expect(reactive.nodeHours).toBeGreaterThanOrEqual(forecast.nodeHours);
  expect(forecast.shortMinutes).toBeLessThan(0.95 * reactive.shortMinutes);
  // What both lose are the bursts, and as much of them (docs/forecast.md).
  expect(forecast.lost).toBeLessThan(1.1 * reactive.lost);
  expect(perfect.shortMinutes).toBe(0);
  expect(forecast.nodeHours).toBeLessThan(1.3 * perfect.nodeHours);
});
