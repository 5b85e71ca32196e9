import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { silentLog } from '../kernel/index.ts';
import { RequestEnds } from './request-ends.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('MT-1 the end of a call is told until the store has taken it, so that its place is free again', async () => {
  const clock = new FakeClock();
  const ends = new RequestEnds({ clock, log: silentLog });
  let away = true;
  const told: string[] = [];
  for (const call of ['CA1', 'CA2']) {
    ends.tell(call, () => {
      told.push(call);
      return away ? Promise.reject(new Error('timeout')) : Promise.resolve();
    });
  }
  await settled();
  for (let n = 0; n < 6; n++) {
    clock.advance(5000);
    await settled();
  }
  expect([told.length, ends.untold, clock.pendingTimers]).toEqual([14, 2, 2]);
  away = false;
  clock.advance(5000);
  await settled();
  expect([told.length, ends.untold, clock.pendingTimers]).toEqual([16, 0, 0]);
});

it('MT-1 nothing is told any more when the process ends', async () => {
  const clock = new FakeClock();
  const ends = new RequestEnds({ clock, log: silentLog });
  let times = 0;
  const fails = (): Promise<void> => {
    times++;
    return Promise.reject(new Error('timeout'));
  };
  ends.tell('CA1', fails);
  await settled();
  ends.close();
  ends.tell('CA2', fails);
  await settled();
  clock.advance(60_000);
  expect([times, clock.pendingTimers]).toEqual([2, 0]);
});
