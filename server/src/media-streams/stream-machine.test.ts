import { describe, expect, it } from 'vitest';
import type { StreamRequest } from './ports.ts';
import { newStream, stepStream } from './stream-machine.ts';
import type { StreamEffect, StreamInput, StreamState } from './stream-machine.ts';

const MZ = `MZ${'1'.repeat(32)}`;
const CA = `CA${'2'.repeat(32)}`;
const AC = `AC${'3'.repeat(32)}`;
const request: StreamRequest = {
  accountSid: AC,
  callSid: CA,
  streamSid: MZ,
  url: 'wss://example.com/',
  tracks: ['inbound'],
  bidirectional: true,
  parameters: { FirstName: 'Jane' },
};
const FRAME = new Uint8Array(160).fill(0xff);

class Machine {
  state: StreamState;
  readonly sent: unknown[] = [];
  readonly others: StreamEffect[] = [];

  constructor(change: Partial<StreamRequest> = {}) {
    this.state = newStream({ ...request, ...change });
  }

  step(...inputs: StreamInput[]): this {
    for (const input of inputs) {
      const { state, effects } = stepStream(this.state, input);
      this.state = state;
      for (const effect of effects) {
        if (effect.kind === 'send') this.sent.push(JSON.parse(effect.text));
        else this.others.push(effect);
      }
    }
    return this;
  }

  kinds(): string[] {
    return this.others.map(({ kind }) => kind);
  }
}

const audio = (at: number, samples: number, track: 'inbound' | 'outbound' = 'inbound'): StreamInput => ({
  kind: 'audio',
  track,
  payload: FRAME,
  samples,
  at,
});
const opened: StreamInput = { kind: 'opened', at: 1000 };
const text = (message: unknown): StreamInput => ({
  kind: 'text',
  text: typeof message === 'string' ? message : JSON.stringify(message),
});

describe('the messages of a stream', () => {
  it('have exactly the shapes that applications know', () => {
    const machine = new Machine().step(
      opened,
      audio(1005, 4_294_967_200),
      audio(1025, 64),
      { kind: 'digit', digit: '1' },
      { kind: 'mark-reached', name: 'my label' },
      { kind: 'stop' },
    );
    expect(machine.sent).toEqual([
      { event: 'connected', protocol: 'Call', version: '1.0.0' },
      {
        event: 'start',
        sequenceNumber: '1',
        start: {
          accountSid: AC,
          streamSid: MZ,
          callSid: CA,
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
          customParameters: { FirstName: 'Jane' },
        },
        streamSid: MZ,
      },
      {
        event: 'media',
        sequenceNumber: '2',
        media: { track: 'inbound', chunk: '1', timestamp: '5', payload: Buffer.from(FRAME).toString('base64') },
        streamSid: MZ,
      },
      {
        event: 'media',
        sequenceNumber: '3',
        media: { track: 'inbound', chunk: '2', timestamp: '25', payload: Buffer.from(FRAME).toString('base64') },
        streamSid: MZ,
      },
      { event: 'dtmf', sequenceNumber: '4', dtmf: { track: 'inbound_track', digit: '1' }, streamSid: MZ },
      { event: 'mark', sequenceNumber: '5', mark: { name: 'my label' }, streamSid: MZ },
      { event: 'stop', sequenceNumber: '6', stop: { accountSid: AC, callSid: CA }, streamSid: MZ },
    ]);
    expect(machine.kinds()).toEqual(['started', 'close-socket', 'ended']);
  });

  it('chunks count each track for itself; a track that was not asked for is left out', () => {
    const both = new Machine({ tracks: ['inbound', 'outbound'], bidirectional: false });
    both.step(opened, audio(1000, 0), audio(1000, 900, 'outbound'), audio(1020, 160), audio(1020, 1060, 'outbound'));
    const media = both.sent.slice(2) as { media: { track: string; chunk: string; timestamp: string } }[];
    expect(media.map(({ media: { track, chunk, timestamp } }) => [track, chunk, timestamp])).toEqual([
      ['inbound', '1', '0'],
      ['outbound', '1', '0'],
      ['inbound', '2', '20'],
      ['outbound', '2', '20'],
    ]);
    const one = new Machine().step(opened, audio(1000, 0, 'outbound'));
    expect(one.sent).toHaveLength(2);
  });

  it('a hole in the audio is one in the timestamps, and a new source goes on with the time', () => {
    const machine = new Machine().step(
      opened,
      audio(1000, 0),
      audio(1200, 1600),
      audio(1220, 99_000),
      audio(1240, 99_160),
    );
    const stamps = (machine.sent.slice(2) as { media: { timestamp: string } }[]).map(({ media }) => media.timestamp);
    expect(stamps).toEqual(['0', '200', '220', '240']);
  });

  it('what an application sends is played, marked and cleared', () => {
    const machine = new Machine().step(
      opened,
      text({ event: 'media', streamSid: MZ, media: { payload: '/////w==', extra: 1 } }),
      text({ event: 'mark', streamSid: MZ, mark: { name: 'a' } }),
      text({ event: 'clear', streamSid: MZ }),
    );
    expect(machine.others.slice(1)).toEqual([
      { kind: 'queue-audio', payload: Buffer.alloc(4, 0xff) },
      { kind: 'queue-mark', name: 'a' },
      { kind: 'clear' },
    ]);
  });

  it.each([
    'not JSON',
    '[]',
    { event: 'unknown', streamSid: MZ },
    { event: 'media', streamSid: MZ },
    { event: 'media', streamSid: MZ, media: { payload: 'no base64!' } },
    { event: 'mark', streamSid: MZ, mark: { name: 7 } },
    { event: 'clear', streamSid: `MZ${'9'.repeat(32)}` },
  ])('%j is ignored, and warned of once', (message) => {
    const machine = new Machine().step(opened, text(message), text(message));
    expect(machine.kinds()).toEqual(['started', 'warning']);
    expect(machine.others[1]).toMatchObject({ problem: { code: 31_951 } });
    expect(machine.state.phase).toBe('open');
  });

  it('a stream of <Start> takes no messages and tells no keys', () => {
    const machine = new Machine({ bidirectional: false }).step(opened, text({ event: 'clear', streamSid: MZ }), {
      kind: 'digit',
      digit: '1',
    });
    expect(machine.kinds()).toEqual(['started', 'warning']);
    expect(machine.sent).toHaveLength(2);
  });
});

describe('the end of a stream', () => {
  const closed = (code: number): StreamInput => ({ kind: 'socket-ended', end: { kind: 'closed', code, reason: '' } });
  it.each([
    [1000, undefined],
    [1001, undefined],
    [1005, undefined],
    [1006, 31_903],
    [1011, 31_921],
    [4000, 31_921],
  ])('closed with %i by the application: problem %s', (code, expected) => {
    const machine = new Machine().step(opened, closed(code));
    const [, ended] = machine.others;
    expect(ended).toMatchObject({ kind: 'ended', end: { by: 'application' } });
    expect(ended?.kind === 'ended' ? ended.end.problem?.code : 0).toBe(expected);
  });

  it('before it is open is told once; nothing follows an end', () => {
    const early = new Machine().step({ kind: 'stop' }, opened, closed(1000), { kind: 'stop' });
    expect(early.sent).toEqual([]);
    expect(early.kinds()).toEqual(['close-socket', 'ended']);
    const refused = new Machine().step(closed(1006));
    expect(refused.others).toMatchObject([{ kind: 'ended', end: { by: 'application', problem: { code: 31_920 } } }]);
  });
});
