import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import type { TranscriptionContent, TranscriptionOrder } from '../calls/ports.ts';
import type { AudioFrame, FrameSink } from '../media/ports.ts';
import { LegTranscriptions } from './leg-transcriptions.ts';
import type { SpeechRecognizer } from './ports.ts';

type Heard = Awaited<ReturnType<SpeechRecognizer['recognise']>>;

const ORDER: TranscriptionOrder = {
  transcriptionSid: 'GT1',
  name: '',
  tracks: ['inbound', 'outbound'],
  language: 'en-US',
  hints: [],
  partial: false,
  labels: {},
};

class Line {
  readonly clock = new FakeClock();
  readonly sinks = new Set<FrameSink>();
  readonly told: (TranscriptionContent | string)[] = [];
  /** What the recognizer is asked, answered by the test. */
  readonly asked: ((heard: Heard) => void)[] = [];
  readonly transcriptions = new LegTranscriptions({
    accountSid: 'AC1',
    clock: this.clock,
    recognizer: {
      recognise: () => {
        const { promise, resolve } = Promise.withResolvers<Heard>();
        this.asked.push(resolve);
        return promise;
      },
    },
  });

  start(change: Partial<TranscriptionOrder> = {}): void {
    const addSink = (sink: FrameSink) => {
      this.sinks.add(sink);
      return () => this.sinks.delete(sink);
    };
    this.transcriptions.start(
      { addSink },
      { ...ORDER, ...change },
      {
        started: () => this.told.push('started'),
        content: (content) => this.told.push(content),
        ended: (problem) => this.told.push(problem === undefined ? 'stopped' : `failed: ${problem.message}`),
      },
    );
  }

  /** A second of speech and one of silence. */
  say(direction: 'received' | 'sent'): void {
    for (let at = 0; at < 100; at++) {
      const samples = new Int16Array(160).map((_, n) => (at < 50 ? 8000 * Math.sin(n / 3) : 0));
      const frame: AudioFrame = { format: 'linear16', samples };
      for (const sink of [...this.sinks]) sink.write(direction, frame, at * 160);
      this.clock.advance(20);
    }
  }

  get texts(): string[] {
    return this.told.map((one) => (typeof one === 'string' ? one : `${one.track}: ${one.text}`));
  }
}

const said = (text: string): Heard => ({ ok: true, text, confidence: 0.5 });

describe('CR-5 transcription of a leg', () => {
  it('piece by piece, each track for itself, in the order in which it was said, whoever is understood first', async () => {
    const line = new Line();
    line.start();
    line.say('received');
    line.say('received');
    line.say('sent');
    expect(line.asked).toHaveLength(3);
    const [first, second, other] = line.asked;
    second?.(said('two'));
    other?.(said('hello'));
    await settle();
    expect(line.texts).toEqual(['started', 'outbound: hello']);
    first?.(said('one'));
    await settle();
    expect(line.texts).toEqual(['started', 'outbound: hello', 'inbound: one', 'inbound: two']);
    line.transcriptions.close();
    expect(line.texts.at(-1)).toBe('stopped');
    expect(line.sinks.size).toBe(0);
    expect(line.clock.pendingTimers).toBe(0);
  });

  it('one track only; nothing is told of noise, and nothing after it was stopped', async () => {
    const line = new Line();
    line.start({ tracks: ['outbound'] });
    line.say('received');
    expect(line.asked).toHaveLength(0);
    line.say('sent');
    line.asked[0]?.(said(''));
    await settle();
    line.say('sent');
    line.transcriptions.stop('GT1');
    line.asked[1]?.(said('late'));
    await settle();
    expect(line.texts).toEqual(['started', 'stopped']);
    expect(line.clock.pendingTimers).toBe(0);
  });

  it('so much that waits is bounded, and it listens again afterwards', async () => {
    const line = new Line();
    line.start({ tracks: ['inbound'] });
    for (let n = 0; n < 12; n++) line.say('received');
    expect(line.asked).toHaveLength(8);
    for (const answer of line.asked.splice(0)) answer(said('x'));
    await settle();
    line.say('received');
    expect(line.asked).toHaveLength(1);
    line.transcriptions.close();
    expect(line.clock.pendingTimers).toBe(0);
  });

  it('a recognizer that fails three times in a row ends it; without one it never begins', async () => {
    const line = new Line();
    line.start({ tracks: ['inbound'] });
    for (let n = 0; n < 3; n++) {
      line.say('received');
      line.asked[n]?.({ ok: false, message: 'gone' });
      await settle();
    }
    expect(line.texts).toEqual(['started', 'failed: gone']);
    expect(line.sinks.size).toBe(0);
    expect(line.clock.pendingTimers).toBe(0);
    const deaf = new LegTranscriptions({ accountSid: 'AC1', clock: line.clock, recognizer: undefined });
    const told: string[] = [];
    const note = (what: string) => () => void told.push(what);
    deaf.start({ addSink: () => () => undefined }, ORDER, {
      started: note('started'),
      content: note('content'),
      ended: (problem) => told.push(problem?.message ?? 'stopped'),
    });
    expect(told).toEqual(['this node has no speech recognizer']);
  });
});
