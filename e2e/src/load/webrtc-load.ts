import datachannel from 'node-datachannel';
import { MAGIC } from './rtp-load.ts';
import type { LoadReport } from './rtp-load.ts';

const HEADER = 12;
const PAYLOAD = 160;

/** Counts and ages of one epoch over all peers; the browser side's counterpart of rtp-load.c. */
export class WebRtcTally {
  epoch = 1;
  sent = 0;
  received = 0;
  #ages: number[] = [];

  next(epoch: number): void {
    this.epoch = epoch;
    this.sent = 0;
    this.received = 0;
    this.#ages = [];
  }

  /** One RTP packet that arrived. RTCP and packets of other epochs are passed over. */
  receive(packet: Buffer): void {
    const type = packet.readUInt8(1) & 0x7f;
    if (packet.length < HEADER + 16 || (type >= 64 && type < 96)) return;
    let at = HEADER + 4 * (packet.readUInt8(0) & 15);
    if ((packet.readUInt8(0) & 16) !== 0) at += 4 + 4 * packet.readUInt16BE(at + 2);
    if (packet.length < at + 16 || packet.readUInt32LE(at) !== MAGIC || packet.readUInt32LE(at + 4) !== this.epoch)
      return;
    this.received++;
    this.#ages.push(Number(process.hrtime.bigint() - packet.readBigUInt64LE(at + 8)) / 1e6);
  }

  report(): LoadReport {
    const ages = this.#ages.sort((a, b) => a - b);
    const quantile = (q: number): number => ages[Math.min(ages.length - 1, Math.floor(q * ages.length))] ?? -1;
    const { sent, received } = this;
    return { sent, received, p50_ms: quantile(0.5), p99_ms: quantile(0.99), longest_gap_ms: 0 };
  }
}

/** A microphone that sends PCMU packets with a stamp, 20 ms apart, once it is open. */
class StampedSender {
  readonly packet = Buffer.alloc(HEADER + PAYLOAD, 0x55);
  #sequence = Math.floor(Math.random() * 30_000);
  #timestamp = 0;

  constructor(ssrc: number) {
    this.packet[0] = 0x80;
    this.packet[1] = 0;
    this.packet.writeUInt32BE(ssrc, 8);
    this.packet.writeUInt32LE(MAGIC, HEADER);
  }

  stamp(epoch: number): Buffer {
    this.packet.writeUInt16BE(this.#sequence, 2);
    this.packet.writeUInt32BE(this.#timestamp, 4);
    this.packet.writeUInt32LE(epoch, HEADER + 4);
    this.packet.writeBigUInt64LE(process.hrtime.bigint(), HEADER + 8);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + PAYLOAD) >>> 0;
    return this.packet;
  }
}

type Direction = 'sendonly' | 'recvonly' | 'sendrecv';

/** One peer connection of libdatachannel with one audio line: real ICE, DTLS and SRTP, PCMU both ways. */
export class WebRtcConnection {
  readonly ssrc: number;
  readonly #connection: InstanceType<typeof datachannel.PeerConnection>;
  #track: InstanceType<typeof datachannel.Track> | undefined;
  readonly #tally: WebRtcTally;
  readonly #sender: StampedSender;
  readonly #opened = Promise.withResolvers<void>();

  constructor(name: string, tally: WebRtcTally) {
    this.ssrc = Math.floor(Math.random() * 0x7fffffff) + 1;
    this.#tally = tally;
    this.#sender = new StampedSender(this.ssrc);
    this.#connection = new datachannel.PeerConnection(name, {
      iceServers: [],
      bindAddress: '127.0.0.1',
      disableAutoNegotiation: true,
      disableAutoGathering: false,
      forceMediaTransport: true,
    });
  }

  /** Resolves when DTLS is up. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  addAudio(direction: Direction, mid = '0'): void {
    const audio = new datachannel.Audio(
      mid,
      direction === 'sendonly' ? 'SendOnly' : direction === 'recvonly' ? 'RecvOnly' : 'SendRecv',
    );
    audio.addAudioCodec(0, 'PCMU/8000');
    if (direction !== 'recvonly') audio.addSSRC(this.ssrc, 'load', 'load', 'load');
    this.#follow(this.#connection.addTrack(audio));
  }

  /** Our offer, candidates included. */
  offer(): Promise<string> {
    return this.#describe('offer');
  }

  accept(answer: string): void {
    this.#connection.setRemoteDescription(answer, 'answer');
  }

  /** Answers an offer; the line must have been added with its mid. */
  answer(offer: string): Promise<string> {
    this.#connection.onTrack((track) => {
      this.#follow(track);
    });
    this.#connection.setRemoteDescription(offer, 'offer');
    return this.#describe('answer');
  }

  send(): void {
    if (this.#track?.isOpen() !== true) return;
    if (this.#track.sendMessageBinary(this.#sender.stamp(this.#tally.epoch))) this.#tally.sent++;
  }

  close(): void {
    this.#connection.close();
  }

  #follow(track: InstanceType<typeof datachannel.Track>): void {
    this.#track = track;
    track.onMessage((packet) => {
      this.#tally.receive(packet);
    });
    track.onOpen(() => {
      this.#opened.resolve();
    });
  }

  #describe(kind: 'offer' | 'answer'): Promise<string> {
    const connection = this.#connection;
    return new Promise((resolve) => {
      const done = (): void => {
        if (connection.gatheringState() === 'complete') resolve(connection.localDescription()?.sdp ?? '');
      };
      connection.onGatheringStateChange(done);
      connection.setLocalDescription(kind);
      done();
    });
  }
}

/** Sends for many connections, each every 20 ms, spread over that time. */
export function paceSenders(senders: readonly WebRtcConnection[]): () => void {
  const started = performance.now();
  let slot = 0;
  const timer = setInterval(() => {
    const due = Math.floor(performance.now() - started);
    for (; slot < due; slot++) for (let i = slot % 20; i < senders.length; i += 20) senders[i]?.send();
  }, 1);
  return () => {
    clearInterval(timer);
  };
}
