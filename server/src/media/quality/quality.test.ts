import { describe, expect, it } from 'vitest';
import { encodeG711 } from '../audio/g711.ts';
import { renderTone } from '../audio/tones.ts';
import type { LegStatistics } from '../ports.ts';
import { mosOf, mosOfRating, ratingOf } from './e-model.ts';
import { QualityMeter } from './quality-meter.ts';
import { levelDbov, SilenceDetector } from './silence-detector.ts';

describe('the E-model, ITU-T G.107', () => {
  // G.107 annex B, table B.1, and G.109.
  it.each([
    [93.2, 4.41],
    [90, 4.34],
    [80, 4.03],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
    [0, 1],
    [-5, 1],
    [100, 4.5],
    [4, 1],
  ])('rating %f is MOS %f', (rating, mos) => {
    expect(mosOfRating(rating)).toBeCloseTo(mos, 1);
  });

  it.each([
    [{ lossRatio: 0, delayMs: 0 }, 93.2, 93.2],
    [{ lossRatio: 0, delayMs: 150 }, 89, 90],
    // G.114: beyond 400 ms no conversation is good.
    [{ lossRatio: 0, delayMs: 400 }, 57, 60],
    // G.113 appendix I: 1 % of loss takes 3.6 with concealment and 17.9 without.
    [{ lossRatio: 0.01, delayMs: 0 }, 89, 90],
    [{ lossRatio: 0.01, delayMs: 0, concealment: false }, 75, 75.5],
    [{ lossRatio: 0.05, delayMs: 0 }, 77, 78],
    // Ten packets in a row hurt more than ten single ones.
    [{ lossRatio: 0.05, delayMs: 0, burstRatio: 8 }, 74.5, 75],
    [{ lossRatio: 1, delayMs: 0 }, 16, 18],
  ])('%j is rated between %f and %f', (conditions, low, high) => {
    expect(ratingOf(conditions)).toBeGreaterThanOrEqual(low);
    expect(ratingOf(conditions)).toBeLessThanOrEqual(high);
  });

  it('never improves with more loss, delay or burstiness, and stays within 1 and 4.5', () => {
    let before = 5;
    for (let percent = 0; percent <= 100; percent++) {
      const mos = mosOf({ lossRatio: percent / 100, delayMs: percent * 10, burstRatio: 1 + percent / 20 });
      expect(mos).toBeLessThanOrEqual(before);
      expect(mos).toBeGreaterThanOrEqual(1);
      before = mos;
    }
    expect(mosOf({ lossRatio: 7, delayMs: -5 })).toBeGreaterThanOrEqual(1);
  });
});

function statistics(received: number, lost: number, more: Partial<LegStatistics> = {}): LegStatistics {
  return {
    received: { packets: received, bytes: received * 160, lost, jitterMs: 3.14159, lossEvents: lost },
    sent: { packets: received, bytes: received * 160, lost: 0, jitterMs: undefined },
    roundTripMs: 41.26,
    counters: { malformed: 0, ssrcChange: 1 },
    ...more,
  };
}

