import type { EndRequest, PlaceRequest } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { SipLegMedia } from '../media/ports.ts';
import { createSdpSession } from '../sip/index.ts';
import type { CallFailure, InviteOptions, OutgoingCall, OutgoingCallListener } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore } from './leg.ts';
import { SipAudio } from './sip-audio.ts';
import { dialDigits, endOf, goodbye } from './sip-farewell.ts';
import { sipDestination } from './sip-destination.ts';
import type { SipDestination } from './sip-destination.ts';
import { causeOfFailure, failureMessage } from './sip-status.ts';

/** What is known of a provisional response. */
type Provisional = Parameters<NonNullable<OutgoingCallListener['onProvisional']>>[0];

/** A call placed to a number through a trunk, or to a SIP URI. */
export class SipOutgoingLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #context: HostContext;
  readonly #request: PlaceRequest;
  /** Early media may be heard by the parent. */
  readonly #onEarlyMedia: (leg: BridgeLeg) => void;
  #call: OutgoingCall | undefined;
  #audio: SipAudio | undefined;
  #ringing: 'no' | 'silent' | 'early' = 'no';
  #rang = false;

  constructor(
    core: LegCore,
    parts: {
      readonly context: HostContext;
      readonly request: PlaceRequest;
      readonly onEarlyMedia: (leg: BridgeLeg) => void;
    },
  ) {
    this.core = core;
    this.#context = parts.context;
    this.#request = parts.request;
    this.#onEarlyMedia = parts.onEarlyMedia;
  }

  get canHear(): boolean {
    return this.core.isAnswered;
  }

  /** Binds the media and sends the INVITE. Never rejects: what goes wrong ends the leg. */
  async start(): Promise<void> {
    const destination = sipDestination(this.#context, this.#request);
    if (!destination.ok) {
      this.core.finish({ cause: 'unreachable', message: destination.problem, by: 'local' });
      return;
    }
    try {
      const room = await this.core.call.open();
      const media = await room.createSipLeg({ id: this.core.callSid });
      if (this.core.attach(media)) this.#invite(media, destination);
    } catch (error) {
      this.core.finish({ cause: 'internal-error', message: `no media: ${describeError(error)}`, by: 'local' });
    }
  }

  #invite(media: SipLegMedia, destination: SipDestination): void {
    const sdp = createSdpSession({ ...media.local, codecs: destination.codecs }, this.#context.random);
    const audio = new SipAudio(this.core, { media, sdp, signallingAddress: destination.signallingAddress });
    this.#audio = audio;
    const options: InviteOptions = {
      ...destination.invite,
      sdp: audio.createOffer(),
      timeoutMs: this.#request.timeoutMs,
    };
    this.#call = this.#context.userAgent.invite(options, {
      onProvisional: (event) => {
        this.#provisional(event);
      },
      onAnswered: ({ sdp: answer }) => {
        this.#answered(answer);
      },
      onFailed: (failure) => {
        this.#failed(failure);
      },
      onReinvite: (offer) => audio.reinvite(offer),
      onAcked: ({ sdp: answer, initial }) => {
        if (!initial) audio.reinviteAcked(answer);
      },
      onInfo: (info) => {
        audio.info(info);
      },
      onEnded: (end) => {
        this.core.finish(endOf(end, this.core));
      },
    });
  }

  ring(): void {
    // An outgoing leg is rung by its far end.
  }
  answer(): void {
    // An outgoing leg is answered by its far end.
  }
  openAudio(): void {
    // Before the answer the far end decides about early media, not we.
  }
  tell(): void {
    // There is no device behind a SIP leg.
  }

  end(request: EndRequest): void {
    if (this.core.isEnded) return;
    const { isAnswered } = this.core;
    // First, because the stack tells of its own BYE as an end too, at once.
    this.core.finish({ cause: request.cause, message: request.message, by: 'local' });
    if (isAnswered) this.#call?.bye(goodbye(request));
    else this.#call?.cancel(goodbye(request));
  }

  sendDigits(digits: string): void {
    if (this.#call !== undefined) dialDigits(this.core, digits, this.#call);
  }

  #provisional(event: Provisional): void {
    if (this.core.isEnded || this.core.isAnswered) return;
    this.#rang = true;
    const early = event.sdp !== undefined && this.#accept(event.sdp);
    const state = early ? 'early' : event.status === 180 ? 'silent' : 'no';
    if (state === 'no' || state === this.#ringing || this.#ringing === 'early') return;
    this.#ringing = state;
    if (early) this.#onEarlyMedia(this);
    this.core.post({ kind: 'leg-ringing', callSid: this.core.callSid, earlyMedia: early });
  }

  #answered(answer: string | undefined): void {
    if (this.core.isEnded) {
      // Our CANCEL crossed the 2xx (RFC 3261 section 9.1): the call exists and has to be ended.
      this.#call?.bye(goodbye({ cause: 'canceled', message: 'the call was given up' }));
      return;
    }
    const agreed = answer === undefined ? this.#audio?.isAgreed === true : this.#accept(answer);
    if (!agreed) {
      const message = 'the far end answered without a usable media description';
      this.core.finish({ cause: 'unreachable', message, by: 'local', sipStatus: 488 });
      this.#call?.bye(goodbye({ cause: 'unreachable', message }));
      return;
    }
    this.core.answered(this.#request.to);
  }

  #accept(answer: string): boolean {
    try {
      this.#audio?.acceptAnswer(answer);
      return true;
    } catch (error) {
      this.core.log.warn({ err: error }, `media description of the far end refused: ${describeError(error)}`);
      return false;
    }
  }

  #failed(failure: CallFailure): void {
    const sipStatus = failure.received ? { sipStatus: failure.status } : {};
    this.core.finish({
      cause: causeOfFailure(failure, this.#rang),
      message: failureMessage(failure, this.#rang),
      by: failure.received ? 'remote' : 'local',
      ...sipStatus,
    });
  }
}
