import type { EndRequest } from '../calls/ports.ts';
import type { CallEnd, IncomingCall, ReceivedRefer, SipReason } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore, SipPeer } from './leg.ts';
import { requestTransfer } from './refer-target.ts';
import type { TransferRights } from './refer-target.ts';
import { dialDigits, endOf, goodbye } from './sip-farewell.ts';
import type { SipAudio } from './sip-audio.ts';
import { statusOfEnd } from './sip-status.ts';

/** A call from the PSTN. Its offer has been answered (not sent) before it is made, or there was none (late offer). */
export class SipIncomingLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #call: IncomingCall;
  readonly #audio: SipAudio;
  /** Our description for 183 and 200; undefined for a late offer until it is answered. */
  readonly #answer: string | undefined;
  /** Our offer, on a late offer, once it was made. */
  #offer: string | undefined;
  #final = false;
  #early = false;
  /** Somebody else is at the far end of the leg now. */
  #detached = false;
  readonly #context: HostContext;
  readonly #rights: TransferRights;

  constructor(
    core: LegCore,
    parts: {
      readonly context: HostContext;
      readonly call: IncomingCall;
      readonly audio: SipAudio;
      readonly answer: string | undefined;
      readonly rights: TransferRights;
    },
  ) {
    this.core = core;
    this.#context = parts.context;
    this.#rights = parts.rights;
    this.#call = parts.call;
    this.#audio = parts.audio;
    this.#answer = parts.answer;
  }

  get sip(): SipPeer {
    return {
      control: this.#call,
      detach: () => {
        this.#detached = true;
      },
    };
  }

  get canHear(): boolean {
    return this.core.isAnswered || this.#early;
  }

  ring(): void {
    if (!this.#final) this.#call.ring();
  }

  /**
   * 183, so that what is played before the answer is heard. On a late offer the caller hears it once it has answered our
   * offer with PRACK (RFC 3262 section 5); where it knows no PRACK there is no way.
   */
  openAudio(): void {
    if (this.#final || this.#early) return;
    if (this.#answer !== undefined) {
      this.#early = true;
      this.#call.progress(this.#answer);
    } else if (this.#call.reliable && this.#offer === undefined) {
      this.#offer = this.#audio.createOffer();
      this.#call.progress(this.#offer);
    }
  }

  /** A reliable 183 was acknowledged; on a late offer with the answer to our offer. */
  progressed(sdp: string | undefined): void {
    if (this.core.isEnded || this.#answer !== undefined) return;
    this.#audio.reinviteAcked(sdp);
    if (this.#audio.isAgreed) this.#early = true;
  }

  answer(): void {
    if (this.#final) return;
    this.#final = true;
    this.#offer ??= this.#answer ?? this.#audio.createOffer();
    this.#call.answer(this.#offer);
    if (this.#answer !== undefined) this.core.answered();
  }

  end(request: EndRequest): void {
    if (this.core.isEnded) return;
    const sipReason = goodbye(request);
    const status = this.#final ? undefined : statusOfEnd(request);
    this.#final = true;
    // First, because the stack tells of its own BYE as an end too, at once.
    this.core.finish({
      cause: request.cause,
      message: request.message,
      by: 'local',
      ...(status === undefined ? {} : { sipStatus: status }),
    });
    if (status === undefined) this.#call.bye(sipReason);
    else this.#call.reject(status, { sipReason });
  }

  sendDigits(digits: string): void {
    dialDigits(this.core, digits, this.#call);
  }

  tell(): void {
    // There is no device behind a SIP leg.
  }

  /** The ACK of our 200. With a late offer it carries the answer, and only then the leg is up. */
  acked(sdp: string | undefined, initial: boolean): void {
    if (this.core.isEnded || this.#detached || (initial && this.#answer !== undefined)) return;
    this.#audio.reinviteAcked(sdp);
    if (!initial) return;
    if (this.#audio.isAgreed) this.core.answered();
    else this.end({ cause: 'unreachable', message: 'the caller acknowledged without a usable media description' });
  }

  cancelled(reason: SipReason | undefined): void {
    this.#final = true;
    const message = reason?.text ?? 'the caller gave up before an answer';
    this.core.finish({ cause: 'canceled', message, by: 'remote', sipStatus: 487 });
  }

  /** The far end wants to transfer the other party. */
  referred(refer: ReceivedRefer): void {
    if (this.#detached) refer.reject(481);
    else requestTransfer(this.#context, this.core, refer, this.#rights);
  }

  ended(end: CallEnd): void {
    if (!this.#detached) this.core.finish(endOf(end, this.core));
  }
}
