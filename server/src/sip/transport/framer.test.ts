import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { requestText } from '../testing/messages.ts';
import { StreamFramer } from './framer.ts';
import type { Frame } from './framer.ts';

/** Frames as text, for comparison. */
function summary(frames: readonly Frame[]): string[] {
  return frames.map((frame) => {
    if (frame.kind === 'crlf') return 'crlf';
    return frame.kind === 'message' ? frame.bytes.toString() : `${frame.fault.status}: ${frame.bytes.toString()}`;
  });
}

function feed(bytes: Buffer, size: (rest: number) => number): string[] {
  const framer = new StreamFramer();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Math.max(1, size(bytes.length - at));
    // A chunk of its own, overwritten afterwards: nothing may be kept of it.
    const chunk = Buffer.from(bytes.subarray(at, at + length));
    frames.push(...framer.push(chunk));
    chunk.fill(0);
    at += length;
  }
  return summary(frames);
}

const invite = requestText();
const options = requestText({ method: 'OPTIONS', branch: 'z9hG4bK-2' });
const noLength = options.replace(/Content-Length: 0\r\n/, '');

describe('stream framer', () => {
  const cases: Record<string, [stream: string, frames: string[]]> = {
    'one message': [invite, [invite]],
    'several messages': [invite + options + invite, [invite, options, invite]],
    'keep-alives around messages': [
      `\r\n\r\n${options}\r\n${invite}\r\n\r\n`,
      ['crlf', 'crlf', options, 'crlf', invite, 'crlf', 'crlf'],
    ],
    'the compact form of Content-Length, spaces and folding': [
      options.replace('Content-Length: 0', 'l  :\r\n 0'),
      [options.replace('Content-Length: 0', 'l  :\r\n 0')],
    ],
    'two equal Content-Length': [
      options.replace('Content-Length: 0', 'Content-Length: 0\r\nl: 0'),
      [options.replace('Content-Length: 0', 'Content-Length: 0\r\nl: 0')],
    ],
    'RFC 3261 section 18.3: no Content-Length': [noLength + invite, [`400: ${noLength}`]],
    'a Content-Length that is no number': [
      options.replace('Content-Length: 0', 'Content-Length: -1'),
      [`400: ${options.replace('Content-Length: 0', 'Content-Length: -1')}`],
    ],
    'two Content-Length that differ': [
      options.replace('Content-Length: 0', 'Content-Length: 0\r\nContent-Length: 5'),
      [`400: ${options.replace('Content-Length: 0', 'Content-Length: 0\r\nContent-Length: 5')}`],
    ],
    'a body that is too large': [
      options.replace('Content-Length: 0', 'Content-Length: 70000'),
      [`513: ${options.replace('Content-Length: 0', 'Content-Length: 70000')}`],
    ],
  };
  for (const [name, [stream, frames]] of Object.entries(cases)) {
    it(`cuts ${name}, in one piece and byte by byte`, () => {
      const bytes = Buffer.from(stream);
      expect(feed(bytes, (rest) => rest)).toEqual(frames);
      expect(feed(bytes, () => 1)).toEqual(frames);
    });
  }

  it('RFC 3261 section 7.5: any chunking of a stream gives the same messages (2 000 random ones)', () => {
    const random = seededRandom(3);
    const pieces = [
      invite,
      options,
      '\r\n\r\n',
      '\r\n',
      requestText({ branch: 'z9hG4bK-3', body: `v=0\r\n\r\n${'x'.repeat(5000)}` }),
    ];
    for (let round = 0; round < 2_000; round++) {
      const stream = Array.from({ length: 1 + random.int(6) }, () => pieces[random.int(pieces.length)] ?? '').join('');
      const bytes = Buffer.from(stream);
      const most = 1 + random.int(700);
      expect(feed(bytes, () => 1 + random.int(most))).toEqual(feed(bytes, (rest) => rest));
    }
  });

  it('random garbage ends in a fault or waits, and never holds more than one message', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 2_000; round++) {
      const framer = new StreamFramer();
      const bytes = Buffer.from(invite);
      for (let change = 0; change < 5; change++) bytes[random.int(bytes.length)] = random.int(256);
      for (let at = 0; at < 20; at++) framer.push(Buffer.from(bytes));
    }
    const endless = new StreamFramer();
    const faults: Frame[] = [];
    faults.push(...endless.push(Buffer.from('INVITE sip:a@b SIP/2.0\r\n')));
    for (let at = 0; at < 10_000; at++) faults.push(...endless.push(Buffer.from('X-More: headers\r\n')));
    expect(faults.map((frame) => frame.kind === 'fault' && frame.fault.status)).toEqual([513]);
  });

  it('what is not SIP ends at its first byte or line', () => {
    expect(feed(Buffer.from([0x16, 3, 1, 0, 200]), () => 1)).toHaveLength(1);
    expect(feed(Buffer.from('GET / HTTP/1.1\r\n'), () => 1)).toEqual(['400: GET / HTTP/1.1\r\n']);
    expect(feed(Buffer.from('A'.repeat(9000)), () => 100)[0]).toMatch(/^400: A+$/);
    // Bare line feeds would leave two opinions on where a message ends.
    expect(feed(Buffer.from(options.replaceAll('\r\n', '\n')), () => 3)[0]).toMatch(/^400: OPTIONS/);
  });

  it('says whether a message was begun', () => {
    const framer = new StreamFramer();
    framer.push(Buffer.from('\r\n'));
    expect(framer.partial).toBe(false);
    framer.push(Buffer.from(invite.slice(0, 30)));
    expect(framer.partial).toBe(true);
    framer.push(Buffer.from(invite.slice(30)));
    expect(framer.partial).toBe(false);
  });
});
