import { expect, it } from 'vitest';
import { SeenSequences } from './seen-sequences.ts';

it('knows which sequences came, in whatever order, and forgets the oldest', () => {
  const seen = new SeenSequences();
  expect(seen.covers(0, 1)).toBe(true);
  expect(seen.covers(0, 2)).toBe(false);
  for (const seq of [1, 3, 2, 5]) seen.add(seq);
  expect(seen.highest).toBe(5);
  expect(seen.covers(0, 4)).toBe(true);
  expect(seen.covers(3, 5)).toBe(false);
  seen.add(4);
  expect(seen.covers(0, 6)).toBe(true);
  for (let seq = 6; seq <= 5000; seq++) seen.add(seq);
  expect(seen.covers(2000, 5001)).toBe(true);
  expect(seen.covers(900, 903)).toBe(false);
  expect(seen.covers(0, 5001)).toBe(false);
});
