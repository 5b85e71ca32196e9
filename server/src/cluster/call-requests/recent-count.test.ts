import { expect, it } from 'vitest';
import { RecentCount } from './recent-count.ts';

it('what happened within the last minute is counted, and forgotten second by second', () => {
  const start = 1_750_000_000_000;
  const count = new RecentCount();
  expect(count.lastMinute(start)).toBe(0);
  for (let second = 0; second < 90; second++) count.add(start + second * 1000);
  expect(count.lastMinute(start + 89_000)).toBe(60);
  expect(count.lastMinute(start + 119_000)).toBe(30);
  // A clock that is set back forgets nothing and counts on.
  count.add(start + 60_000);
  expect(count.lastMinute(start + 119_000)).toBe(31);
  expect(count.lastMinute(start + 3_600_000)).toBe(0);
});
