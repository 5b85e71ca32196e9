import { G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import type { G711Codec, StreamStatistics } from '../ports.ts';
import { judgeSource, unlatched } from './latch.ts';
import type { LatchState } from './latch.ts';
import { ReceiverStatistics } from './receiver-statistics.ts';
import { COMFORT_NOISE, parseRtp } from './rtp-packet.ts';
import type { RtpPacket } from './rtp-packet.ts';
import type { AudioPacket } from './rtp-sender.ts';
import type { Endpoint } from './socket-address.ts';

const CODEC_OF: Readonly<Record<number, G711Codec>> = {
  [G711_PAYLOAD_TYPE.PCMU]: 'PCMU',
  [G711_PAYLOAD_TYPE.PCMA]: 'PCMA',
};

/** What became of a datagram. */
export type Received =
  | { readonly kind: 'audio'; readonly packet: AudioPacket }
  | { readonly kind: 'event'; readonly packet: RtpPacket; readonly key: unknown }
  | { readonly kind: 'comfort-noise'; readonly key: unknown }
  | { readonly kind: 'refused' };

/** Why packets were refused, and what was odd about others; keys of `LegStatistics.counters`. */
export type ReceiveCounter =
  | 'malformed'
  | 'unknownPayloadType'
  | 'foreignSource'
  | 'sequenceJump'
  | 'ssrcChange'
  | 'sourceMoved'
  | 'comfortNoise'
  | 'empty';

const REFUSED: Received = { kind: 'refused' };

interface Stream {
  readonly statistics: ReceiverStatistics;
  key: object;
}

/** Incoming half of an RTP endpoint: parses, checks the source, follows SSRC and sequence. No input or output of its own. */
export class RtpReceiver {
  latch: LatchState = unlatched;
  /** Payload type agreed for telephone-event. */
  telephoneEvent: number | undefined;
  readonly counters: Record<ReceiveCounter, number> = {
    malformed: 0,
    unknownPayloadType: 0,
    foreignSource: 0,
    sequenceJump: 0,
    ssrcChange: 0,
    sourceMoved: 0,
    comfortNoise: 0,
    empty: 0,
  };
  /** Codec of the last audio packet, whatever was agreed. */
  lastCodec: G711Codec | undefined;
  #stream: Stream | undefined;
  /** Totals of the SSRCs before the present one. */
  #before = { packets: 0, lost: 0, lossEvents: 0 };
  #bytes = 0;

  receive(datagram: Uint8Array, from: Endpoint, now: number): Received {
    const packet = parseRtp(datagram);
    if (packet === undefined) return this.#refuse('malformed');
    // Both G.711 variants are understood whatever was agreed: some gateways answer with one and send the other.
    const codec = CODEC_OF[packet.payloadType];
    const isEvent = packet.payloadType === this.telephoneEvent;
    if (codec === undefined && !isEvent && packet.payloadType !== COMFORT_NOISE) {
      return this.#refuse('unknownPayloadType');
    }
    const step = judgeSource(this.latch, { from, ssrc: packet.ssrc, sequence: packet.sequence, now });
    const moved = step.moved && this.latch.latched !== undefined;
    this.latch = step.state;
    if (!step.accepted) return this.#refuse('foreignSource');
    if (moved) this.counters.sourceMoved++;
    const stream = this.#follow(packet.ssrc);
    const verdict = stream.statistics.receive(packet.sequence, packet.timestamp, now);
    if (verdict === 'held') return this.#refuse('sequenceJump');
    if (verdict === 'restarted') stream.key = {};
    this.#bytes += packet.payload.length;
    if (isEvent) return { kind: 'event', packet, key: stream.key };
    if (codec === undefined) {
      this.counters.comfortNoise++;
      return { kind: 'comfort-noise', key: stream.key };
    }
    if (packet.payload.length === 0) return this.#refuse('empty');
    this.lastCodec = codec;
    return { kind: 'audio', packet: { ...packet, codec, key: stream.key } };
  }

  /** The stream comes here again after it went elsewhere for a while: what it sent meanwhile is not lost. */
  resume(now: number): void {
    const { latched } = this.latch;
    if (latched !== undefined) this.latch = { ...this.latch, latched: { ...latched, lastAt: now } };
    const ssrc = this.#stream?.statistics.ssrc;
    if (ssrc !== undefined) this.#begin(ssrc);
  }

  /** Statistics of the present SSRC, for reports. */
  get current(): ReceiverStatistics | undefined {
    return this.#stream?.statistics;
  }

  /** Totals over all SSRCs. */
  statistics(): StreamStatistics {
    const current = this.current;
    return {
      packets: this.#before.packets + (current?.received ?? 0),
      bytes: this.#bytes,
      lost: current === undefined ? undefined : this.#before.lost + current.lost,
      jitterMs: current?.jitterMs,
      lossEvents: this.#before.lossEvents + (current?.lossEvents ?? 0),
    };
  }

  #follow(ssrc: number): Stream {
    const current = this.#stream;
    if (current?.statistics.ssrc === ssrc) return current;
    if (current !== undefined) this.counters.ssrcChange++;
    return this.#begin(ssrc);
  }

  #begin(ssrc: number): Stream {
    const current = this.#stream;
    if (current !== undefined) {
      this.#before.packets += current.statistics.received;
      this.#before.lost += current.statistics.lost;
      this.#before.lossEvents += current.statistics.lossEvents;
    }
    const stream: Stream = { statistics: new ReceiverStatistics(ssrc), key: {} };
    this.#stream = stream;
    return stream;
  }

  #refuse(counter: ReceiveCounter): Received {
    this.counters[counter]++;
    return REFUSED;
  }
}
