import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from './websocket-reader.ts';
import type { FrameSink, Violation } from './websocket-reader.ts';
import { closeFrame, pongFrame, textFrame } from './websocket-frame.ts';

const MAX = 1000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** A frame as clients send it. */
function frame(
  opcode: number,
  payload: Buffer | string = '',
  { final = true, mask = 0x12345678, first = 0 } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const short = bytes.length < 126 ? bytes.length : bytes.length < 65_536 ? 126 : 127;
  const extended = Buffer.alloc(short < 126 ? 0 : short === 126 ? 2 : 8);
  if (short === 126) extended.writeUInt16BE(bytes.length);
  if (short === 127) extended.writeBigUInt64BE(BigInt(bytes.length));
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask);
  const masked = bytes.map((byte, at) => byte ^ (key[at & 3] ?? 0));
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode | first, 0x80 | short]), extended, key, masked]);
}

/** What a reader says, in order. */
function reading() {
  const said: unknown[] = [];
  const sink: FrameSink = {
    onText: (text) => said.push(['text', text]),
    onBinary: () => said.push(['binary']),
    onPing: (payload) => said.push(['ping', payload.toString()]),
    onClose: (code) => said.push(['close', code]),
    onViolation: ({ code }: Violation) => said.push(['violation', code]),
  };
  const reader = new FrameReader(sink, MAX);
  return { said, reader };
}

function read(...chunks: Buffer[]): unknown[] {
  const { said, reader } = reading();
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return said;
}

/** Cut at these places, each modulo what is left. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (const place of places) {
    if (rest.length < 2) break;
    const at = 1 + (place % (rest.length - 1));
    chunks.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...chunks, rest];
}

const messages = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('text' as const), text: fc.string({ unit: 'binary', maxLength: 200 }) }),
    fc.record({ kind: fc.constant('binary' as const), text: fc.string({ maxLength: 20 }) }),
    fc.record({ kind: fc.constant('ping' as const), text: fc.string({ maxLength: 20 }) }),
  ),
  { maxLength: 8 },
);

describe('frames of a client (RFC 6455 section 5)', () => {
  it('come out the same however they are cut into fragments and chunks, with control frames in between', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat()), fc.array(fc.nat()), fc.nat(), (sent, fragments, chunks, mask) => {
        const bytes = sent.map(({ kind, text }) => {
          const payload = Buffer.from(text);
          if (kind === 'ping') return frame(PING, payload, { mask });
          const opcode = kind === 'text' ? TEXT : BINARY;
          const parts = payload.length < 2 ? [payload] : cut(payload, fragments.slice(0, 3));
          return Buffer.concat(
            parts.flatMap((part, at) => [
              frame(at === 0 ? opcode : CONTINUATION, part, { final: at === parts.length - 1, mask }),
              ...(at === parts.length - 1 ? [] : [frame(PONG, 'between')]),
            ]),
          );
        });
        const { said, reader } = reading();
        for (const chunk of cut(Buffer.concat(bytes), chunks)) reader.read(Buffer.from(chunk));
        const wanted = sent.map(({ kind, text }) =>
          kind === 'binary' ? ['binary'] : [kind, Buffer.from(text).toString()],
        );
        expect(said).toEqual(wanted);
        expect(reader.idle).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are read byte by byte too, up to the longest message', () => {
    const text = 'x'.repeat(MAX);
    expect(read(...[...frame(TEXT, text)].map((byte) => Buffer.from([byte])))).toEqual([['text', text]]);
  });

  it.each<[string, Buffer, number]>([
    ['without a mask', Buffer.from([0x81, 1, 65]), 1002],
    ['with a reserved bit', frame(TEXT, 'a', { first: 0x40 }), 1002],
    ['with an unknown opcode', frame(3, 'a'), 1002],
    ['of an unknown control opcode', frame(11), 1002],
    ['a control frame in parts', frame(PING, 'a', { final: false }), 1002],
    ['a long control frame', frame(PING, 'x'.repeat(126)), 1002],
    ['a continuation of nothing', frame(CONTINUATION, 'a'), 1002],
    ['a message within a message', Buffer.concat([frame(TEXT, 'a', { final: false }), frame(TEXT, 'b')]), 1002],
    ['text that is not UTF-8', frame(TEXT, Buffer.from([0xc3, 0x28])), 1007],
    [
      'text whose parts are not UTF-8 together',
      Buffer.concat([frame(TEXT, Buffer.from([0xc3]), { final: false }), frame(CONTINUATION)]),
      1007,
    ],
    ['a close frame of one byte', frame(CLOSE, 'a'), 1002],
    ['a close code that nobody may send', frame(CLOSE, Buffer.from([0x03, 0xed])), 1002],
    ['a close reason that is not UTF-8', frame(CLOSE, Buffer.from([0x03, 0xe8, 0xc3])), 1007],
    ['a long message', frame(TEXT, 'x'.repeat(MAX + 1)), 1009],
    [
      'a long message in parts',
      Buffer.concat([frame(TEXT, 'x'.repeat(MAX), { final: false }), frame(CONTINUATION, 'x')]),
      1009,
    ],
    [
      'a length that no memory has',
      Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      1009,
    ],
  ])('%s: refused, and nothing after it is read', (_what, bytes, code) => {
    expect(read(bytes, frame(TEXT, 'after'))).toEqual([['violation', code]]);
    expect(read(...[...bytes].map((byte) => Buffer.from([byte])), frame(TEXT, 'after'))).toEqual([['violation', code]]);
  });

  it('a close frame is the last thing read', () => {
    expect(read(Buffer.concat([frame(CLOSE, Buffer.from([0x0f, 0xa0, 0x62])), frame(TEXT, 'after')]))).toEqual([
      ['close', 4000],
    ]);
    expect(read(frame(CLOSE))).toEqual([['close', undefined]]);
  });

  it('a length that is only announced takes no memory, and nothing is held between messages', () => {
    const { reader } = reading();
    reader.read(frame(TEXT, 'x'.repeat(900)).subarray(0, 20));
    expect(reader.idle).toBe(false);
    reader.read(frame(TEXT, 'x'.repeat(900)).subarray(20));
    expect(reader.idle).toBe(true);
  });
});

describe('frames of a server', () => {
  it('are unmasked and whole, with the shortest length', () => {
    expect(textFrame('a').subarray(0, 2)).toEqual(Buffer.from([0x81, 1]));
    expect(textFrame('x'.repeat(126)).subarray(0, 4)).toEqual(Buffer.from([0x81, 126, 0, 126]));
    expect(textFrame('x'.repeat(65_536)).subarray(0, 10)).toEqual(Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]));
    expect(pongFrame(Buffer.from('hi'))).toEqual(Buffer.from([0x8a, 2, 0x68, 0x69]));
    expect(closeFrame()).toEqual(Buffer.from([0x88, 0]));
    expect(closeFrame(4000, 'b')).toEqual(Buffer.from([0x88, 3, 0x0f, 0xa0, 0x62]));
    const long = closeFrame(4000, 'ä'.repeat(100));
    expect(long.length).toBeLessThanOrEqual(127);
    expect(long.subarray(4).toString()).toMatch(/^ä+$/);
  });
});
