import { describeError } from '../kernel/index.ts';
import type { SipLegMedia, SipMediaRemote } from '../media/ports.ts';
import { SdpError } from '../sip/index.ts';
import type { InfoRequest, NegotiatedAudio, ReinviteReply, SdpSession, SrtpSuite } from '../sip/index.ts';
import type { LegCore } from './leg.ts';

/**
 * Offer/answer of one SIP leg and what it means for the leg's media: every agreed description is applied to the RTP
 * endpoint, hold and resume by the far end are told to the router.
 */
export class SipAudio {
  readonly #core: LegCore;
  readonly #media: SipLegMedia;
  readonly #sdp: SdpSession;
  #signallingAddress: string | undefined;
  readonly #isSignallingSecret: boolean | undefined;
  #held = false;
  #srtp: SrtpSuite | undefined;

  constructor(
    core: LegCore,
    parts: {
      readonly media: SipLegMedia;
      readonly sdp: SdpSession;
      readonly signallingAddress: string | undefined;
      /** Whether SDP travels by TLS; undefined when that is not known here. */
      readonly isSignallingSecret?: boolean;
    },
  ) {
    this.#core = core;
    this.#media = parts.media;
    this.#sdp = parts.sdp;
    this.#signallingAddress = parts.signallingAddress;
    this.#isSignallingSecret = parts.isSignallingSecret;
  }

  /** Where the far end's signalling comes from, once that is known: media from there is trusted more. */
  signalledFrom(address: string | undefined): void {
    this.#signallingAddress = address ?? this.#signallingAddress;
  }

  /** Whether an offer was answered: media can flow. */
  get isAgreed(): boolean {
    return this.#sdp.audio !== undefined;
  }

  createOffer(): string {
    return this.#sdp.createOffer();
  }

  /** @throws SdpError, MediaError */
  answerOffer(offer: string): string {
    const { sdp, audio } = this.#sdp.answerOffer(offer);
    this.#apply(audio);
    return sdp;
  }

  /**
   * The answer to our offer, from a provisional response, a 2xx or an ACK. A second answer to the same offer (another
   * fork, RFC 3261 section 13.2.2.4) replaces the first.
   *
   * @throws SdpError, MediaError
   */
  acceptAnswer(answer: string): void {
    // The same offer is opened again: it is not sent, and its version stays.
    if (this.#sdp.audio !== undefined) this.#sdp.createOffer();
    this.#apply(this.#sdp.acceptAnswer(answer));
  }

  /** Answers a re-INVITE or UPDATE: hold, resume, a new address. Without offer ours is returned and the ACK brings the answer. */
  reinvite(offer: string | undefined): ReinviteReply {
    try {
      return { sdp: offer === undefined ? this.#sdp.createOffer() : this.answerOffer(offer) };
    } catch (error) {
      this.#core.log.warn({ err: error }, `change of the media refused: ${describeError(error)}`);
      return error instanceof SdpError ? { status: error.status, warning: error.warning } : { status: 488 };
    }
  }

  /** The answer to our offer in a re-INVITE's 2xx. What is wrong with it leaves the old description in force. */
  reinviteAcked(answer: string | undefined): void {
    try {
      if (answer !== undefined) this.#apply(this.#sdp.acceptAnswer(answer));
    } catch (error) {
      this.#sdp.cancelOffer();
      this.#core.log.warn({ err: error }, `answer to our offer refused: ${describeError(error)}`);
    }
  }

  /** Our offer in a re-INVITE or UPDATE came to nothing: what was in force still is. */
  offerDropped(): void {
    this.#sdp.cancelOffer();
  }

  /** DTMF by INFO: `application/dtmf-relay` (`Signal=5`) and `application/dtmf` (`5`). */
  info(info: InfoRequest): void {
    const digit = digitOfInfo(info);
    if (digit !== undefined) this.#core.digit(digit);
  }

  #apply(audio: NegotiatedAudio): void {
    this.#media.update(remoteOf(audio, this.#signallingAddress));
    this.#tellEncryption(audio.srtp?.suite);
    this.#core.exempt('listens-only', audio.direction === 'sendonly' || audio.direction === 'inactive');
    if (audio.heldByPeer === this.#held) return;
    this.#held = audio.heldByPeer;
    this.#core.exempt('held', this.#held);
    this.#core.post({ kind: this.#held ? 'held' : 'resumed', callSid: this.#core.callSid });
  }

  /** Keys in SDP are as secret as the signalling is: media over TCP or UDP signalling is encrypted for the look of it. */
  #tellEncryption(suite: SrtpSuite | undefined): void {
    if (suite === this.#srtp) return;
    this.#srtp = suite;
    const { log } = this.#core;
    if (suite === undefined) log.warn({}, 'media is no longer encrypted: the far end agreed on plain RTP');
    else if (this.#isSignallingSecret === false) {
      log.warn({ srtp: suite }, 'media is encrypted, but its keys came over signalling without TLS');
    } else log.info({ srtp: suite }, 'media is encrypted');
  }
}

function remoteOf(audio: NegotiatedAudio, signallingAddress: string | undefined): SipMediaRemote {
  return {
    address: audio.remoteAddress ?? '0.0.0.0',
    port: audio.remotePort,
    rtcpPort: audio.remoteRtcpPort,
    codec: audio.codec,
    direction: audio.direction,
    ...(audio.telephoneEvent === undefined ? {} : { telephoneEvent: audio.telephoneEvent }),
    ...(audio.receiveTelephoneEvent === undefined ? {} : { receiveTelephoneEvent: audio.receiveTelephoneEvent }),
    ...(signallingAddress === undefined ? {} : { signallingAddress }),
    ...(audio.srtp === undefined ? {} : { srtp: audio.srtp }),
  };
}

function digitOfInfo(info: InfoRequest): string | undefined {
  const text = info.body.toString('latin1').slice(0, 200);
  const match =
    info.contentType === 'application/dtmf-relay'
      ? /^\s*Signal\s*=\s*([0-9A-D*#])\s*$/im.exec(text)
      : info.contentType === 'application/dtmf'
        ? /^\s*([0-9A-D*#])\s*$/i.exec(text)
        : null;
  return match?.[1]?.toUpperCase();
}
