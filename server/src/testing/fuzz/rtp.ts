import { seededRandom } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { expectSource } from '../../media/rtp/latch.ts';
import { TelephoneEventReceiver, serializeTelephoneEvent } from '../../media/rtp/rfc4733.ts';
import { parseRtcp, serializeRtcp } from '../../media/rtp/rtcp-packet.ts';
import { RtcpSession } from '../../media/rtp/rtcp-session.ts';
import { isRtcp, parseRtp, serializeRtp } from '../../media/rtp/rtp-packet.ts';
import { RtpReceiver } from '../../media/rtp/rtp-receiver.ts';
import { mutate, pick } from './mutation.ts';
import { FuzzRun } from './report.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';

const EVENT = 101;
const PEER = { address: '192.0.2.7', port: 4000 };

/** Mutated packets of one stream, audio, key presses and comfort noise, through the receiving half of an RTP endpoint. */
export async function fuzzRtp(options: FuzzOptions): Promise<FuzzReport> {
  const run = new FuzzRun('RTP', options);
  const random = seededRandom(options.seed);
  const stream = new Stream(random);
  const receiver = new RtpReceiver();
  receiver.telephoneEvent = EVENT;
  receiver.latch = expectSource(receiver.latch, PEER);
  const events = new TelephoneEventReceiver();
  let now = 0;
  await run.each(
    () => (random.int(4) === 0 ? stream.next() : mutate(stream.next(), random, [stream.next()])),
    (input) => {
      now += 20;
      const packet = parseRtp(input);
      if (packet !== undefined && packet.payload.length > input.length) throw new Error('a payload beyond its packet');
      const source = random.int(50) === 0 ? { address: '198.51.100.1', port: random.int(65_536) } : PEER;
      const received = receiver.receive(input, source, now);
      if (received.kind === 'event') events.receive(received.packet, now);
      events.expire(now);
      const { packets, bytes, lost, jitterMs } = receiver.statistics();
      for (const value of [packets, bytes, lost ?? 0, jitterMs ?? 0])
        if (!Number.isFinite(value)) throw new Error(`statistics: ${JSON.stringify(receiver.statistics())}`);
      return received.kind;
    },
  );
  return run.report();
}

/** Mutated compound packets through the RTCP parser and a session. */
export async function fuzzRtcp(options: FuzzOptions): Promise<FuzzReport> {
  const run = new FuzzRun('RTCP', options);
  const random = seededRandom(options.seed);
  const session = new RtcpSession({ ssrc: 7, random });
  let now = 0;
  await run.each(
    () => mutate(compound(random), random, [compound(random)]),
    (input) => {
      now += 5000;
      isRtcp(input);
      const packets = parseRtcp(input);
      if (packets.length > input.length / 4) throw new Error('more packets than fit');
      session.receive(input, { wall: 1e12 + now, monotonic: now });
      const { roundTripMs, remote } = session;
      for (const value of [roundTripMs ?? 0, remote?.jitterMs ?? 0, remote?.lost ?? 0])
        if (!Number.isFinite(value)) throw new Error(`the session learnt ${value}`);
      return `${Math.min(packets.length, 9)} packets`;
    },
  );
  return run.report();
}

/** What a peer sends: mostly audio, in order. */
class Stream {
  readonly #random: Random;
  #sequence = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Buffer {
    const kind = this.#random.int(6);
    const sequence = this.#sequence++;
    const payload =
      kind === 0
        ? serializeTelephoneEvent({
            event: sequence % 16,
            end: sequence % 3 === 0,
            volume: 10,
            duration: 160 * (sequence % 9),
          })
        : Buffer.alloc(kind === 1 ? 1 : 160, 0x7f);
    const payloadType = kind === 0 ? EVENT : kind === 1 ? 13 : pick([0, 8], this.#random);
    return serializeRtp({ payloadType, marker: kind === 0, sequence, timestamp: sequence * 160, ssrc: 99, payload });
  }
}

function compound(random: Random): Buffer {
  const report = {
    ssrc: 7,
    fractionLost: random.int(256),
    cumulativeLost: random.int(1000),
    highestSequence: random.int(2 ** 32),
    jitter: random.int(1000),
    lastSenderReport: random.int(2 ** 32),
    delaySinceLastSenderReport: random.int(65_536),
  };
  const sender = { ntpSeconds: random.int(2 ** 32), ntpFraction: 0, rtpTimestamp: 1, packets: 2, octets: 3 };
  return serializeRtcp({
    ssrc: 99,
    cname: 'peer@example.net',
    report,
    bye: random.int(20) === 0,
    ...(random.int(2) === 0 ? { sender } : {}),
  });
}
