import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blocking, linesForBlocking, linesForWait, meanWait, waiting, waitsLonger } from './erlang.ts';

/** The formulas as they are written down, for few lines. */
const terms = (load: number, lines: number): number[] => {
  const list = [1];
  for (let n = 1; n <= lines; n++) list.push(((list[n - 1] ?? 0) * load) / n);
  return list;
};
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

it('MT-5 Erlang B: load that so many lines carry with one call of a hundred refused, as the tables have it', () => {
  const table = [
    [1, 0.0101],
    [2, 0.153],
    [5, 1.36],
    [10, 4.46],
    [20, 12.0],
    [50, 37.9],
    [100, 84.1],
  ] as const;
  for (const [lines, load] of table) {
    expect(blocking(load, lines)).toBeCloseTo(0.01, 3);
    expect(linesForBlocking(load * 0.99, 0.01)).toBe(lines);
  }
});

it('MT-5 Erlang B and C are the formulas', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 60, noNaN: true }), fc.integer({ min: 1, max: 60 }), (load, lines) => {
      const list = terms(load, lines);
      const last = list.at(-1) ?? 0;
      expect(blocking(load, lines)).toBeCloseTo(last / sum(list), 9);
      if (load >= lines) return;
      const busy = (last * lines) / (lines - load);
      expect(waiting(load, lines)).toBeCloseTo(busy / (sum(list) - last + busy), 9);
      expect(meanWait(load, lines, 180)).toBeCloseTo((waiting(load, lines) * 180) / (lines - load), 6);
    }),
  );
});

it('MT-5 the fewest lines are enough, and one less is not', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 5000, noNaN: true }),
      fc.double({ min: 0.001, max: 0.5, noNaN: true }),
      (load, share) => {
        const lines = linesForBlocking(load, share);
        expect(blocking(load, lines)).toBeLessThanOrEqual(share);
        expect(blocking(load, lines - 1)).toBeGreaterThan(share);
        const promise = { seconds: 10, share, holdSeconds: 120 };
        const agents = linesForWait(load, promise);
        expect(waitsLonger(10, load, agents, 120)).toBeLessThanOrEqual(share);
        expect(waitsLonger(10, load, agents - 1, 120)).toBeGreaterThan(share);
      },
    ),
  );
});

it('MT-5 nothing offered needs nothing; more than the lines carry waits for ever', () => {
  expect([linesForBlocking(0, 0.01), linesForWait(0, { seconds: 1, share: 0.1, holdSeconds: 60 })]).toEqual([0, 0]);
  expect([blocking(0, 5), blocking(0, 0), blocking(3, 0)]).toEqual([0, 1, 1]);
  expect([waiting(5, 5), meanWait(5, 5, 60), waitsLonger(10, 6, 5, 60)]).toEqual([1, Infinity, 1]);
  expect(blocking(10_000, 10_500)).toBeLessThan(0.001);
});
