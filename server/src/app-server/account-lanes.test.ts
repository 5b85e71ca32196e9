import { expect, it } from 'vitest';
import { AccountLanes } from './account-lanes.ts';

const never = new AbortController().signal;

/** Work that ends when the test says so. */
function held(): { work: () => Promise<string>; begun: () => number; end: () => void } {
  const ends: (() => void)[] = [];
  let begun = 0;
  return {
    work: () => {
      begun += 1;
      return new Promise((resolve) =>
        ends.push(() => {
          resolve('done');
        }),
      );
    },
    begun: () => begun,
    end: () => ends.shift()?.(),
  };
}

it('CR-3 one account whose servers hang holds up nobody else', async () => {
  const lanes = new AccountLanes({ width: 3, waiting: 100 });
  const hanging = held();
  const stuck = Array.from({ length: 50 }, () => lanes.run('AC-slow', never, hanging.work));
  expect(hanging.begun()).toBe(3);
  const others = await Promise.all(
    Array.from({ length: 500 }, (_, n) => lanes.run(`AC-${n % 7}`, never, () => Promise.resolve(n))),
  );
  expect(others).toEqual(Array.from({ length: 500 }, (_, n) => n));
  for (let n = 0; n < 50; n++) {
    hanging.end();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(stuck)).toEqual(stuck.map(() => 'done'));
  expect(lanes.busyAccounts).toBe(0);
});

it('turns are taken in order; too many waiting are refused; who gives up leaves the line', async () => {
  const lanes = new AccountLanes({ width: 1, waiting: 2 });
  const first = held();
  const order: number[] = [];
  const running = lanes.run('AC1', never, first.work);
  expect(lanes.totals()).toEqual({ underWay: 1, waiting: 0, longestLine: 0 });
  const abort = new AbortController();
  const impatient = lanes.run('AC1', abort.signal, () => Promise.resolve(order.push(1)));
  const patient = lanes.run('AC1', never, () => Promise.resolve(order.push(2)));
  expect(await lanes.run('AC1', never, () => Promise.resolve(order.push(3)))).toBeUndefined();
  expect(lanes.totals()).toEqual({ underWay: 1, waiting: 2, longestLine: 2 });
  abort.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
  first.end();
  await Promise.all([running, patient]);
  expect(order).toEqual([2]);
  await expect(lanes.run('AC1', abort.signal, first.work)).rejects.toThrow('enough');
  await expect(lanes.run('AC1', never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(lanes.busyAccounts).toBe(0);
});
