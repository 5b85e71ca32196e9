import type { AudioFrame, DtmfSendResult, G711Codec, LegStatistics, SipMediaRemote } from '../ports.ts';
import type { KeyPress } from './rfc4733.ts';
import type { AudioPacket } from './rtp-sender.ts';

/** What a port's owner tells the leg. */
export interface RtpPortListener {
  /** Audio from the phone, in order of arrival, source checked. */
  onAudio(packet: AudioPacket, now: number): void;
  /** A packet of that stream that is no audio (DTMF, comfort noise): its number is to be closed up. */
  onGap(key: unknown): void;
  onKeyPress(press: KeyPress): void;
  /** Anything at all came from the phone's stream: the path is alive. */
  onMedia(now: number): void;
}

/**
 * Who holds the RTP port of a SIP leg. Every call starts with the Node endpoint (node-rtp-endpoint.ts). The interface is cut so that a mediasoup
 * PlainTransport on the same port can take over once the call is bridged and nothing needs its audio, and give the port back:
 * such an owner raises no onAudio, is never asked to `forward` or `play`, keeps DTMF and statistics, and continues from
 * `handOver()`. See docs/adr/0003-media-path.md.
 */
export interface RtpPortOwner {
  /** Local address as bound, and the even port. */
  readonly local: { readonly address: string; readonly port: number };
  readonly codec: G711Codec;
  /** New SDP. @throws MediaError `bad-parameters` */
  update(remote: SipMediaRemote): void;
  /** Sends a peer's packet. @returns its timestamp, undefined when it was not sent (hold, DTMF being sent) */
  forward(packet: AudioPacket, now: number): number | undefined;
  /** As onGap, towards the phone. */
  skip(key: unknown): void;
  /** Sends 20 ms made here; `key` is the playback. */
  play(frame: AudioFrame, key: unknown, now: number): number | undefined;
  sendDtmf(digits: string, options: { readonly toneMs?: number; readonly gapMs?: number }): Promise<DtmfSendResult>;
  /** Every 20 ms. */
  tick(now: number): void;
  statistics(): LegStatistics;
  /** What a successor on the same port must know to go on without the phone noticing. */
  handOver(): RtpPortState;
  /** Says BYE, frees the port. Idempotent. */
  close(): Promise<void>;
}

/** State of both streams at the moment of a hand-over. */
export interface RtpPortState {
  /** SSRC that the phone sends with; undefined while nothing came. */
  readonly receivedSsrc: number | undefined;
  /** Where media goes; undefined while unknown. */
  readonly target: { readonly address: string; readonly port: number } | undefined;
  /** Last position of our own stream. */
  readonly sent: { readonly ssrc: number; readonly sequence: number; readonly timestamp: number };
}
