import { describe, expect, it } from 'vitest';
import { FakeClock } from './clock.fake.ts';
import type { Clock } from './index.ts';
import { Turns } from './turns.ts';

/** Timers of this clock take a millisecond at least, as the system's do. */
function world() {
  const clock = new FakeClock();
  const real: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer: (ms, fire) => clock.setTimer(Math.max(1, ms), fire),
  };
  const turns = new Turns(real);
  const done: number[] = [];
  const come = (count: number): void => {
    for (let id = 0; id < count; id++) {
      const turn = turns.next();
      if (turn === undefined) done.push(id);
      else void turn.then(() => done.push(id));
    }
  };
  return { clock, turns, done, come };
}

describe('very many that are woken at once', () => {
  it('go on some at a time, in order, and leave no timer', async () => {
    const { clock, done, come } = world();
    come(200);
    const first = done.length;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(100);
    await clock.advanceAsync(1);
    expect(done.length).toBeGreaterThan(first);
    expect(done.length).toBeLessThan(150);
    await clock.advanceAsync(50);
    expect(done).toEqual(Array.from({ length: 200 }, (_, id) => id));
    expect(clock.pendingTimers).toBe(0);
  });

  it('a few wait for nobody', () => {
    const { clock, done, come } = world();
    come(5);
    expect(done).toHaveLength(5);
    expect(clock.pendingTimers).toBe(0);
  });

  it('all go on at the end', async () => {
    const { clock, turns, done, come } = world();
    come(200);
    turns.close();
    await clock.advanceAsync(0);
    expect(done).toHaveLength(200);
    expect(clock.pendingTimers).toBe(0);
  });
});
