import type { Random } from '../../kernel/index.ts';
import type { AnsweredOffer, AudioCodec, LocalAudio, MediaDirection, NegotiatedAudio, SdpSession } from './api.ts';
import { SdpError } from './errors.ts';
import { readDescription } from './read.ts';
import type { RemoteAudio, RemoteMedia } from './read.ts';
import { SrtpNegotiation } from './srtp-negotiation.ts';
import { writeDescription } from './write.ts';
import type { DeadLine, LocalLine } from './write.ts';

const STATIC_PAYLOAD_TYPE: Readonly<Record<AudioCodec, number>> = { PCMU: 0, PCMA: 8 };
const DEFAULT_TELEPHONE_EVENT = 101;

type Line = LocalLine | DeadLine;

/** Offer/answer for one call. `random` draws the session id and the keys of SRTP: nothing but a cryptographic one will do. */
export function createSdpSession(local: LocalAudio, random: Random): SdpSession {
  return new OfferAnswer(local, random);
}

class OfferAnswer implements SdpSession {
  readonly #local: LocalAudio;
  readonly #sessionId: string;
  readonly #srtp: SrtpNegotiation;
  #version = 1;
  /** Lines of the last description that we sent. */
  #sent: readonly Line[] | undefined;
  #lines: readonly Line[] = [];
  #offered: LocalLine | undefined;
  #audio: NegotiatedAudio | undefined;
  /** The number we give telephone-event: kept through the session (RFC 3264 section 8.3.2). */
  #telephoneEvent = DEFAULT_TELEPHONE_EVENT;

  constructor(local: LocalAudio, random: Random) {
    this.#local = local;
    this.#sessionId = String(random.int(2 ** 47) + 1);
    this.#srtp = new SrtpNegotiation(local.srtp ?? 'off', random);
  }

  get audio(): NegotiatedAudio | undefined {
    return this.#audio;
  }

  createOffer(options: { readonly direction?: MediaDirection } = {}): string {
    const at = this.#lines.findIndex((existing) => 'codecs' in existing);
    const inUse = this.#lines[at];
    const line: LocalLine = {
      codecs: this.#local.codecs.map((codec) => ({ codec, payloadType: this.#payloadType(codec) })),
      telephoneEvent: this.#local.telephoneEvent === false ? undefined : this.#telephoneEvent,
      direction: options.direction ?? 'sendrecv',
      protocol: inUse?.protocol ?? this.#srtp.profile,
      crypto: this.#srtp.offer(),
    };
    this.#offered = line;
    // Section 8: the number and the order of media lines never change within a session.
    this.#lines =
      at < 0 ? [...this.#lines, line] : this.#lines.map((existing, index) => (index === at ? line : existing));
    return this.#write();
  }

  answerOffer(offer: string, options: { readonly direction?: MediaDirection } = {}): AnsweredOffer {
    const remote = readDescription(offer);
    const index = this.#chooseLine(remote);
    const media = remote[index];
    const audio = media?.audio;
    if (media === undefined || audio === undefined) throw noUsableAudio(remote);
    const { codec, payloadType } = this.#chooseCodec(audio);
    const secured = this.#srtp.answer(audio);
    const telephoneEvent = this.#local.telephoneEvent === false ? undefined : audio.telephoneEvent;
    const theirs = peerDirection(audio);
    const direction = intersect(options.direction ?? 'sendrecv', reverse(theirs));
    this.#telephoneEvent = telephoneEvent ?? this.#telephoneEvent;
    // One codec in the answer, so that the peer cannot change it under a forwarding that knows only one.
    const line: LocalLine = {
      codecs: [{ codec, payloadType }],
      telephoneEvent,
      direction,
      protocol: media.protocol,
      crypto: secured === undefined ? [] : [secured.line],
    };
    this.#lines = remote.map((other, at) => (at === index ? line : deadLine(other)));
    this.#offered = undefined;
    this.#srtp.settle(secured?.agreement);
    this.#audio = {
      ...destination(audio, media.port),
      codec,
      payloadType,
      receivePayloadTypes: { [codec]: payloadType },
      telephoneEvent,
      receiveTelephoneEvent: telephoneEvent,
      direction,
      heldByPeer: !receives(theirs),
      ptime: audio.ptime,
      ...(secured === undefined ? {} : { srtp: secured.agreement }),
    };
    return { sdp: this.#write(), audio: this.#audio };
  }

  acceptAnswer(answer: string): NegotiatedAudio {
    const offered = this.#offered;
    if (offered === undefined) throw new SdpError('no-offer', 'an SDP answer came while no offer of ours was open');
    const remote = readDescription(answer);
    const at = this.#lines.findIndex((line) => 'codecs' in line);
    const media = remote[at];
    if (media?.port === 0) throw new SdpError('rejected', 'the SDP answer refuses our audio (port 0)');
    const audio = media?.audio;
    if (media === undefined || audio === undefined) throw noUsableAudio(remote);
    const chosen = audio.codecs.find((theirs) => offered.codecs.some((ours) => ours.codec === theirs.codec));
    if (chosen === undefined) throw new SdpError('no-codec', 'the SDP answer holds none of the codecs we offered');
    const srtp = this.#srtp.accept(offered.crypto, audio);
    this.#srtp.settle(srtp);
    const theirs = peerDirection(audio);
    this.#audio = {
      ...destination(audio, media.port),
      codec: chosen.codec,
      payloadType: chosen.payloadType,
      receivePayloadTypes: receivable(offered, audio),
      telephoneEvent: offered.telephoneEvent === undefined ? undefined : audio.telephoneEvent,
      receiveTelephoneEvent: audio.telephoneEvent === undefined ? undefined : offered.telephoneEvent,
      direction: intersect(offered.direction, reverse(theirs)),
      heldByPeer: sends(offered.direction) && !receives(theirs),
      ptime: audio.ptime,
      ...(srtp === undefined ? {} : { srtp }),
    };
    this.#offered = undefined;
    return this.#audio;
  }

