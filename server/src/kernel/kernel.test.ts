import { describe, expect, it } from 'vitest';
import { backoffDelay } from './backoff.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { FakeClock } from './clock.fake.ts';
import { delay } from './clock.ts';
import { Emitter } from './emitter.ts';
import { DomainError, describeError } from './errors.ts';
import { createLog } from './log.ts';
import { MachineRunner, TimerSet } from './machine.ts';
import type { Step } from './machine.ts';
import { Mailbox } from './mailbox.ts';
import { createMetrics } from './metrics.ts';
import { seededRandom } from './random.ts';
import { Scope } from './scope.ts';
import { SingleFlight } from './single-flight.ts';

describe('clock', () => {
  it('fires timers in order of due time, then of creation, and timers set meanwhile', () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push('b'));
    clock.setTimer(10, () => {
      fired.push('a');
      clock.setTimer(5, () => fired.push('a+5'));
    });
    clock.setTimer(20, () => fired.push('c'));
    clock.setTimer(15, () => fired.push('never')).cancel();
    const start = clock.now();
    clock.advance(30);
    expect(fired).toEqual(['a', 'a+5', 'b', 'c']);
    expect(clock.now() - start).toBe(30);
    expect(clock.pendingTimers).toBe(0);
  });

  it('an aborted delay leaves no timer behind', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const waiting = delay(clock, 1000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('scope', () => {
  it('releases in reverse order, children included, once, and carries the reason', async () => {
    const order: string[] = [];
    const scope = new Scope('test');
    scope.defer(() => void order.push('first'));
    scope.child('inner').defer(({ reason }) => void order.push(`inner:${reason}`));
    scope.defer(() => void order.push('last'));
    await Promise.all([scope.close('shutdown'), scope.close('again')]);
    expect(order).toEqual(['last', 'inner:shutdown', 'first']);
    expect((await scope.closed).reason).toBe('shutdown');
    expect(scope.signal.aborted).toBe(true);
  });

  it('runs every release although some fail, and reports the failures', async () => {
    const order: string[] = [];
    const scope = new Scope('test');
    scope.defer(() => void order.push('kept'));
    scope.defer(() => {
      throw new Error('broken');
    });
    await expect(scope.close()).rejects.toThrow(AggregateError);
    expect(order).toEqual(['kept']);
  });

  it('a child that closes first is forgotten by its parent, and late additions are released at once', async () => {
    const scope = new Scope('test');
    const child = scope.child('inner');
    let released = 0;
    child.defer(() => {
      released += 1;
    });
    await child.close();
    await scope.close();
    scope.defer(() => {
      released += 1;
    });
    expect(released).toBe(2);
  });
});

describe('mailbox', () => {
  it('handles one input at a time in order, goes on after an error, refuses when full or closed', async () => {
    const seen: string[] = [];
    const errors: string[] = [];
    const gate = Promise.withResolvers<void>();
    const mailbox = new Mailbox<string>({
      capacity: 3,
      handle: async (input) => {
        seen.push(`start ${input}`);
        if (input === 'a') await gate.promise;
        if (input === 'b') throw new Error('b is bad');
        seen.push(`end ${input}`);
      },
      onError: (error, input) => errors.push(`${input}: ${(error as Error).message}`),
    });
    expect(['a', 'b', 'c', 'd', 'e'].map((x) => mailbox.post(x))).toEqual([true, true, true, true, false]);
    gate.resolve();
    await mailbox.drained();
    expect(seen).toEqual(['start a', 'end a', 'start b', 'start c', 'end c', 'start d', 'end d']);
    expect(errors).toEqual(['b: b is bad']);
    mailbox.close();
    expect(mailbox.post('late')).toBe(false);
  });
});

describe('machine runner', () => {
  it('queues inputs dispatched by effects, so that steps never interleave', () => {
    type Effect = { kind: 'again'; with: number };
    const machine = (state: number[], input: number): Step<number[], Effect> => ({
      state: [...state, input],
      effects: input < 3 ? [{ kind: 'again', with: input + 1 }] : [],
    });
    const runner: MachineRunner<number[], number, Effect> = new MachineRunner<number[], number, Effect>({
      machine,
      initial: [],
      perform: (effect) => {
        const before = runner.state.length;
        runner.dispatch(effect.with);
        expect(runner.state.length).toBe(before);
      },
    });
    runner.dispatch(0);
    expect(runner.state).toEqual([0, 1, 2, 3]);
  });

  it('restarting a named timer replaces it; closing cancels all', () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    const timers = new TimerSet(clock, (name) => fired.push(name));
    timers.perform({ kind: 'start-timer', name: 'A', delayMs: 10 } as never);
    timers.start('A', 30);
    timers.start('B', 10);
    clock.advance(20);
    expect(fired).toEqual(['B']);
    timers.close();
    timers.start('C', 1);
    clock.advance(100);
    expect(fired).toEqual(['B']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('small parts', () => {
  it('a bounded queue keeps order, refuses at its bound and frees what it gave', () => {
    const queue = new BoundedQueue<number>(5000);
    for (let i = 0; i < 5000; i++) expect(queue.push(i)).toBe(true);
    expect(queue.push(5000)).toBe(false);
    for (let i = 0; i < 4000; i++) expect(queue.shift()).toBe(i);
    expect(queue.push(5000)).toBe(true);
    expect(queue.size).toBe(1001);
    expect(queue.peek()).toBe(4000);
  });

  it('single flight shares one run and forgets it afterwards, also when it fails', async () => {
    const flights = new SingleFlight<string, number>();
    let runs = 0;
    const work = async (): Promise<number> => {
      await Promise.resolve();
      if (++runs === 1) throw new Error('first fails');
      return runs;
    };
    const results = await Promise.allSettled([flights.run('k', work), flights.run('k', work)]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected']);
    expect(flights.size).toBe(0);
    expect(await flights.run('k', work)).toBe(2);
  });

  it('back-off grows to its ceiling and is jittered', () => {
    const random = seededRandom(7);
    for (let attempt = 0; attempt < 20; attempt++) {
      const ceiling = Math.min(5000, 100 * 2 ** attempt);
      const wait = backoffDelay(attempt, random, { maxMs: 5000 });
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThan(ceiling);
    }
  });

  it('a failing listener does not keep the others from running', () => {
    const errors: unknown[] = [];
    const emitter = new Emitter<{ ping: number }>((error) => errors.push(error));
    const seen: number[] = [];
    emitter.on('ping', () => {
      throw new Error('bad listener');
    });
    const off = emitter.on('ping', (n) => seen.push(n));
    emitter.emit('ping', 1);
    off();
    emitter.emit('ping', 2);
    expect(seen).toEqual([1]);
    expect(errors).toHaveLength(2);
    expect(emitter.count('ping')).toBe(1);
  });

  it('errors carry a reason to decide on and tell their causes', () => {
    const error = new DomainError('refused', 'the trunk refused', { cause: new Error('ECONNREFUSED') });
    expect(error.reason).toBe('refused');
    expect(describeError(error)).toBe('the trunk refused: ECONNREFUSED');
    expect(describeError('text')).toBe('text');
  });

  it('the log redacts secrets', () => {
    const lines: string[] = [];
    createLog({ destination: { write: (line: string) => void lines.push(line) } }).info(
      { token: 'abc', call: { secret: 'def' } },
      'hello',
    );
    expect(lines.join('')).toContain('hello');
    expect(lines.join('')).not.toMatch(/abc|def/);
  });

  it('metrics are exposed in the Prometheus text format', async () => {
    const metrics = createMetrics();
    metrics.counter('hookswitch_test_total', 'a test', ['kind']).inc({ kind: 'x' });
    metrics.histogram('hookswitch_test_seconds', 'a test', { buckets: [0.1, 1] }).observe(0.05);
    metrics.gauge('hookswitch_test', 'a test').set(3);
    let live = 4;
    metrics.gauge('hookswitch_test_live', 'a test', [], () => live);
    live = 5;
    const { body } = await metrics.expose();
    expect(body).toContain('hookswitch_test_live 5');
    expect(body).toContain('hookswitch_test_total{kind="x"} 1');
    expect(body).toContain('hookswitch_test_seconds_bucket{le="0.1"} 1');
    expect(metrics.describe().map((m) => m.name)).toContain('hookswitch_test');
  });
});
