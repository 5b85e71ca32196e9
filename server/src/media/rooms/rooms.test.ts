import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { pcmSource } from '../audio/pcm-source.ts';
import { Pacer } from '../playout/pacer.ts';
import type { AudioFrame } from '../ports.ts';
import type { AudioPacket } from '../rtp/rtp-sender.ts';
import { foldState } from './client-transports.mediasoup.ts';
import { FlowWatch } from './flow-watch.ts';
import { LegAudio } from './leg-audio.ts';
import type { AudioOutput } from './leg-audio.ts';

describe('flow watch', () => {
  function watch(ready = true) {
    const told: string[] = [];
    const flow = new FlowWatch(
      { now: 0, silentAfterMs: 5000, ready },
      {
        flowing: (ms) => told.push(`flowing ${String(ms)}`),
        silent: (ms) => told.push(`silent ${String(ms)}`),
        resumed: (ms) => told.push(`resumed ${String(ms)}`),
      },
    );
    return { flow, told };
  }

  it('BR-4 flowing once, when media came and the path is ready, in either order', () => {
    const { flow, told } = watch(false);
    flow.media(100);
    expect(flow.isFlowing).toBe(false);
    flow.setReady(true, 150);
    flow.media(200);
    flow.setReady(true, 250);
    expect(told).toEqual(['flowing 150']);
  });

  it('silent once per silence, resumed after it', () => {
    const { flow, told } = watch();
    flow.check(60_000); // nothing is owed yet
    flow.expect(true, 60_000);
    flow.check(64_999);
    flow.check(65_000);
    flow.check(70_000);
    flow.media(71_000);
    flow.media(71_020);
    flow.check(76_000);
    flow.check(76_020);
    expect(told).toEqual(['silent 5000', 'flowing 71000', 'resumed 11000', 'silent 5000']);
  });

  it('hold is no silence, and after it the time starts anew', () => {
    const { flow, told } = watch();
    flow.expect(true, 0);
    flow.media(10);
    flow.expect(false, 20);
    flow.check(100_000);
    flow.expect(true, 100_000);
    flow.check(104_000);
    expect(told).toEqual(['flowing 10']);
  });
});

describe('leg audio', () => {
  const frame: AudioFrame = { format: 'linear16', samples: new Int16Array(160) };
  function leg() {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, (error) => {
      throw error as Error;
    });
    const sent: string[] = [];
    let changes = 0;
    const output: AudioOutput = {
      codec: 'PCMU',
      forward: (packet) => (sent.push(`peer ${String(packet.sequence)}`), packet.timestamp),
      skip: () => sent.push('skip'),
      play: () => (sent.push('play'), 7),
    };
    const audio = new LegAudio({ output, pacer, log: silentLog, onNeedChange: () => changes++ });
    return { audio, sent, clock, changes: () => changes };
  }
  const packet = (sequence: number, bytes = 160): AudioPacket => ({
    key: 'k',
    codec: 'PCMU',
    sequence,
    timestamp: sequence * 160,
    marker: false,
    payload: new Uint8Array(bytes),
  });

  it('a playback hides the peer until it ends', async () => {
    const [a, b] = [leg(), leg()];
    a.audio.setPeer(b.audio);
    a.audio.said(packet(1), 0);
    const playback = b.audio.play(pcmSource(new Int16Array(320)));
    a.audio.said(packet(2), 0);
    a.audio.gap('k');
    b.clock.advance(60);
    a.audio.said(packet(3), 0);
    a.audio.gap('k');
    expect(b.sent).toEqual(['peer 1', 'play', 'play', 'peer 3', 'skip']);
    await expect(playback.done).resolves.toBe('finished');
    expect(b.changes()).toBe(2);
    expect(b.clock.pendingTimers).toBe(0);
  });

  it('an announcement is heard over a playback, which waits and goes on; a new playback waits too', async () => {
    const b = leg();
    const under = b.audio.play(pcmSource(new Int16Array(640)));
    b.clock.advance(20);
    const over = b.audio.play(pcmSource(new Int16Array(320)), { over: true });
    b.clock.advance(40);
    expect(b.sent).toHaveLength(3);
    const changes = b.changes();
    // The announcement is over in this turn; of the playback three frames are left.
    b.clock.advance(20);
    await expect(over.done).resolves.toBe('finished');
    expect(b.changes()).toBe(changes + 1);
    expect(b.audio.isPlaying).toBe(true);
    b.clock.advance(80);
    await expect(under.done).resolves.toBe('finished');
    expect(b.sent).toHaveLength(6);

    const first = b.audio.play(pcmSource(new Int16Array(1600)), { over: true });
    const beneath = b.audio.play(pcmSource(new Int16Array(160)));
    const second = b.audio.play(pcmSource(new Int16Array(160)), { over: true });
    await expect(first.done).resolves.toBe('stopped');
    b.clock.advance(40);
    await expect(second.done).resolves.toBe('finished');
    b.clock.advance(40);
    await expect(beneath.done).resolves.toBe('finished');
    const last = b.audio.play(pcmSource(new Int16Array(160)), { over: true });
    b.audio.stop();
    await expect(last.done).resolves.toBe('stopped');
    expect(b.clock.pendingTimers).toBe(0);
  });

  it('loops a source that can rewind; a source that throws, or has nothing even after rewind, ends', async () => {
    const a = leg();
    const looped = a.audio.play(pcmSource(new Int16Array(160)), { loop: true });
    a.clock.advance(200);
    expect(a.sent).toHaveLength(10);
    let closed = 0;
    const failing = a.audio.play({
      next: () => {
        throw new Error('boom');
      },
      close: () => closed++,
    });
    await expect(looped.done).resolves.toBe('stopped');
    a.clock.advance(20);
    await expect(failing.done).resolves.toBe('failed');
    expect(closed).toBe(1);
    const empty = a.audio.play({ next: () => undefined, rewind: () => undefined }, { loop: true });
    a.clock.advance(20);
    await expect(empty.done).resolves.toBe('finished');
    empty.stop();
    expect(a.clock.pendingTimers).toBe(0);
  });

  it('sinks see both directions in frames; one that throws is taken off', () => {
    const [a, b] = [leg(), leg()];
    a.audio.setPeer(b.audio);
    const seen: string[] = [];
    const write = (direction: string, { format }: AudioFrame, timestamp: number): void => {
      seen.push(`${direction} ${format} ${String(timestamp)}`);
    };
    const remove = a.audio.addSink({ write });
    a.audio.addSink({
      write: () => {
        throw new Error('boom');
      },
    });
    a.audio.said(packet(1, 400), 0);
    a.audio.play({ next: () => frame });
    a.clock.advance(20);
    expect(seen).toEqual(['received PCMU 160', 'received PCMU 320', 'received PCMU 480', 'sent linear16 7']);
    expect(a.audio.hasSinks).toBe(true);
    remove();
    expect(a.audio.hasSinks).toBe(false);
    a.audio.stop();
    expect(a.clock.pendingTimers).toBe(0);
  });
});

it.each([
  ['new', 'new', 'new'],
  ['connected', 'new', 'connecting'],
  ['completed', 'connecting', 'connecting'],
  ['completed', 'connected', 'connected'],
  ['disconnected', 'connected', 'disconnected'],
  ['connected', 'failed', 'failed'],
  ['closed', 'connected', 'closed'],
] as const)('ICE %s and DTLS %s are %s', (ice, dtls, state) => {
  expect(foldState(ice, dtls)).toBe(state);
});
