import { expect, it } from 'vitest';
import { StartPace } from './start-pace.ts';

it('MT-7 nothing is known of the pace of an account until one of its calls has started', () => {
  const pace = new StartPace();
  expect(pace.perSecond(0)).toBeUndefined();
  pace.begin(0);
  expect(pace.perSecond(60_000)).toBeUndefined();
});

it('MT-7 a steady pace is found, from the first seconds on and after an hour', () => {
  const pace = new StartPace();
  pace.begin(0);
  for (let ms = 0; ms < 3_600_000; ms += 500) {
    pace.add(ms);
    if (ms === 10_000 || ms === 3_599_500) expect(pace.perSecond(ms)).toBeCloseTo(2, 0);
  }
});

it('MT-7 a pace that changes is followed within minutes; a queue that was empty begins anew', () => {
  const pace = new StartPace();
  pace.begin(0);
  for (let ms = 0; ms < 600_000; ms += 100) pace.add(ms);
  for (let ms = 600_000; ms < 900_000; ms += 1000) pace.add(ms);
  expect(pace.perSecond(900_000)).toBeCloseTo(1, 0);
  pace.begin(7_200_000);
  expect(pace.perSecond(7_200_000)).toBeUndefined();
  pace.add(7_200_000);
  expect(pace.perSecond(7_200_100)).toBeCloseTo(1, 1);
});
