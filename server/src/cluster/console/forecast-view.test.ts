import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import type { LoadDay } from '../capacity/index.ts';
import { ForecastHistory } from './forecast-view.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const NOW = { load: 12, capacity: 72, nodes: 2 };

/** Load of a time of day: between 10 and 50 Erlangs, the same every day. */
const loadAt = (at: number): number => 30 - 20 * Math.cos((2 * Math.PI * (at % DAY)) / DAY);
const days = (from: number, to: number): LoadDay[] => {
  const list: LoadDay[] = [];
  for (let day = Math.floor(from / DAY) * DAY; day < to; day += DAY) {
    const loads = Array.from({ length: 1440 }, (_, minute) => {
      const at = day + minute * MINUTE;
      return at < from || at >= to ? null : loadAt(at);
    });
    list.push({ day, everyMs: MINUTE, loads });
  }
  return list;
};
const decision = (at: number, nodes: number) => ({
  ...{ at, action: 'expand' as const, nodes, wanted: nodes, load: 0, expected: 0, error: 0, expectedAt: at },
  ...{ channels: 0, wouldWait: 0, reasons: [] },
});

function world(history: () => LoadDay[], decisions: ReturnType<typeof decision>[] = []) {
  const clock = new FakeClock();
  let reads = 0;
  const store = {
    days: () => {
      reads++;
      return Promise.resolve(history());
    },
    decisions: () => Promise.resolve(decisions),
  };
  const forecast = new ForecastHistory({ store, clock });
  const view = async (hours = 24, ahead = 6) => {
    const answer = forecast.view(NOW, { hours, ahead });
    // It learns in pieces, a turn of the event loop each.
    for (let turn = 0; turn < 100; turn++) {
      await settle();
      clock.advance(0);
    }
    return await answer;
  };
  return { clock, view, reads: () => reads };
}

describe('MT-5 the forecast against what came', () => {
  it('is replayed from the kept history: what was said before, how far off it was, and what is expected', async () => {
    const probe = world(() => []);
    const now = probe.clock.now();
    const { view, clock } = world(
      () => days(now - 9 * DAY, now),
      [decision(now - 2 * DAY, 1), decision(now - 2 * 3_600_000, 2)],
    );
    const shown = await view();
    expect(shown).toMatchObject({ load: 12, trusted: true, seenMinutes: 9 * 1440, leadMinutes: 20 });
    // A day in steps of ten minutes, and six hours to come.
    expect(shown.actual.length).toBeGreaterThanOrEqual(144);
    expect(shown.actual.length).toBeLessThanOrEqual(145);
    expect(shown.said.length).toBeGreaterThanOrEqual(144);
    expect(shown.expected).toHaveLength(37);
    // A pattern that repeats every day is foreseen well, and the future follows it.
    expect(shown.meanError).toBeLessThan(3);
    for (const { at, mean, error } of shown.expected) {
      expect(Math.abs(mean - loadAt(Date.parse(at)))).toBeLessThan(8);
      expect(error).toBeGreaterThan(0);
    }
    // Two nodes of 36 now, one of 36 until two hours ago.
    expect(shown.capacity.map(({ channels }) => channels)).toEqual([36, 72, 72]);
    expect(Date.parse(shown.capacity[0]?.at ?? '')).toBeGreaterThanOrEqual(clock.now() - 25 * 3_600_000);
    expect((await view(168)).actual.length).toBeLessThanOrEqual(169);
  });

  it('is not trusted before it has seen a day, and says so; without history there is nothing but now', async () => {
    const empty = await world(() => []).view();
    expect(empty).toMatchObject({
      trusted: false,
      seenMinutes: 0,
      actual: [],
      said: [],
      expected: [],
      meanError: null,
    });
    const now = new FakeClock().now();
    const young = await world(() => days(now - 5 * 60 * MINUTE, now)).view();
    expect(young).toMatchObject({ trusted: false, said: [], meanError: null });
    expect(young.actual.length).toBeGreaterThanOrEqual(30);
  });

  it('learns what came since, once a minute at most, and nothing twice', async () => {
    let until = new FakeClock().now();
    const from = until - 2 * DAY;
    const { view, clock, reads } = world(() => days(from, until));
    const first = await view();
    await view();
    expect(reads()).toBe(1);
    clock.advance(10 * MINUTE);
    until += 10 * MINUTE;
    const second = await view();
    expect(reads()).toBe(2);
    expect(second.seenMinutes).toBe(first.seenMinutes + 10);
    expect(clock.pendingTimers).toBe(0);
  });
});
