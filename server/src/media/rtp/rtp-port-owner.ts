import type { DtmfSendResult } from '../ports.ts';
import type { AudioFrame, G711Codec, LegStatistics, PathOwner, PathReason, SipMediaRemote } from '../ports.ts';
import type { KeyPress } from './rfc4733.ts';
import type { AudioPacket } from './rtp-sender.ts';
import type { RtpPacket } from './rtp-packet.ts';
import type { Endpoint } from './socket-address.ts';

/** What a port's owner tells the leg. */
export interface RtpPortListener {
  /** Audio from the phone, in order of arrival, source checked. */
  onAudio(packet: AudioPacket, now: number): void;
  /** A packet of that stream that is no audio (DTMF, comfort noise): its number is to be closed up. */
  onGap(key: unknown): void;
  onKeyPress(press: KeyPress): void;
  /** Anything at all came from the phone's stream: the path is alive. */
  onMedia(now: number): void;
  /** The phone sends nothing because there is nothing to send (comfort noise, RTCP that says so): no media is owed for so long. */
  onExcuse(now: number, forMs: number): void;
}

/**
 * Who carries the RTP of a SIP leg. Every call starts with the Node endpoint (node-rtp-endpoint.ts), which knows the SDP and
 * keeps its sockets as long as the leg lives. Once the call is bridged and nothing needs its audio, a mediasoup PlainTransport
 * (plain-transport-owner.mediasoup.ts) carries it on the same port, until Node takes it back. See docs/adr/0003-media-path.md.
 */
export interface RtpPortOwner {
  readonly kind: PathOwner;
  /** Of this owner's time alone. */
  statistics(): LegStatistics | Promise<LegStatistics>;
  /** Frees what it has of the port. Idempotent. */
  close(): Promise<void> | void;
}

/** The owner that a leg cannot do without: frames go in and out here, and the port can be lent to a successor. */
export interface NodePortOwner extends RtpPortOwner {
  /** Local address as bound, and the even port. */
  readonly local: Endpoint;
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
  readonly lending: PortLending;
}

/** Lending of the port, in this order: `hold`, `yield`, `take`, `open`. */
export interface PortLending {
  /** What speaks against it just now; undefined: nothing. */
  readonly obstacle: PathReason | undefined;
  /** Makes sure that the phone's packets go on arriving here while a successor binds the port. @returns what it must know; undefined: not now */
  hold(): RtpPortState | undefined;
  /** Whether the phone still sends as it did at `hold`. */
  isCurrent(state: RtpPortState): boolean;
  /** From now on the successor gets what arrives, and nothing is sent from here. */
  yield(): void;
  /** Takes the port back from a successor that is still there: the next packet arrives here. */
  take(now: number): void;
  /** The successor is gone: sources are judged by the latch rules again. */
  open(): void;
  /** A telephone-event packet of the phone that came to the successor. Its SSRC does not count. */
  event(packet: RtpPacket, now: number): void;
}

/** State of both streams at the moment of a hand-over. */
export interface RtpPortState {
  readonly local: Endpoint;
  /** SSRC that the phone sends with. */
  readonly receivedSsrc: number;
  /** Where media comes from and goes to. */
  readonly target: Endpoint;
  /** At the target's address. */
  readonly rtcpPort: number;
  /** Both ways. */
  readonly codec: G711Codec;
  /** Payload type that the phone's keys come with. */
  readonly telephoneEvent: number | undefined;
}
