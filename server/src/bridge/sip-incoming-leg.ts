import type { EndRequest } from '../calls/ports.ts';
import type { CallEnd, IncomingCall, SipReason } from '../sip/index.ts';
import type { BridgeLeg, LegCore } from './leg.ts';
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
  #final = false;
  #early = false;

  constructor(
    core: LegCore,
    parts: { readonly call: IncomingCall; readonly audio: SipAudio; readonly answer: string | undefined },
  ) {
    this.core = core;
    this.#call = parts.call;
    this.#audio = parts.audio;
    this.#answer = parts.answer;
  }

  get canHear(): boolean {
    return this.core.isAnswered || this.#early;
  }

  ring(): void {
    if (!this.#final) this.#call.ring();
  }

  /** 183, so that what is played before the answer is heard. A late offer has no way to. */
  openAudio(): void {
    if (this.#final || this.#early || this.#answer === undefined) return;
    this.#early = true;
    this.#call.progress(this.#answer);
  }

  answer(): void {
    if (this.#final) return;
    this.#final = true;
    this.#call.answer(this.#answer ?? this.#audio.createOffer());
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
    if (this.core.isEnded || (initial && this.#answer !== undefined)) return;
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

  ended(end: CallEnd): void {
    this.core.finish(endOf(end, this.core));
  }
}
