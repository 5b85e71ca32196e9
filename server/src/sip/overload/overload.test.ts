import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics } from '../../kernel/index.ts';
import { OverloadGate } from './gate.ts';
import type { OverloadReport } from './gate.ts';
import { NOT_OVERLOADED, OVERLOAD, overloadMachine } from './machine.ts';
import type { OverloadInput, OverloadState } from './machine.ts';
import { RecentKeys } from './recent-keys.ts';

const machine = overloadMachine(OVERLOAD);
const tick = (input: Partial<OverloadInput> = {}): OverloadInput => ({
  kind: 'tick',
  load: 0.5,
  lateMs: 0,
  waiting: 0,
  calls: 100,
  ...input,
});

/** Runs the machine; answers its last state and every report. */
function run(state: OverloadState, inputs: readonly OverloadInput[]): { state: OverloadState; reports: string[] } {
  const reports: string[] = [];
  for (const input of inputs) {
    const step = machine(state, input);
    state = step.state;
    reports.push(...step.effects.map(({ what }) => what));
  }
  return { state, reports };
}
const times = (count: number, input: OverloadInput): OverloadInput[] => Array.from({ length: count }, () => input);

describe('the overload machine', () => {
  it('a load that is high for a moment refuses nobody', () => {
    const bursts = [...times(4, tick({ load: 1 })), tick(), ...times(4, tick({ load: 1 }))];
    expect(run(NOT_OVERLOADED, bursts)).toEqual({ state: { name: 'normal', hot: 4 }, reports: [] });
  });

  it.each([
    ['a high load five times in a row', times(5, tick({ load: 0.995 }))],
    ['a timer that is very late', [tick({ lateMs: 400 })]],
    ['a message that waits 200 ms before it is read, five times in a row', times(5, tick({ delayMs: 200 }))],
    ['a message that waits very long', [tick({ delayMs: 400 })]],
    ['too many calls that wait', [tick({ waiting: 2000 })]],
  ])('%s is an overload', (_what, inputs) => {
    const { state, reports } = run(NOT_OVERLOADED, inputs);
    expect(state).toMatchObject({ name: 'overloaded', share: 0.7 });
    expect(reports).toEqual(['overloaded']);
  });

  it('where nothing waits to be read a busy event loop keeps up, and is no overload', () => {
    const inputs = times(50, tick({ load: 1, delayMs: 20 }));
    expect(run(NOT_OVERLOADED, inputs)).toEqual({ state: NOT_OVERLOADED, reports: [] });
    const before: OverloadState = { name: 'overloaded', share: 0.4, calm: 0, sinceReport: 0 };
    expect(run(before, [tick({ load: 1, delayMs: 20 })]).state).toMatchObject({
      share: expect.closeTo(0.43) as number,
    });
    expect(run(before, times(9, tick({ load: 1, delayMs: 50 }))).state).toMatchObject({ share: 0.4 });
  });

  it('few calls are not what keeps a process busy', () => {
    const inputs = times(50, tick({ load: 1, lateMs: 1000, calls: 5 }));
    expect(run(NOT_OVERLOADED, inputs)).toEqual({ state: NOT_OVERLOADED, reports: [] });
  });

  it('the share falls while the load is high, and never to nothing', () => {
    const { state } = run(NOT_OVERLOADED, times(100, tick({ load: 1 })));
    expect(state).toMatchObject({ name: 'overloaded', share: 0.05 });
  });

  it('between high and low it stays as it is', () => {
    const before: OverloadState = { name: 'overloaded', share: 0.4, calm: 0, sinceReport: 0 };
    expect(run(before, times(50, tick({ load: 0.97 }))).state).toMatchObject({ share: 0.4 });
    expect(run(before, times(50, tick({ load: 0.2, waiting: 1500 }))).state).toMatchObject({ share: 0.4 });
  });

  it('is over when every call was taken for three seconds, not before', () => {
    const before: OverloadState = { name: 'overloaded', share: 0.94, calm: 0, sinceReport: 0 };
    const rising = times(2, tick());
    expect(run(before, [...rising, ...times(28, tick())])).toMatchObject({
      state: { share: 1, calm: 29 },
      reports: [],
    });
    expect(run(before, [...rising, ...times(29, tick())])).toEqual({ state: NOT_OVERLOADED, reports: ['recovered'] });
    const again = run(before, [...rising, ...times(20, tick()), tick({ load: 1 })]);
    expect(again.state).toMatchObject({ name: 'overloaded', share: 0.85, calm: 0 });
  });

  it('tells of itself every ten seconds while it lasts', () => {
    const { reports } = run(NOT_OVERLOADED, times(305, tick({ load: 1 })));
    expect(reports).toEqual(['overloaded', 'still-overloaded', 'still-overloaded', 'still-overloaded']);
  });
});

