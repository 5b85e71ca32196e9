import { describe, expect, it } from 'vitest';
import { MuLawFrames } from './mu-law-frames.ts';
import { StreamPlayer } from './stream-player.ts';
import { encodeG711 } from '../media/index.ts';

function player() {
  const told: string[] = [];
  return { player: new StreamPlayer((name) => told.push(name)), told };
}
const bytes = (from: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, n) => (from + n) % 200);

describe('what an application plays', () => {
  it('becomes frames of 20 ms, whatever pieces it comes in', () => {
    const { player: one } = player();
    let sent = 0;
    for (const count of [7, 153, 400, 1, 79]) {
      one.queue(bytes(sent, count));
      sent += count;
    }
    const heard: number[] = [];
    for (let n = 0; n < sent / 160; n++) heard.push(...one.next().bytes);
    expect(heard).toEqual([...bytes(0, sent)]);
    expect(one.waiting).toBe(0);
    expect([...one.next().bytes]).toEqual(new Array<number>(160).fill(0xff));
  });

  it('a last piece waits one frame for the rest of it, then silence fills it up', () => {
    const { player: one } = player();
    one.queue(bytes(0, 100));
    expect(one.next().bytes[0]).toBe(0xff);
    const frame = one.next().bytes;
    expect([...frame.subarray(0, 100)]).toEqual([...bytes(0, 100)]);
    expect([...frame.subarray(100)]).toEqual(new Array<number>(60).fill(0xff));
    one.queue(bytes(0, 100));
    one.next();
    one.queue(bytes(100, 60));
    expect([...one.next().bytes]).toEqual([...bytes(0, 160)]);
  });

  it('marks are reached when what was queued before them has been played, in order', () => {
    const { player: one, told } = player();
    one.mark('at once');
    expect(told).toEqual(['at once']);
    one.queue(bytes(0, 320));
    one.mark('a');
    one.queue(bytes(0, 160));
    one.mark('b');
    one.mark('c');
    one.next();
    one.next();
    expect(told).toEqual(['at once']);
    one.next();
    expect(told).toEqual(['at once', 'a']);
    one.next();
    expect(told).toEqual(['at once', 'a', 'b', 'c']);
  });

  it('clear drops what waits and reaches its marks at once', () => {
    const { player: one, told } = player();
    one.queue(bytes(0, 8000));
    one.mark('a');
    one.next();
    one.clear();
    expect(told).toEqual(['a']);
    expect(one.waiting).toBe(0);
    one.queue(bytes(7, 160));
    expect(one.next().bytes[0]).toBe(7);
  });

  it('is bounded', () => {
    const { player: one } = player();
    const minute = new Uint8Array(8000 * 60);
    for (let n = 0; n < 10; n++) expect(one.queue(minute)).toBe(true);
    expect(one.queue(bytes(0, 1))).toBe(false);
    for (let n = 0; n < 1000; n++) expect(one.mark(String(n))).toBe(true);
    expect(one.mark('one more')).toBe(false);
  });
});

describe('what an application hears', () => {
  it('is 20 ms of mu-law, whatever codec and packet time the leg has', () => {
    const got: [number, number[]][] = [];
    const frames = new MuLawFrames((payload, samples) => got.push([samples, [...payload]]));
    // 30 ms packets: 160 and 80 samples each.
    const all = bytes(0, 480);
    for (const [at, count] of [
      [0, 160],
      [160, 80],
      [240, 160],
      [400, 80],
    ] as const) {
      frames.take({ format: 'PCMU', bytes: all.subarray(at, at + count) }, at + 1000);
    }
    expect(got.map(([samples]) => samples)).toEqual([1000, 1160, 1320]);
    expect(got.flatMap(([, payload]) => payload)).toEqual([...all]);
    const loud = Int16Array.from({ length: 160 }, (_, n) => 8000 * Math.sin(n / 5));
    frames.take({ format: 'PCMA', bytes: encodeG711('PCMA', loud) }, 90_000);
    const [, last] = got.at(-1) ?? [0, []];
    const direct = encodeG711('PCMU', loud);
    expect(last.filter((code, n) => Math.abs(code - (direct[n] ?? 0)) > 2)).toEqual([]);
  });

  it('no frame holds audio of two moments', () => {
    const got: number[] = [];
    const frames = new MuLawFrames((_payload, samples) => got.push(samples));
    frames.take({ format: 'PCMU', bytes: bytes(0, 80) }, 0);
    frames.take({ format: 'PCMU', bytes: bytes(0, 160) }, 16_000);
    expect(got).toEqual([16_000]);
  });
});