describe('quality of a leg', () => {
  it('an interval has the figures since the one before, a summary those of the whole', () => {
    const meter = new QualityMeter(1000);
    expect(meter.sample(11_000, statistics(490, 10))).toEqual({
      seconds: 10,
      received: { packets: 490, lost: 10, lossPercent: 2, jitterMs: 3.1, mos: 4.17 },
      sent: { packets: 490, lost: 0, lossPercent: 0, mos: 4.37 },
      roundTripMs: 41.3,
      mos: 4.17,
    });
    expect(meter.sample(21_000, statistics(990, 10)).received).toMatchObject({ packets: 500, lost: 0, mos: 4.37 });
    const summary = meter.summary(21_000, undefined);
    expect(summary).toMatchObject({ seconds: 20, mosMin: 4.17, mosAverage: 4.27, counters: { ssrcChange: 1 } });
    expect(summary.received).toMatchObject({ packets: 990, lost: 10, lossPercent: 1 });
    expect(Object.keys(summary.counters)).toEqual(['ssrcChange']);
  });

  it('the same loss in bursts scores lower', () => {
    const scattered = new QualityMeter(0).sample(10_000, statistics(450, 50)).received.mos;
    const inBursts = statistics(450, 50);
    const burst = new QualityMeter(0).sample(10_000, {
      ...inBursts,
      received: { ...inBursts.received, lossEvents: 5 },
    }).received.mos;
    expect(burst).toBeLessThan(scattered ?? 0);
  });

  it('without packets there is no score: hold does not count as bad, nor as good', () => {
    const meter = new QualityMeter(0);
    meter.sample(10_000, statistics(500, 0));
    const held = meter.sample(20_000, statistics(500, 0));
    expect(held).toMatchObject({ received: { packets: 0, lost: 0 }, sent: { packets: 0 } });
    expect([held.mos, held.received.mos]).toEqual([undefined, undefined]);
    expect(meter.summary(20_000, undefined)).toMatchObject({ mosMin: 4.37, mosAverage: 4.37 });
  });

  it('what is not known is absent, and what is nonsense is not taken', () => {
    const unknown = { packets: 500, bytes: 0, lost: undefined, jitterMs: Number.NaN };
    const { received, roundTripMs, mos } = new QualityMeter(0).sample(10_000, {
      received: unknown,
      sent: unknown,
      roundTripMs: 0,
      counters: {},
    });
    expect([received, roundTripMs, mos]).toEqual([{ packets: 500 }, undefined, undefined]);
    // Duplicates: fewer lost than none.
    expect(new QualityMeter(0).sample(10_000, statistics(600, -100)).received).toMatchObject({
      lost: 0,
      lossPercent: 0,
    });
    // The last snapshot may be older than the one before: nothing runs backwards.
    const meter = new QualityMeter(0, statistics(500, 5));
    expect(meter.sample(1, statistics(400, 1)).received).toMatchObject({ packets: 0, lost: 0 });
  });
});

describe('silence in a stream that flows', () => {
  const silence = new Uint8Array(160).fill(0xff);
  const speech = encodeG711('PCMU', renderTone({ frequencies: [700], cadenceMs: [], levelDbm0: -20 }, 0, 160));

  function watch(): { detector: SilenceDetector; told: string[] } {
    const told: string[] = [];
    const listener = {
      quiet: (forMs: number, level: number) => told.push(`quiet ${String(forMs)} ${String(level)}`),
      sound: (afterMs: number) => told.push(`sound ${String(afterMs)}`),
    };
    return { detector: new SilenceDetector(listener, { afterMs: 10_000, thresholdDbov: -70, everyMs: 500 }), told };
  }
  function feed(detector: SilenceDetector, payload: Uint8Array, from: number, to: number): void {
    for (let now = from; now < to; now += 20) detector.audio('PCMU', payload, now);
  }

  it('is told once when it lasts, and when it ends', () => {
    const { detector, told } = watch();
    feed(detector, speech, 0, 5000);
    feed(detector, silence, 5000, 30_000);
    expect(told).toEqual(['quiet 10000 -127']);
    expect(detector.totalMs(30_000)).toBe(25_000);
    feed(detector, speech, 30_000, 31_000);
    expect(told.slice(1)).toEqual(['sound 25000']);
    expect(detector.totalMs(40_000)).toBe(25_000);
  });

  it('speech with pauses is none, nor is a pause of the stream (hold, silence suppression)', () => {
    const { detector, told } = watch();
    for (let at = 0; at < 60_000; at += 6000) {
      feed(detector, silence, at, at + 5000);
      feed(detector, speech, at + 5000, at + 6000);
    }
    feed(detector, silence, 60_000, 65_000);
    feed(detector, silence, 90_000, 95_000);
    expect(told).toEqual([]);
  });

  it('levels: full scale is 0, silence -127, a quiet hiss in between', () => {
    expect(levelDbov(Int16Array.from({ length: 160 }, () => -32_768))).toBe(0);
    expect(levelDbov(new Int16Array(160))).toBe(-127);
    expect(levelDbov(Int16Array.from({ length: 160 }, (_, n) => (n % 2) * 20 - 10))).toBe(-70);
    expect(levelDbov(new Int16Array(0))).toBe(-127);
  });
});
