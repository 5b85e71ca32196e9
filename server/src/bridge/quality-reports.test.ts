import { eventDataSchemas, topicsOf } from '@hookswitch/shared';
import type { EventData, EventType } from '@hookswitch/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import type { Leg, LegStatistics } from '../media/ports.ts';
import { QualityReports } from './quality-reports.ts';
import type { LegReports } from './quality-reports.ts';

interface Emitted {
  readonly type: EventType;
  readonly data: Record<string, unknown>;
  readonly sequence?: number;
}

let clock: FakeClock;
let emitted: Emitted[];
let reports: QualityReports;
let asked: number;
let failing: boolean;

beforeEach(() => {
  clock = new FakeClock();
  emitted = [];
  asked = 0;
  failing = false;
  reports = new QualityReports({
    clock,
    intervalMs: 10_000,
    events: {
      emit: (event) => {
        emitted.push(event);
      },
    },
  });
});

/** 50 packets a second both ways, of which every hundredth from the phone is lost. */
function figures(now: number): LegStatistics {
  const packets = now / 20;
  return {
    received: { packets: packets * 0.99, bytes: 0, lost: packets * 0.01, jitterMs: 2 },
    sent: { packets, bytes: 0, lost: 0, jitterMs: 1 },
    roundTripMs: 30,
    counters: { srtpAuthFailures: 3, malformed: 0 },
  };
}

function begin(callSid: string, leg: { merged: boolean } = { merged: true }): LegReports {
  const statistics = (): Promise<LegStatistics> => {
    asked++;
    return failing ? Promise.reject(new Error('the worker died')) : Promise.resolve(figures(clock.monotonic()));
  };
  const media = { kind: 'sip', statistics } as unknown as Leg;
  return reports.begin({
    accountSid: 'AC1',
    facts: { callSid, direction: 'inbound', from: '+15550111', to: 'client:a' },
    media,
    get isMerged() {
      return leg.merged;
    },
  });
}

describe('reports of call quality', () => {
  it('come every 10 s while the leg is merged, each about its own interval, and once at the end', async () => {
    const leg = begin('CA1');
    await clock.advanceAsync(30_000);
    leg.end();
    leg.end();
    await clock.advanceAsync(30_000);
    expect(emitted.map(({ data }) => [data['scope'], data['seconds']])).toEqual([
      ['interval', 10],
      ['interval', 10],
      ['interval', 10],
      ['final', 30],
    ]);
    expect(emitted[1]?.data).toMatchObject({
      callSid: 'CA1',
      direction: 'inbound',
      from: '+15550111',
      to: 'client:a',
      leg: 'sip',
      received: { packets: 495, lost: 5, lossPercent: 1, jitterMs: 2, mos: 4.28 },
      sent: { packets: 500, lost: 0, lossPercent: 0, mos: 4.37 },
      roundTripMs: 30,
      mos: 4.28,
    });
    expect(emitted[3]?.data['summary']).toEqual({
      mosMin: 4.28,
      mosAverage: 4.28,
      silenceSeconds: 0,
      counters: { srtpAuthFailures: 3 },
    });
  });

  it('are as the schema of their type says, on the topic of their call, and without a number in its story', async () => {
    const leg = begin('CA1');
    leg.quiet(30_000, -90);
    await clock.advanceAsync(10_000);
    leg.end();
    await clock.advanceAsync(0);
    expect(emitted.map(({ type }) => type)).toEqual(['call.silence', 'call.quality', 'call.quality']);
    for (const { type, data, sequence } of emitted) {
      expect(eventDataSchemas[type].safeParse(data).error).toBeUndefined();
      expect(topicsOf(type, data as EventData<typeof type>)).toEqual([`calls.CA1.${type.slice(5)}`]);
      expect(sequence).toBeUndefined();
    }
  });

  it('a leg that hears nobody has none but the final one', async () => {
    const facts = { merged: false };
    const leg = begin('CA1', facts);
    await clock.advanceAsync(15_000);
    facts.merged = true;
    await clock.advanceAsync(10_000);
    expect(emitted.map(({ data }) => data['seconds'])).toEqual([20]);
    leg.end();
    await clock.advanceAsync(0);
    expect(emitted.at(-1)?.data).toMatchObject({ scope: 'final', seconds: 25 });
  });

  it('one timer serves all legs, and none runs without legs', async () => {
    const legs = Array.from({ length: 100 }, (_, n) => begin(`CA${String(n)}`));
    expect([clock.pendingTimers, reports.size]).toEqual([1, 100]);
    await clock.advanceAsync(10_000);
    expect([emitted.length, asked, clock.pendingTimers]).toEqual([100, 100, 1]);
    for (const leg of legs) leg.end();
    expect([clock.pendingTimers, reports.size]).toEqual([0, 0]);
  });

  it('when the worker that counts is gone, the final one has what was known last', async () => {
    const leg = begin('CA1');
    await clock.advanceAsync(10_000);
    failing = true;
    await clock.advanceAsync(10_000);
    leg.end();
    await clock.advanceAsync(0);
    expect(emitted.map(({ data }) => data['scope'])).toEqual(['interval', 'final']);
    expect(emitted[1]?.data).toMatchObject({ seconds: 20, received: { packets: 495 }, summary: { mosMin: 4.28 } });
  });

  it('time without sound is added up, what lasts to the end included', async () => {
    const leg = begin('CA1');
    await clock.advanceAsync(5000);
    leg.silent(5000);
    await clock.advanceAsync(3000);
    leg.audible();
    leg.audible();
    await clock.advanceAsync(2000);
    leg.quiet(1000, -80);
    await clock.advanceAsync(4000);
    leg.end();
    await clock.advanceAsync(0);
    expect(emitted.at(-1)?.data['summary']).toMatchObject({ silenceSeconds: 13 });
    expect(emitted.find(({ type }) => type === 'call.silence')?.data).toMatchObject({ seconds: 1, levelDbov: -80 });
  });
});
