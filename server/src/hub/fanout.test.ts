import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { Fanout } from './fanout.ts';
import type { Flushable } from './fanout-lane.ts';

/** Receivers whose writes take a millisecond each. */
function world(count: number) {
  const clock = new FakeClock();
  let elapsed = 0;
  const slow = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + elapsed,
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms, fire),
  };
  const fanout = new Fanout({ clock: slow });
  const flushed: number[] = [];
  const receivers = Array.from({ length: count }, (_, id): Flushable => ({
    flush: () => {
      flushed.push(id);
      elapsed += 1;
      return 1;
    },
  }));
  return { clock, fanout, flushed, receivers };
}

describe('a round of writes that takes long', () => {
  it('lets others have the event loop, and reaches everybody once, in order', async () => {
    const { clock, fanout, flushed, receivers } = world(200);
    for (const receiver of receivers) fanout.touch(receiver, 'AC1');
    await Promise.resolve();
    expect(flushed.length).toBeGreaterThan(0);
    expect(flushed.length).toBeLessThan(100);
    await clock.advanceAsync(100);
    expect(flushed).toEqual(receivers.map((_, id) => id));
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves nobody out who gets more meanwhile', async () => {
    const { clock, fanout, flushed, receivers } = world(200);
    for (const receiver of receivers) fanout.touch(receiver, 'AC1');
    await Promise.resolve();
    const before = flushed.length;
    // The first was written to already, the last was not.
    for (const receiver of [receivers[0], receivers[199]]) if (receiver !== undefined) fanout.touch(receiver, 'AC1');
    await clock.advanceAsync(200);
    expect(before).toBeLessThan(200);
    expect(flushed.filter((id) => id === 0)).toHaveLength(2);
    expect(flushed.filter((id) => id === 199)).toHaveLength(1);
    expect(new Set(flushed).size).toBe(200);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends with the fan-out', async () => {
    const { clock, fanout, flushed, receivers } = world(200);
    for (const receiver of receivers) fanout.touch(receiver, 'AC1');
    await Promise.resolve();
    fanout.close();
    const before = flushed.length;
    await clock.advanceAsync(100);
    expect(flushed).toHaveLength(before);
    expect(clock.pendingTimers).toBe(0);
  });

  it('MT-10 is not waited for by the receivers of another account', async () => {
    const { clock, fanout, flushed, receivers } = world(200);
    for (const receiver of receivers) fanout.touch(receiver, 'AC1');
    await Promise.resolve();
    const other: Flushable = {
      flush: () => {
        flushed.push(-1);
        return 1;
      },
    };
    fanout.touch(other, 'AC2');
    await Promise.resolve();
    // Nor does its next event wait for the end of their window.
    await clock.advanceAsync(2);
    fanout.touch(other, 'AC2');
    await clock.advanceAsync(2);
    expect(flushed.filter((id) => id === -1)).toHaveLength(2);
    expect(flushed.indexOf(-1)).toBeLessThan(50);
    await clock.advanceAsync(1000);
    expect(new Set(flushed).size).toBe(201);
    expect(clock.pendingTimers).toBe(0);
  });
});
