import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { Clock } from '../../kernel/index.ts';
import { Pacer } from './pacer.ts';

const fail = (error: unknown): void => {
  throw error as Error;
};

describe('pacer', () => {
  it('ticks every 20 ms for all tasks with one timer, and holds none without tasks', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, fail);
    expect(clock.pendingTimers).toBe(0);
    const [a, b] = [[] as number[], [] as number[]];
    const [removeA, removeB] = [pacer.add((now) => a.push(now)), pacer.add((now) => b.push(now))];
    expect(clock.pendingTimers).toBe(1);
    clock.advance(100);
    expect(a).toEqual([20, 40, 60, 80, 100]);
    expect(b).toEqual(a);
    removeA();
    removeA();
    clock.advance(20);
    expect([a.length, b.length]).toEqual([5, 6]);
    removeB();
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not drift: lateness of one tick does not move the next', () => {
    const clock = new FakeClock();
    const late: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer: (ms, fire) => clock.setTimer(ms + 3, fire),
    };
    const ticks: number[] = [];
    new Pacer(late, fail).add((now) => ticks.push(now));
    clock.advance(2003);
    expect(ticks.length).toBe(100);
    expect(ticks.at(-1)).toBe(2000);
  });

  it('makes up for a short stall, leaves out a long one', () => {
    const clock = new FakeClock();
    let delayMs = 0;
    const stalling: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer: (ms, fire) => clock.setTimer(ms + delayMs, fire),
    };
    const pacer = new Pacer(stalling, fail);
    const ticks: number[] = [];
    delayMs = 60;
    pacer.add((now) => ticks.push(now));
    delayMs = 0;
    clock.advance(80);
    expect(ticks).toEqual([20, 40, 60, 80]);
    delayMs = 1000;
    clock.advance(20);
    delayMs = 0;
    clock.advance(1000 + 80);
    expect(pacer.skippedTicks).toBeGreaterThan(45);
    const steps = ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? 0));
    expect(Math.max(...steps)).toBeGreaterThan(900);
    expect(ticks.at(-1)).toBeLessThanOrEqual(clock.monotonic());
  });

  it('a task that throws costs nobody else anything; tasks may come and go within a tick', () => {
    const clock = new FakeClock();
    const errors: unknown[] = [];
    const pacer = new Pacer(clock, (error) => errors.push(error));
    let runs = 0;
    pacer.add(() => {
      throw new Error('boom');
    });
    const remove = pacer.add(() => {
      runs++;
      remove();
      if (runs === 1) pacer.add(() => runs++);
    });
    clock.advance(40);
    expect(errors).toHaveLength(2);
    expect(runs).toBe(2);
    expect(clock.pendingTimers).toBe(1);
  });

  it('the last task may be replaced within its own tick without a second timer', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, fail);
    const ticks: number[] = [];
    const remove = pacer.add(() => {
      remove();
      pacer.add((now) => ticks.push(now));
    });
    clock.advance(60);
    expect(ticks).toEqual([40, 60]);
    expect(clock.pendingTimers).toBe(1);
  });
});
