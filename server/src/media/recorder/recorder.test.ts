import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { toneShare } from '../audio/goertzel.ts';
import { renderTone } from '../audio/tones.ts';
import type { RecordingFile } from '../ports.ts';
import { Recorder } from './recorder.ts';
import type { RecorderOptions } from './recorder.ts';

/** Keeps what is written, in memory. */
class MemoryFile implements RecordingFile {
  samples: number[] = [];
  kept: number | undefined;
  append(samples: Int16Array): void {
    this.samples.push(...samples);
  }
  finish(samples: number): Promise<{ bytes: number }> {
    this.kept = samples;
    return Promise.resolve({ bytes: 44 + samples * 2 });
  }
  discard(): Promise<void> {
    this.kept = 0;
    return Promise.resolve();
  }
}

const OPTIONS = { channels: 'mono', track: 'both', trim: false, endSilenceMs: undefined, maxMs: 3_600_000 } as const;

describe('Recorder', () => {
  let clock: FakeClock;
  let file: MemoryFile;
  let ended: string[];
  beforeEach(() => {
    clock = new FakeClock();
    file = new MemoryFile();
    ended = [];
  });
  afterEach(() => {
    expect(clock.pendingTimers).toBe(0);
  });
  const recorder = (change: Partial<RecorderOptions> = {}): Recorder =>
    new Recorder(
      { clock, file, ...OPTIONS, ...change },
      {
        ended: (reason, ms) => {
          ended.push(`${reason} ${String(ms)}`);
        },
      },
    );
  const timestamps = { received: 4_294_960_000, sent: 77 };
  /** Lets time pass; who of the two talks does so with a tone of its own. */
  const pass = (target: Recorder, ms: number, tones: { received?: number; sent?: number } = {}): void => {
    for (let at = 0; at < ms; at += 20) {
      clock.advance(20);
      for (const direction of ['received', 'sent'] as const) {
        timestamps[direction] = (timestamps[direction] + 160) >>> 0;
        const hertz = tones[direction];
        if (hertz === undefined) continue;
        const samples = renderTone({ frequencies: [hertz], cadenceMs: [] }, (at % 1000) * 8, 160);
        target.write(direction, { format: 'linear16', samples }, timestamps[direction]);
      }
    }
  };
  const channel = (at: number, of: number): Int16Array => Int16Array.from(file.samples.filter((_, i) => i % of === at));
  const part = (samples: Int16Array, fromMs: number, toMs: number): Int16Array =>
    samples.subarray(fromMs * 8, toMs * 8);

  it('CR-5 dual: each side on a channel of its own, at its own time, silence where nothing came', async () => {
    const target = recorder({ channels: 'dual' });
    pass(target, 1000, { received: 440 });
    pass(target, 1000, { sent: 1000 });
    pass(target, 500);
    expect(target.stop()).toBe(2500);
    expect(await target.close()).toEqual({ bytes: 44 + 40_000 });
    const [left, right] = [channel(0, 2), channel(1, 2)];
    expect(left).toHaveLength(20_000);
    expect(toneShare(part(left, 50, 950), 440)).toBeGreaterThan(0.95);
    expect(toneShare(part(right, 1050, 1950), 1000)).toBeGreaterThan(0.95);
    expect(part(left, 1010, 2500).every((sample) => sample === 0)).toBe(true);
    expect(part(right, 0, 970).every((sample) => sample === 0)).toBe(true);
  });

  it('CR-5 mono: both are mixed', () => {
    const target = recorder();
    pass(target, 1000, { received: 440, sent: 1000 });
    target.stop();
    const mixed = part(channel(0, 1), 100, 900);
    expect(toneShare(mixed, 440)).toBeCloseTo(0.5, 1);
    expect(toneShare(mixed, 1000)).toBeCloseTo(0.5, 1);
  });

  it('CR-5 one track alone', () => {
    const target = recorder({ track: 'inbound', channels: 'dual' });
    pass(target, 1000, { received: 440, sent: 1000 });
    expect(target.stop()).toBe(1000);
    expect(toneShare(part(channel(0, 1), 100, 900), 440)).toBeGreaterThan(0.95);
  });

  it('CR-5 lost packets are silence of their length, late ones find their place', () => {
    const target = recorder({ track: 'inbound' });
    const tone = (): Int16Array => renderTone({ frequencies: [440], cadenceMs: [] }, 0, 160);
    const frame = (timestamp: number): void => {
      target.write('received', { format: 'linear16', samples: tone() }, timestamp);
    };
    for (const [afterMs, timestamps] of [
      [20, [0]],
      [60, [320, 160]],
      [40, [800]],
    ] as const) {
      clock.advance(afterMs);
      for (const timestamp of timestamps) frame(timestamp);
    }
    target.stop();
    const heard = Array.from({ length: 6 }, (_, at) =>
      channel(0, 1)
        .subarray(at * 160, at * 160 + 160)
        .some(Boolean),
    );
    expect(heard).toEqual([true, true, true, false, false, true]);
  });

  it('CR-5 a stream that begins anew (another timestamp) is put where the clock is', () => {
    const target = recorder({ track: 'inbound' });
    pass(target, 400, { received: 440 });
    timestamps.received = 123_456;
    pass(target, 400, { received: 440 });
    expect(target.stop()).toBe(800);
    expect(toneShare(part(channel(0, 1), 420, 780), 440)).toBeGreaterThan(0.95);
  });

  it('CR-5 trim leaves silence at both ends out, and not that within', () => {
    const target = recorder({ trim: true });
    pass(target, 2000);
    pass(target, 500, { received: 440 });
    pass(target, 1000);
    pass(target, 500, { sent: 440 });
    pass(target, 3000);
    const kept = target.stop();
    expect(kept).toBeGreaterThanOrEqual(2180);
    expect(kept).toBeLessThanOrEqual(2240);
  });

  it('CR-5 silence ends it; nothing said at all is absent', async () => {
    const target = recorder({ endSilenceMs: 3000, trim: true });
    pass(target, 1000, { received: 440 });
    pass(target, 3800);
    expect(ended).toEqual(['silence 1200']);
    const empty = recorder({ endSilenceMs: 2000 });
    pass(empty, 3000);
    expect(ended.at(-1)).toBe('silence 0');
    expect(await empty.close()).toEqual({ bytes: 0 });
  });

  it('CR-5 it ends with its longest time', () => {
    const target = recorder({ maxMs: 2000 });
    pass(target, 5000, { received: 440 });
    expect(ended).toEqual(['max-length 2000']);
    expect(file.samples).toHaveLength(16_000);
  });

  it.each([
    ['left out', true, 2000],
    ['silence', false, 7000],
  ] as const)('CR-5 a pause is %s', (_name, skip, length) => {
    const target = recorder({ track: 'inbound' });
    pass(target, 1000, { received: 440 });
    target.pause(skip);
    pass(target, 5000, { received: 1000 });
    target.resume();
    pass(target, 1000, { received: 440 });
    expect(target.stop()).toBe(length);
    const all = channel(0, 1);
    expect(toneShare(part(all, length - 900, length - 100), 440)).toBeGreaterThan(0.9);
    expect(toneShare(all, 1000)).toBeLessThan(0.01);
  });

  it('CR-5 what is older than half a second is in the file whatever happens next', () => {
    const target = recorder();
    pass(target, 10_000, { received: 440 });
    expect(file.samples.length / 8).toBeGreaterThanOrEqual(9500);
    target.stop();
  });
});
