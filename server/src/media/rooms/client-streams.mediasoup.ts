import type { types } from 'mediasoup';
import type { Clock, Random } from '../../kernel/index.ts';
import { G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import type { AudioFrame, G711Codec } from '../ports.ts';
import { parseRtp } from '../rtp/rtp-packet.ts';
import { RtpSender } from '../rtp/rtp-sender.ts';
import type { AudioPacket } from '../rtp/rtp-sender.ts';
import type { AudioOutput } from './leg-audio.ts';

/** Where Node meets a room's router: RTP goes in and comes out as buffers. */
export interface DirectAccess {
  readonly router: types.Router;
  readonly direct: types.DirectTransport;
}

/**
 * What a client hears: one G.711 stream of ours into the router, whose consumer at the client stays the same while
 * playbacks and peers change behind it.
 */
export class Earpiece implements AudioOutput {
  readonly producer: types.Producer;
  readonly #sender: RtpSender;

  private constructor(producer: types.Producer, sender: RtpSender) {
    this.producer = producer;
    this.#sender = sender;
  }

  static async open(access: DirectAccess, codec: G711Codec, random: Random): Promise<Earpiece> {
    const sender = new RtpSender({
      codec,
      random,
      write: (datagram) => {
        if (!producer.closed) producer.send(datagram);
      },
    });
    const producer = await access.direct.produce({
      kind: 'audio',
      rtpParameters: {
        codecs: [{ mimeType: `audio/${codec}`, clockRate: 8000, channels: 1, payloadType: G711_PAYLOAD_TYPE[codec] }],
        encodings: [{ ssrc: sender.ssrc }],
        rtcp: { cname: Buffer.from(random.bytes(12)).toString('base64url') },
      },
    });
    return new Earpiece(producer, sender);
  }

  get codec(): G711Codec {
    return this.#sender.codec;
  }

  forward(packet: AudioPacket, now: number): number | undefined {
    return this.#sender.forward(packet, now);
  }

  skip(key: unknown): void {
    this.#sender.skip(key);
  }

  play(frame: AudioFrame, key: unknown, now: number): number | undefined {
    return this.#sender.frame(frame, key, now);
  }

  close(): void {
    this.producer.close();
  }
}

/** A client's G.711 microphone, tapped: every packet of its producer reaches Node. */
export class Microphone {
  readonly producer: types.Producer;
  /** Read once: mediasoup copies the parameters each time they are asked for. */
  readonly codec: G711Codec;
  readonly #tap: types.Consumer;
  /** Identity of what is heard without a hole. */
  #key: object = {};

  private constructor(producer: types.Producer, tap: types.Consumer) {
    this.producer = producer;
    this.codec = producer.rtpParameters.codecs[0]?.mimeType.toLowerCase() === 'audio/pcma' ? 'PCMA' : 'PCMU';
    this.#tap = tap;
  }

  /** @param producer owned by the microphone from now on */
  static async open(
    access: DirectAccess,
    producer: types.Producer,
    clock: Clock,
    onAudio: (packet: AudioPacket, now: number) => void,
  ): Promise<Microphone> {
    const tap = await access.direct.consume({
      producerId: producer.id,
      rtpCapabilities: access.router.rtpCapabilities,
    });
    const microphone = new Microphone(producer, tap);
    tap.on('rtp', (datagram) => {
      const packet = parseRtp(datagram);
      if (packet === undefined || packet.payload.length === 0) return;
      const codec = packet.payloadType === G711_PAYLOAD_TYPE.PCMA ? 'PCMA' : 'PCMU';
      onAudio({ ...packet, codec, key: microphone.#key }, clock.monotonic());
    });
    return microphone;
  }

  /** Another hears the microphone: nothing comes here until listen(). */
  async mute(): Promise<void> {
    if (!this.#tap.closed) await this.#tap.pause();
  }

  async listen(): Promise<void> {
    this.#key = {};
    if (!this.#tap.closed) await this.#tap.resume();
  }

  close(): void {
    this.#tap.close();
    this.producer.close();
  }
}

/** True when a client can receive Opus. */
export function hasOpus(rtpCapabilities: types.RtpCapabilities): boolean {
  return (rtpCapabilities.codecs ?? []).some((codec) => codec.mimeType.toLowerCase() === 'audio/opus');
}
