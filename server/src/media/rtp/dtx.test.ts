import { describe, expect, it } from 'vitest';
import { ReceiverStatistics } from './receiver-statistics.ts';
import { SenderClaims } from './rtcp-claims.ts';
import { RtpReceiver } from './rtp-receiver.ts';
import { serializeRtp } from './rtp-packet.ts';
import { StreamRewriter } from './stream-rewriter.ts';

/** Talk spurts of 50 packets with a second of nothing between them: numbers go on, timestamps go on with time. */
function spurts(count: number): { sequence: number; timestamp: number; marker: boolean; at: number }[] {
  return Array.from({ length: count * 50 }, (_, n) => {
    const at = Math.floor(n / 50) * 2000 + (n % 50) * 20;
    return { sequence: n, timestamp: at * 8, marker: n % 50 === 0, at };
  });
}

describe('silence suppression (RFC 3551 section 4.1)', () => {
  it('is neither loss nor jitter', () => {
    const statistics = new ReceiverStatistics(1);
    for (const { sequence, timestamp, at } of spurts(10)) statistics.receive(sequence, timestamp, at);
    expect([statistics.lost, statistics.lossEvents, statistics.jitterMs, statistics.restarts]).toEqual([0, 0, 0, 0]);
  });

  it('a sender whose clock stands still in the pauses makes no jitter worth the name', () => {
    const statistics = new ReceiverStatistics(1);
    for (const { sequence, at } of spurts(10)) statistics.receive(sequence, sequence * 160, at);
    expect(statistics.lost).toBe(0);
    expect(statistics.jitterMs).toBeLessThan(20);
  });

  it('passes on with its gaps and marker bits: numbers without holes, time as it was', () => {
    const rewriter = new StreamRewriter({ sequence: 99, timestamp: 5000 });
    const sent = spurts(3).map((packet) => ({
      ...rewriter.forward({ key: 'k', ...packet }, packet.at),
      at: packet.at,
    }));
    const [first] = sent;
    for (const [n, packet] of sent.entries()) {
      expect(packet.sequence).toBe(100 + n);
      expect(packet.timestamp).toBe((first?.timestamp ?? 0) + packet.at * 8);
      expect(packet.marker).toBe(n % 50 === 0);
    }
  });

  it('comfort noise (RFC 3389) is taken as part of the stream, not as audio', () => {
    const receiver = new RtpReceiver();
    const from = { address: '192.0.2.1', port: 4000 };
    const packet = (sequence: number, payloadType: number): Buffer =>
      serializeRtp({
        payloadType,
        marker: false,
        sequence,
        timestamp: sequence * 160,
        ssrc: 7,
        payload: Buffer.alloc(1),
      });
    const kinds: string[] = [];
    for (let n = 0; n < 20; n++)
      kinds.push(receiver.receive(packet(n, n > 8 && n % 2 === 0 ? 13 : 0), from, n * 20).kind);
    expect(kinds.slice(8)).toContain('comfort-noise');
    expect(receiver.statistics()).toMatchObject({ lost: 0, lossEvents: 0 });
  });
});

describe('runs of loss', () => {
  it('are counted once however long they are', () => {
    const statistics = new ReceiverStatistics(1);
    for (let n = 0; n < 300; n++) {
      const missing = (n >= 100 && n < 110) || n === 150 || n === 152;
      if (!missing) statistics.receive((65_400 + n) & 0xffff, n * 160, n * 20);
    }
    expect([statistics.lost, statistics.lossEvents]).toEqual([12, 3]);
  });
});

describe('what the far end says it sent, against what arrived', () => {
  it.each<[string, (readonly [number | undefined, number])[], boolean]>([
    [
      'all of it arrives',
      [
        [100, 100],
        [350, 350],
      ],
      true,
    ],
    [
      'it sends nothing',
      [
        [undefined, 0],
        [undefined, 0],
      ],
      true,
    ],
    [
      'it pauses',
      [
        [100, 100],
        [100, 100],
      ],
      true,
    ],
    [
      'a tenth is lost',
      [
        [100, 90],
        [350, 315],
      ],
      true,
    ],
    [
      'nothing arrives any more',
      [
        [100, 100],
        [350, 100],
      ],
      false,
    ],
    ['nothing has arrived at all', [[100, 0]], false],
    [
      'it began anew',
      [
        [5000, 4990],
        [40, 5030],
      ],
      true,
    ],
    [
      'it pauses after nothing arrived',
      [
        [100, 100],
        [350, 100],
        [350, 100],
      ],
      true,
    ],
  ])('%s', (_name, reports, expected) => {
    const claims = new SenderClaims();
    expect(reports.map(([sent, received]) => claims.isComplete(sent, received)).at(-1)).toBe(expected);
  });
});
