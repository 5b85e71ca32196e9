import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { seededRandom } from '../kernel/index.ts';
import { DeadlineSet, Deadlines } from './deadlines.ts';

function world() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const set = (label: string): DeadlineSet<string> =>
    new DeadlineSet(deadlines, {
      onTimer: (name) => fired.push(`${label}${name}@${clock.monotonic()}`),
    });
  return { clock, deadlines, fired, set };
}

describe('the timers of many connections', () => {
  it('fire when due, first set first, with one timer of the clock', () => {
    const w = world();
    const [a, b] = [w.set('a'), w.set('b')];
    a.start('x', 30);
    b.start('y', 10);
    a.start('z', 10);
    expect(w.clock.pendingTimers).toBe(1);
    w.clock.advance(29);
    expect(w.fired).toEqual(['by@10', 'az@10']);
    w.clock.advance(1);
    expect(w.fired).toEqual(['by@10', 'az@10', 'ax@30']);
    expect([w.deadlines.pending, w.clock.pendingTimers]).toEqual([0, 0]);
  });

  it('restart, stop and close as a timer set does; nothing stays pending', () => {
    const w = world();
    const a = w.set('a');
    a.start('x', 10);
    a.start('x', 20);
    a.start('y', 15);
    a.stop('y');
    w.clock.advance(19);
    expect(w.fired).toEqual([]);
    w.clock.advance(1);
    expect(w.fired).toEqual(['ax@20']);
    a.start('x', 5);
    a.close();
    a.start('x', 5);
    w.clock.advance(50);
    expect(w.fired).toHaveLength(1);
    expect([w.deadlines.pending, w.clock.pendingTimers]).toEqual([0, 0]);
  });

  it('set while one fires have their turn in the next wake, even with no delay', () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    let left = 3;
    const set: DeadlineSet<'again'> = new DeadlineSet(deadlines, {
      onTimer: (name) => {
        if (--left > 0) set.start(name, 0);
      },
    });
    set.start('again', 1);
    clock.advance(1);
    expect([left, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('agree with timers of the clock for any starts and stops', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const w = world();
      const plain: string[] = [];
      const sets = ['a', 'b', 'c'].map((label) => ({ label, set: w.set(label) }));
      const timers = new Map<string, { cancel(): void }>();
      for (let step = 0; step < 200; step++) {
        const { label, set } = sets[random.int(3)] ?? { label: '', set: w.set('') };
        const name = String(random.int(4));
        timers.get(label + name)?.cancel();
        if (random.int(4) === 0) set.stop(name);
        else {
          const delay = random.int(40);
          set.start(name, delay);
          timers.set(
            label + name,
            w.clock.setTimer(delay, () => plain.push(`${label}${name}@${w.clock.monotonic()}`)),
          );
        }
        w.clock.advance(random.int(12));
      }
      w.clock.advance(100);
      expect(w.fired).toHaveLength(plain.length);
      expect([...w.fired].sort()).toEqual([...plain].sort());
      expect([w.deadlines.pending, w.clock.pendingTimers]).toEqual([0, 0]);
    }
  });
});