describe('the overload gate', () => {
  function gate() {
    const clock = new FakeClock();
    const metrics = createMetrics();
    const reports: OverloadReport[] = [];
    const load = { now: 0.5 };
    const opened = new OverloadGate({
      clock,
      metrics,
      meter: { read: () => load.now },
      onReport: (report) => reports.push(report),
    });
    return { clock, metrics, reports, load, gate: opened };
  }

  /** Six calls in each of five looks that find no reserve. */
  function overload({ gate: opened, clock, load }: Pick<ReturnType<typeof gate>, 'gate' | 'clock' | 'load'>): void {
    load.now = 1;
    for (let look = 0; look < 5; look++) {
      for (let call = 0; call < 6; call++) opened.admits(`${look} ${call}`);
      clock.advance(100);
    }
  }

  it('takes the share of new calls that there is room for, and counts the others', async () => {
    const { gate: opened, clock, load, metrics, reports } = gate();
    overload({ gate: opened, clock, load });
    expect(reports).toEqual([{ what: 'overloaded', refused: 0, share: 0.7, load: 1, lateMs: 0, waiting: 0 }]);
    const taken = Array.from({ length: 105 }, (_, index) => opened.admits(`call ${index}`)).filter(Boolean).length;
    // The first five are always taken, and of the others the share.
    expect(taken).toBeGreaterThanOrEqual(74);
    expect(taken).toBeLessThanOrEqual(76);
    expect(opened.refused).toBe(105 - taken);
    expect((await metrics.expose()).body).toContain(`hookswitch_sip_overload_refused_total ${105 - taken}`);
    opened.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('a refused call stays refused when its INVITE comes again, and is counted once', () => {
    const { gate: opened, clock, load } = gate();
    overload({ gate: opened, clock, load });
    let refused = 0;
    while (opened.admits(`call ${refused}`)) refused++;
    load.now = 0;
    clock.advance(10_000);
    expect(opened.share).toBe(1);
    expect(opened.admits(`call ${refused}`)).toBe(false);
    expect(opened.admits('another')).toBe(true);
    expect(opened.refused).toBe(1);
    opened.close();
  });

  it('looks at the load only while calls come', () => {
    const { gate: opened, clock } = gate();
    expect(clock.pendingTimers).toBe(0);
    opened.admits('call');
    const answered = opened.waits();
    clock.advance(10_000);
    expect(clock.pendingTimers).toBe(1);
    answered();
    answered();
    clock.advance(200);
    expect(clock.pendingTimers).toBe(0);
  });

  it('calls that nobody answers are an overload, however idle the processor is', () => {
    const { gate: opened, clock, reports } = gate();
    const answered = Array.from({ length: 2000 }, (_, index) => {
      opened.admits(`call ${index}`);
      return opened.waits();
    });
    clock.advance(100);
    expect(reports).toMatchObject([{ what: 'overloaded', waiting: 2000 }]);
    for (const done of answered) done();
    clock.advance(10_000);
    expect(reports.at(-1)).toMatchObject({ what: 'recovered', share: 1 });
    opened.close();
  });
});

it('recent keys are kept for a while, and not more of them than there is room for', () => {
  const keys = new RecentKeys({ max: 2, lifeMs: 1000 });
  keys.add('a', 0);
  expect(keys.has('a', 999)).toBe(true);
  expect(keys.has('a', 1500)).toBe(true);
  expect(keys.has('a', 2600)).toBe(false);
  for (const key of ['b', 'c', 'd', 'e', 'f']) keys.add(key, 3000);
  expect(keys.size).toBeLessThanOrEqual(4);
  expect(keys.has('b', 3000)).toBe(false);
  expect(keys.has('f', 3000)).toBe(true);
});