  cancelOffer(): void {
    this.#offered = undefined;
  }

  /**
   * The line in use when it is still alive, else the first one with a codec of ours that the SRTP policy takes, an encrypted
   * one before a plain one, else the first audio.
   */
  #chooseLine(remote: readonly RemoteMedia[]): number {
    const suits = (media: RemoteMedia | undefined): boolean =>
      media?.audio?.codecs.some(({ codec }) => this.#local.codecs.includes(codec)) === true &&
      this.#srtp.suits(media.audio);
    const current = this.#lines.findIndex((line) => 'codecs' in line);
    if (current >= 0 && suits(remote[current])) return current;
    const secure = remote.findIndex(
      (media) => suits(media) && media.audio !== undefined && this.#srtp.secures(media.audio),
    );
    const first = secure >= 0 ? secure : remote.findIndex(suits);
    return first >= 0 ? first : remote.findIndex((media) => media.audio !== undefined);
  }

  #chooseCodec(audio: RemoteAudio): { codec: AudioCodec; payloadType: number } {
    const current = this.#audio?.codec;
    // A re-offer that still holds the codec in use keeps it: hold and resume must not change the codec.
    const wanted = current === undefined ? this.#local.codecs : [current, ...this.#local.codecs];
    for (const codec of wanted) {
      const match = audio.codecs.find((entry) => entry.codec === codec);
      if (match !== undefined) return match;
    }
    throw new SdpError('no-codec', 'the SDP offer holds no codec that we speak (PCMU, PCMA)');
  }

  #payloadType(codec: AudioCodec): number {
    return this.#audio?.receivePayloadTypes[codec] ?? STATIC_PAYLOAD_TYPE[codec];
  }

  #write(): string {
    // Section 8: the version goes up by one when the description differs from the last one we sent, else it stays.
    if (this.#sent !== undefined && JSON.stringify(this.#sent) !== JSON.stringify(this.#lines)) this.#version++;
    this.#sent = this.#lines;
    return writeDescription({ sessionId: this.#sessionId, version: this.#version, lines: this.#lines }, this.#local);
  }
}

function noUsableAudio(remote: readonly RemoteMedia[]): SdpError {
  const found = remote.map((media) => `${media.type} ${media.port} ${media.protocol}`).join(', ');
  return new SdpError('no-audio', `no usable audio over RTP in the SDP; it has: ${found === '' ? 'nothing' : found}`);
}

function deadLine(media: RemoteMedia): DeadLine {
  return { type: media.type, protocol: media.protocol, formats: media.formats };
}

function destination(
  audio: RemoteAudio,
  port: number,
): Pick<NegotiatedAudio, 'remoteAddress' | 'remotePort' | 'remoteRtcpPort'> {
  return {
    remoteAddress: audio.legacyHold ? undefined : audio.address,
    remotePort: port,
    remoteRtcpPort: audio.rtcpPort,
  };
}

/** What the peer may send us: the numbers of our offer for the codecs that its answer kept. */
function receivable(offered: LocalLine, audio: RemoteAudio): Partial<Record<AudioCodec, number>> {
  const kept = offered.codecs.filter(({ codec }) => audio.codecs.some((theirs) => theirs.codec === codec));
  return Object.fromEntries(kept.map(({ codec, payloadType }) => [codec, payloadType]));
}

function sends(direction: MediaDirection): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function receives(direction: MediaDirection): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function directionOf(send: boolean, receive: boolean): MediaDirection {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

/** The peer's direction as it meant it: the unspecified address says that it takes nothing (RFC 3264 section 8.4). */
function peerDirection(audio: RemoteAudio): MediaDirection {
  return audio.legacyHold ? directionOf(sends(audio.direction), false) : audio.direction;
}

function reverse(direction: MediaDirection): MediaDirection {
  return directionOf(receives(direction), sends(direction));
}

/** Section 6.1: what both allow. */
function intersect(a: MediaDirection, b: MediaDirection): MediaDirection {
  return directionOf(sends(a) && sends(b), receives(a) && receives(b));
}
