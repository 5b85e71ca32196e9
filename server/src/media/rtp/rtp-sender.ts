import type { Random } from '../../kernel/index.ts';
import { convertG711, frameToG711, G711_PAYLOAD_TYPE, silenceByte } from '../audio/g711.ts';
import type { AudioFrame, G711Codec } from '../ports.ts';
import { serializeTelephoneEvent } from './rfc4733.ts';
import type { TelephoneEvent } from './rfc4733.ts';
import { serializeRtp } from './rtp-packet.ts';
import { StreamRewriter } from './stream-rewriter.ts';

/** A received audio packet on its way to another leg. */
export interface AudioPacket {
  /** Identity of the stream it belongs to: changes with the SSRC and when the sender starts over. */
  readonly key: unknown;
  readonly codec: G711Codec;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
}

/** What was sent, in units of RFC 3550 section 6.4.1. */
export interface SentTotals {
  readonly packets: number;
  readonly octets: number;
}

export interface RtpSenderOptions {
  readonly codec: G711Codec;
  readonly random: Random;
  /** Takes each datagram. */
  readonly write: (datagram: Buffer) => void;
}

/** Without anything to send for so long, silence is sent, milliseconds: more than a jitter buffer makes up for. */
const SILENCE_AFTER_MS = 200;
const SILENCE = Symbol('silence');
const FRAME_SAMPLES = 160;

/** One outgoing stream: one SSRC for its whole life, whatever is switched in front of it. */
export class RtpSender {
  readonly ssrc: number;
  codec: G711Codec;
  /** False on hold: everything is dropped. */
  enabled = true;
  readonly #rewriter: StreamRewriter;
  readonly #write: (datagram: Buffer) => void;
  #packets = 0;
  #octets = 0;
  #event: { timestamp: number } | undefined;
  #lastAt: number | undefined;
  #isSilent = false;

  constructor(options: RtpSenderOptions) {
    const { random } = options;
    this.ssrc = random.int(0xffff_ffff) + 1;
    this.codec = options.codec;
    this.#write = options.write;
    this.#rewriter = new StreamRewriter({ sequence: random.int(0x8000), timestamp: random.int(0xffff_ffff) });
  }

  /** Passes a peer's packet on, converted when its codec differs. @returns the timestamp it went out with */
  forward(packet: AudioPacket, now: number): number | undefined {
    if (!this.#isOpen) return undefined;
    const position = this.#rewriter.forward(packet, now);
    if (position === undefined) return undefined;
    this.#sounded(now);
    this.#send({ ...position, payload: convertG711(packet.codec, this.codec, packet.payload) });
    return position.timestamp;
  }

  /** A packet of the peer's stream that is not passed on: closes the hole in its numbers. */
  skip(key: unknown): void {
    this.#rewriter.skip(key);
  }

  /** Sends 20 ms made here. @param key identity of the playback @returns the timestamp it went out with */
  frame(frame: AudioFrame, key: unknown, now: number): number | undefined {
    if (!this.#isOpen) return undefined;
    const position = this.#rewriter.frame(key, now);
    this.#sounded(now);
    this.#send({ ...position, payload: frameToG711(frame, this.codec) });
    return position.timestamp;
  }

  /**
   * Every 20 ms: keeps a stream that has begun alive where nobody has anything to say (a pause, instructions on their
   * way). Gateways and NATs take a stream that stops for a call that is lost.
   */
  tick(now: number): void {
    if (!this.#isOpen || this.#lastAt === undefined) return;
    if (!this.#isSilent && now - this.#lastAt < SILENCE_AFTER_MS) return;
    this.#isSilent = true;
    const position = this.#rewriter.frame(SILENCE, now);
    this.#send({ ...position, payload: new Uint8Array(FRAME_SAMPLES).fill(silenceByte(this.codec)) });
  }

  /** Sends one packet of a named event; audio is held back from its first packet until endEvent(). */
  event(fields: TelephoneEvent, payloadType: number, now: number): void {
    if (!this.enabled) return;
    const position = this.#rewriter.event(this.#event?.timestamp, now);
    const marker = this.#event === undefined;
    this.#event = { timestamp: position.timestamp };
    this.#sounded(now);
    this.#send({ ...position, marker, payloadType, payload: serializeTelephoneEvent(fields) });
  }

  endEvent(): void {
    this.#event = undefined;
  }

  get totals(): SentTotals {
    return { packets: this.#packets, octets: this.#octets };
  }

  /** For sender reports. */
  timestampAt(now: number): number {
    return this.#rewriter.timestampAt(now);
  }

  /** The stream was sent by another for a while; it goes on here, and whoever is to be heard has a moment to begin. */
  resume(now: number): void {
    if (this.#lastAt !== undefined) this.#sounded(now);
  }

  get #isOpen(): boolean {
    return this.enabled && this.#event === undefined;
  }

  #sounded(now: number): void {
    this.#lastAt = now;
    this.#isSilent = false;
  }

  #send(packet: {
    readonly sequence: number;
    readonly timestamp: number;
    readonly marker: boolean;
    readonly payload: Uint8Array;
    readonly payloadType?: number;
  }): void {
    this.#packets++;
    this.#octets += packet.payload.length;
    const payloadType = packet.payloadType ?? G711_PAYLOAD_TYPE[this.codec];
    this.#write(serializeRtp({ ...packet, payloadType, ssrc: this.ssrc }));
  }
}
