import type { types } from 'mediasoup';
import type { G711Codec } from '../ports.ts';
import { parseRtp } from './rtp-packet.ts';
import { G711_PAYLOAD_TYPE } from '../audio/g711.ts';

export interface PacketSamplerOptions {
  readonly direct: types.DirectTransport;
  readonly producer: types.Producer;
  readonly codec: G711Codec;
  readonly onPayload: (payload: Uint8Array) => void;
}

/** Lets Node look at one packet of a producer now and then, whose audio passes it by otherwise. Ends with the producer or by close(). */
export class PacketSampler {
  readonly #consumer: types.Consumer;
  #isTaking = false;

  private constructor(consumer: types.Consumer, onPayload: (payload: Uint8Array) => void) {
    this.#consumer = consumer;
    consumer.on('rtp', (datagram) => {
      // The worker hands on some more before it learns that one is enough.
      if (!this.#isTaking) return;
      const packet = parseRtp(datagram);
      if (packet === undefined || packet.payload.length === 0) return;
      this.#isTaking = false;
      consumer.pause().catch(() => undefined);
      onPayload(packet.payload);
    });
  }

  /** Rejects as mediasoup does. */
  static async open({ direct, producer, codec, onPayload }: PacketSamplerOptions): Promise<PacketSampler> {
    const only = { kind: 'audio', mimeType: `audio/${codec}`, clockRate: 8000, channels: 1 } as const;
    const rtpCapabilities = { codecs: [{ ...only, preferredPayloadType: G711_PAYLOAD_TYPE[codec] }] };
    const consumer = await direct.consume({ producerId: producer.id, rtpCapabilities, paused: true });
    return new PacketSampler(consumer, onPayload);
  }

  /** Takes the next packet, whenever that comes. */
  take(): void {
    if (this.#isTaking || this.#consumer.closed) return;
    this.#isTaking = true;
    this.#consumer.resume().catch(() => undefined);
  }

  close(): void {
    this.#isTaking = false;
    this.#consumer.close();
  }
}
