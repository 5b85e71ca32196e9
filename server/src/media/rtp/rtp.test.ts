import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { expectSource, judgeSource, targetOf, unlatched } from './latch.ts';
import type { LatchState } from './latch.ts';
import { ReceiverStatistics } from './receiver-statistics.ts';
import { parseRtcp, serializeRtcp, toNtp } from './rtcp-packet.ts';
import { RtcpSession } from './rtcp-session.ts';
import { isRtcp, parseRtp, sequenceDistance, serializeRtp } from './rtp-packet.ts';
import { RtpReceiver } from './rtp-receiver.ts';
import { normalizeAddress } from './socket-address.ts';
import { StreamRewriter } from './stream-rewriter.ts';

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('RTP packets, RFC 3550 section 5.1', () => {
  it('reads header, CSRCs, header extension and padding', () => {
    const packet = parseRtp(hex('b2 80 ffff 00000010 deadbeef 11111111 22222222 bede0001 aabbccdd 010203 0004 000003'));
    // Two CSRCs, one word of extension, then eight bytes of which the last says that three are padding.
    expect(packet).toMatchObject({ payloadType: 0, marker: true, sequence: 0xffff, timestamp: 16, ssrc: 0xdeadbeef });
    expect([...(packet?.payload ?? [])]).toEqual([1, 2, 3, 0, 4]);
  });

  it.each([
    ['empty', ''],
    ['short', '8000 0001 00000000 000000'],
    ['version 1', '4000 0001 00000000 00000000'],
    ['more CSRCs than there are', '8100 0001 00000000 00000000'],
    ['extension longer than the packet', '9000 0001 00000000 00000000 bede 0009'],
    ['padding longer than the packet', 'a000 0001 00000000 00000000 ff'],
    ['padding of nothing', 'a000 0001 00000000 00000000 00'],
    ['RTCP', '80c8 0006 00000000 00000000'],
  ])('refuses %s', (_name, text) => {
    expect(parseRtp(hex(text))).toBeUndefined();
  });

  it('never throws and reads nothing outside, whatever arrives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const packet = parseRtp(bytes);
        expect((packet?.payload.length ?? 0) <= bytes.length).toBe(true);
        expect(Array.isArray(parseRtcp(bytes))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('what is written is read', () => {
    fc.assert(
      fc.property(
        fc.record({
          payloadType: fc.integer({ min: 0, max: 63 }),
          marker: fc.boolean(),
          sequence: fc.integer({ min: 0, max: 0xffff }),
          timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
          ssrc: fc.integer({ min: 0, max: 0xffff_ffff }),
          payload: fc.uint8Array({ maxLength: 200 }),
        }),
        (packet) => {
          const { payload, ...fields } = parseRtp(serializeRtp(packet)) ?? { payload: undefined };
          expect({ ...fields, payload: [...(payload ?? [])] }).toEqual({ ...packet, payload: [...packet.payload] });
        },
      ),
    );
  });
});

describe('receiver statistics, RFC 3550 appendix A', () => {
  it('counts loss over a wrap, and the fraction since the last report', () => {
    const statistics = new ReceiverStatistics(7);
    for (let n = 0; n < 200; n++) if (n % 10 !== 5) statistics.receive((65_450 + n) & 0xffff, n * 160, n * 20);
    expect([statistics.expected, statistics.received, statistics.lost]).toEqual([200, 180, 20]);
    const times = { lastSenderReport: 0, delaySinceLastSenderReport: 0 };
    expect(statistics.report(times)).toMatchObject({
      ssrc: 7,
      fractionLost: 25,
      cumulativeLost: 20,
      highestSequence: 65_536 + ((65_450 + 199) & 0xffff),
    });
    for (let n = 200; n < 300; n++) statistics.receive((65_450 + n) & 0xffff, n * 160, n * 20);
    expect(statistics.report(times)).toMatchObject({ fractionLost: 0, cumulativeLost: 20 });
  });

  it('jitter: none for a steady stream, the estimate of section 6.4.1 for an unsteady one', () => {
    const [steady, unsteady] = [new ReceiverStatistics(1), new ReceiverStatistics(1)];
    for (let n = 0; n < 500; n++) {
      steady.receive(n, (0xffff_ff00 + n * 160) >>> 0, 5000 + n * 20);
      unsteady.receive(n, n * 160, n * 20 + (n % 2) * 10);
    }
    expect(steady.jitterMs).toBe(0);
    expect(unsteady.jitterMs).toBeGreaterThan(9.5);
    expect(unsteady.jitterMs).toBeLessThan(10.5);
  });

  it('reordering and duplicates are no loss; a jump is believed when the next packet follows it', () => {
    const statistics = new ReceiverStatistics(1);
    const verdicts = [1, 2, 4, 3, 4, 5].map((sequence) => statistics.receive(sequence, sequence * 160, sequence * 20));
    expect(new Set(verdicts)).toEqual(new Set(['accepted']));
    expect(statistics.lost).toBe(-1);
    expect(statistics.receive(30_000, 0, 200)).toBe('held');
    expect(statistics.receive(6, 960, 220)).toBe('accepted');
    expect(statistics.receive(40_000, 0, 240)).toBe('held');
    expect(statistics.receive(40_001, 160, 260)).toBe('restarted');
    expect(statistics.receive(40_002, 320, 280)).toBe('accepted');
    expect([statistics.lost, statistics.restarts]).toEqual([-1, 1]);
  });
});

describe('RTCP', () => {
  const instant = (ms: number) => ({ wall: 1_900_000_000_000 + ms, monotonic: ms });

  it('a compound packet reads back: SR, SDES, BYE', () => {
    const sender = { ...toNtp(1_000_500), rtpTimestamp: 5, packets: 6, octets: 7 };
    const report = {
      ssrc: 9,
      fractionLost: 12,
      cumulativeLost: -3,
      highestSequence: 70_000,
      jitter: 44,
      lastSenderReport: 0xdead_beef,
      delaySinceLastSenderReport: 65_536,
    };
    const datagram = serializeRtcp({ ssrc: 0xffff_ffff, cname: 'abc', sender, report, bye: true });
    expect(isRtcp(datagram)).toBe(true);
    expect(datagram.length % 4).toBe(0);
    expect(parseRtcp(datagram)).toEqual([
      { type: 'sr', ssrc: 0xffff_ffff, sender, reports: [report] },
      { type: 'sdes', ssrc: 0xffff_ffff, cname: 'abc' },
      { type: 'bye', ssrcs: [0xffff_ffff] },
    ]);
    expect(parseRtcp(datagram.subarray(0, 60)).map((packet) => packet.type)).toEqual(['sr']);
  });

  it('measures the round trip of two sessions, RFC 3550 section 6.4.1', () => {
    const random = seededRandom(1);
    const [a, b] = [new RtcpSession({ ssrc: 1, random }), new RtcpSession({ ssrc: 2, random })];
    const fromA = new ReceiverStatistics(1);
    for (let n = 0; n < 10; n++) if (n !== 4) fromA.receive(n, n * 160, n * 20);
    const sent = a.compose(instant(1000), { sender: { rtpTimestamp: 1, packets: 10, octets: 1600 } });
    b.receive(sent, instant(1030)); // 30 ms on the way, 500 ms at b, 20 ms back
    a.receive(b.compose(instant(1530), { received: fromA }), instant(1550));
    expect(a.roundTripMs).toBeCloseTo(50, 0);
    expect(a.remote).toMatchObject({ lost: 1 });
    expect(b.roundTripMs).toBeUndefined();
  });

  it('invented times give no round trip; reports about others are not ours', () => {
    const session = new RtcpSession({ ssrc: 1, random: seededRandom(1) });
    const lie = {
      fractionLost: 0,
      cumulativeLost: 0,
      highestSequence: 0,
      jitter: 8,
      lastSenderReport: 1,
      delaySinceLastSenderReport: 0,
    };
    session.receive(serializeRtcp({ ssrc: 2, cname: 'x', report: { ...lie, ssrc: 1 } }), instant(0));
    session.receive(serializeRtcp({ ssrc: 2, cname: 'x', report: { ...lie, ssrc: 99, jitter: 800 } }), instant(0));
    expect(session.roundTripMs).toBeUndefined();
    expect(session.remote).toEqual({ lost: 0, jitterMs: 1 });
  });

  it('reports every 5 s on average, first after half of that, never in step', () => {
    const session = new RtcpSession({ ssrc: 1, random: seededRandom(3) });
    const due: number[] = [];
    for (let now = 0; now < 500_000; now += 20) if (session.isDue(now)) due.push(now);
    expect(due[0]).toBeLessThan(3760);
    const gaps = due.slice(1).map((at, n) => at - (due[n] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(7520);
    expect(new Set(gaps).size).toBeGreaterThan(30);
  });
});

describe('latch', () => {
  const sdp = { address: '198.51.100.1', port: 4000 };
  const attacker = { address: '203.0.113.66', port: 6666 };
  const start = expectSource(unlatched, sdp, '198.51.100.9');
  let state: LatchState;
  /** Feeds packets; the last verdict. */
  const feed = (from: typeof sdp, count: number, now = 0, { ssrc = 1, first = 0 } = {}): boolean => {
    let accepted = false;
    for (let n = 0; n < count; n++) {
      const step = judgeSource(state, { from, ssrc, sequence: (first + n) & 0xffff, now });
      ({ state } = step);
      ({ accepted } = step);
    }
    return accepted;
  };

  it('the address and port of the SDP latch at once; nobody displaces them', () => {
    state = start;
    expect(targetOf(state)).toEqual(sdp);
    expect(feed(sdp, 1)).toBe(true);
    expect(feed(attacker, 1000)).toBe(false);
    expect(feed({ ...sdp, port: 4002 }, 1000)).toBe(false);
    expect(targetOf(state)).toMatchObject(sdp);
  });

  it('another port of that address, or the address of the signalling, latch at once (NAT)', () => {
    state = start;
    expect(feed({ ...sdp, port: 51_000 }, 1)).toBe(true);
    state = start;
    expect(feed({ address: '198.51.100.9', port: 51_000 }, 1)).toBe(true);
    expect(targetOf(state)).toMatchObject({ address: '198.51.100.9', port: 51_000 });
  });

  it('a stranger latches only after five packets in sequence of one SSRC, and yields to whom the SDP named', () => {
    state = start;
    expect(feed(attacker, 4)).toBe(false);
    expect(feed(attacker, 4, 0, { ssrc: 2, first: 100 })).toBe(false);
    expect(feed(attacker, 1, 0, { ssrc: 2, first: 200 })).toBe(false);
    expect(targetOf(state)).toEqual(sdp);
    expect(feed(attacker, 5, 0, { ssrc: 2, first: 300 })).toBe(true);
    expect(feed({ ...sdp, port: 51_000 }, 1)).toBe(true);
    expect(feed(attacker, 1000)).toBe(false);
    expect(feed(sdp, 1)).toBe(true);
    expect(feed({ ...sdp, port: 51_000 }, 1000)).toBe(false);
  });

  it('a silent source gives way to its own address alone, after a second and five packets', () => {
    state = start;
    feed(sdp, 1, 0);
    const moved = { ...sdp, port: 4010 };
    expect(feed(moved, 10, 900)).toBe(false);
    expect(feed(attacker, 1000, 60_000)).toBe(false);
    expect(feed(moved, 4, 60_000)).toBe(false);
    expect(feed(moved, 1, 60_000, { first: 4 })).toBe(true);
    expect(feed(sdp, 1, 60_020)).toBe(true); // the one that the SDP names comes back at once
  });

  it('new SDP with another address starts over, with the same one it keeps the latch', () => {
    state = start;
    feed({ ...sdp, port: 51_000 }, 1);
    state = expectSource(state, sdp);
    expect(targetOf(state)).toMatchObject({ port: 51_000 });
    state = expectSource(state, { ...sdp, port: 4002 });
    expect(targetOf(state)).toEqual({ ...sdp, port: 4002 });
  });

  it('before any SDP only patience gets in; nothing is sent anywhere', () => {
    state = unlatched;
    expect(targetOf(state)).toBeUndefined();
    expect(feed(attacker, 4)).toBe(false);
    expect(feed(attacker, 5)).toBe(true);
  });

  it('an address has one spelling', () => {
    expect(normalizeAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(normalizeAddress('2001:DB8::1')).toBe('2001:db8::1');
  });
});

describe('stream rewriter', () => {
  const source = (key: unknown, sequence: number, timestamp: number, marker = false) => ({
    key,
    sequence,
    timestamp,
    marker,
  });

  it('keeps loss and reordering of a source, numbers from its own start', () => {
    const rewriter = new StreamRewriter({ sequence: 65_534, timestamp: 0xffff_ffff });
    const out = [10, 11, 14, 13, 15].map((n) => rewriter.forward(source('a', n, n * 160), n * 20));
    expect(out.map((packet) => packet?.sequence)).toEqual([65_535, 0, 3, 2, 4]);
    expect(out.map((packet) => ((packet?.timestamp ?? 0) - 159) >>> 0)).toEqual([0, 160, 640, 480, 800]);
    expect(out.map((packet) => packet?.marker)).toEqual([true, false, false, false, false]);
    expect(rewriter.forward(source('a', 9, 9 * 160), 400)).toBeUndefined();
  });

  it('a change of source goes on without a hole; time that passed shows in the timestamp', () => {
    const rewriter = new StreamRewriter({ sequence: 0, timestamp: 0 });
    const steps = [
      rewriter.forward(source('a', 500, 9_000_000), 0),
      rewriter.frame('announcement', 100),
      rewriter.frame('announcement', 120),
      rewriter.forward(source('b', 7, 5), 140),
      rewriter.forward(source('b', 8, 165), 160),
    ];
    expect(steps.map((step) => step?.sequence)).toEqual([1, 2, 3, 4, 5]);
    expect(steps.map((step) => step?.timestamp)).toEqual([160, 960, 1120, 1280, 1440]);
    expect(steps.map((step) => step?.marker)).toEqual([true, true, false, true, false]);
  });

  it('what is not passed on leaves no hole', () => {
    const rewriter = new StreamRewriter({ sequence: 0, timestamp: 0 });
    rewriter.forward(source('a', 1, 160), 0);
    rewriter.skip('a');
    rewriter.skip('someone else');
    expect(rewriter.forward(source('a', 3, 480), 40)).toMatchObject({ sequence: 2, timestamp: 480 });
  });

  it('a clock that jumps within a stream is a new start', () => {
    const rewriter = new StreamRewriter({ sequence: 0, timestamp: 0 });
    rewriter.forward(source('a', 1, 160), 0);
    expect(rewriter.forward(source('a', 2, 3_000_000_000), 20)).toEqual({ sequence: 2, timestamp: 320, marker: true });
  });

  it('events share the timestamp of their first packet, audio goes on after them on time', () => {
    const rewriter = new StreamRewriter({ sequence: 0, timestamp: 0 });
    rewriter.forward(source('a', 1, 160), 0);
    const first = rewriter.event(undefined, 20);
    expect(first).toEqual({ sequence: 2, timestamp: 320 });
    expect(rewriter.event(first.timestamp, 40)).toEqual({ sequence: 3, timestamp: 320 });
    expect(rewriter.forward(source('a', 4, 640), 60)).toEqual({ sequence: 4, timestamp: 640, marker: true });
  });

  it('over any mixture the numbers rise by one and the time never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'frame'), { minLength: 1, maxLength: 200 }), (kinds) => {
        const rewriter = new StreamRewriter({ sequence: 65_500, timestamp: 0xffff_0000 });
        let before: { sequence: number; timestamp: number } | undefined;
        kinds.forEach((kind, n) => {
          const position =
            kind === 'frame'
              ? rewriter.frame('f', n * 20)
              : rewriter.forward(source(kind, n & 0xffff, n * 160), n * 20);
          if (before !== undefined && position !== undefined && kind === 'frame') {
            expect(sequenceDistance(position.sequence, before.sequence)).toBe(1);
          }
          if (before !== undefined) expect(((position?.timestamp ?? 0) - before.timestamp) | 0).toBeGreaterThan(0);
          before = position;
        });
      }),
    );
  });
});

describe('receiver', () => {
  const from = { address: '127.0.0.1', port: 5000 };
  const datagram = (fields: object): Buffer =>
    serializeRtp({
      payloadType: 0,
      marker: false,
      sequence: 1,
      timestamp: 0,
      ssrc: 1,
      payload: new Uint8Array(160),
      ...fields,
    });

  it('a new SSRC or a restart gives the stream a new key; totals go on', () => {
    const receiver = new RtpReceiver();
    receiver.latch = expectSource(unlatched, from);
    const keys = new Set<unknown>();
    const take = (fields: object): void => {
      const received = receiver.receive(datagram(fields), from, 0);
      if (received.kind === 'audio') keys.add(received.packet.key);
    };
    for (let n = 1; n <= 3; n++) take({ sequence: n });
    for (let n = 1; n <= 3; n++) take({ sequence: 40_000 + n, ssrc: 2 });
    for (let n = 1; n <= 3; n++) take({ sequence: n, ssrc: 2 });
    expect(keys.size).toBe(3);
    expect(receiver.counters).toMatchObject({ ssrcChange: 1, sequenceJump: 1 });
    expect(receiver.statistics()).toMatchObject({ packets: 8, lost: 0 });
  });

  it('tells events, comfort noise, unknown types and rubbish apart, and counts them', () => {
    const receiver = new RtpReceiver();
    receiver.telephoneEvent = 96;
    receiver.latch = expectSource(unlatched, from);
    const kinds = [
      { payloadType: 96 },
      { payloadType: 13 },
      { payloadType: 8 },
      { payloadType: 18 },
      { payload: new Uint8Array(0) },
    ];
    const got = kinds.map((fields, n) => receiver.receive(datagram({ ...fields, sequence: n }), from, 0).kind);
    expect(got).toEqual(['event', 'comfort-noise', 'audio', 'refused', 'refused']);
    receiver.receive(Buffer.from('hello'), from, 0);
    expect(receiver.counters).toMatchObject({ malformed: 1, unknownPayloadType: 1, comfortNoise: 1, empty: 1 });
  });

  it('rubbish and unknown types never latch a source', () => {
    const receiver = new RtpReceiver();
    receiver.latch = expectSource(unlatched, { address: '198.51.100.1', port: 4000 });
    for (let n = 0; n < 100; n++) receiver.receive(datagram({ payloadType: 18, sequence: n }), from, n * 20);
    expect(receiver.latch.latched).toBeUndefined();
  });
});
