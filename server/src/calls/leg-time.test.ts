import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { LegTime } from './leg-time.ts';

it('MT-5 a call takes the time of all its legs, each once, those that are still up too', () => {
  const clock = new FakeClock();
  const time = new LegTime(clock);
  time.begin('a');
  clock.advance(10_000);
  time.begin('b');
  clock.advance(20_000);
  time.end('b');
  time.end('b');
  time.end('c');
  clock.advance(30_000);
  expect(time.use()).toEqual({ seconds: 60, legSeconds: 80 });
});
