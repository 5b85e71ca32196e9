import type { EndRequest, PlaceRequest } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { SipLegMedia } from '../media/ports.ts';
import { createSdpSession } from '../sip/index.ts';
import type { CallFailure, HeaderField, InviteOptions, OutgoingCall, OutgoingCallListener } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore, SipPeer } from './leg.ts';
import { requestTransfer } from './refer-target.ts';
import type { TransferRights } from './refer-target.ts';
import { SipAudio } from './sip-audio.ts';
import { dialDigits, endOf, goodbye, sipFacts } from './sip-farewell.ts';
import { sipDestinations } from './sip-destination.ts';
import { causeOfFailure, failureMessage } from './sip-status.ts';
import type { GuardedCall } from './guards/index.ts';
import { ForkedCall } from './phones/index.ts';
import { OutgoingAttempts } from './trunks/index.ts';
import type { SipAttempt } from './trunks/index.ts';

/** What is known of a provisional response. */
type Provisional = Parameters<NonNullable<OutgoingCallListener['onProvisional']>>[0];

/** A call placed to a number through a trunk, or to a SIP URI. */
export class SipOutgoingLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #context: HostContext;
  readonly #request: PlaceRequest;
  /** Early media may be heard by the parent. */
  readonly #onEarlyMedia: (leg: BridgeLeg) => void;
  #attempts: OutgoingAttempts | undefined;
  #guarded: GuardedCall | undefined;
  #call: OutgoingCall | undefined;
  #audio: SipAudio | undefined;
  #ringing: 'no' | 'silent' | 'early' = 'no';
  #rang = false;
  /** Somebody else is at the far end of the leg now. */
  #detached = false;

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

  get sip(): SipPeer {
    return {
      control: this.#call,
      detach: () => {
        this.#detached = true;
      },
    };
  }

  get canHear(): boolean {
    return this.core.isAnswered;
  }

  /** Binds the media and sends the INVITE. Never rejects: what goes wrong ends the leg. */
  async start(): Promise<void> {
    const found = sipDestinations(this.#context, this.#request, divertedBy(this.core, this.#request));
    if (!found.ok) {
      const { cause = 'unreachable', problem, sipStatus } = found;
      const status = sipStatus === undefined ? {} : { sipStatus };
      this.core.finish({ cause, message: problem, by: 'local', ...status });
      return;
    }
    if (!this.#admit()) return;
    const { log } = this.core;
    const attempts = new OutgoingAttempts({ ...this.#attemptParts(), log, destinations: found.destinations });
    this.#attempts = attempts;
    this.core.defer(() => {
      attempts.close();
    });
    try {
      const room = await this.core.call.open();
      const media = await room.createSipLeg({ id: this.core.callSid });
      if (!this.core.attach(media)) return;
      const first = await attempts.next();
      if (this.core.isEnded) return;
      if (first !== undefined) this.#invite(media, first);
      else this.core.finish({ cause: 'unreachable', message: 'all channels of the trunk are in use', by: 'local' });
    } catch (error) {
      this.core.finish({ cause: 'internal-error', message: `no media: ${describeError(error)}`, by: 'local' });
    }
  }

  /** What costs money passes the guard of its account. False: it may not leave, and the leg is over. */
  #admit(): boolean {
    const { target, accountSid, callSid } = this.#request;
    const guard = this.#context.callGuard;
    const number = target.kind === 'number' ? target.number : this.#numberAtOwnGateway();
    if (guard === undefined || number === undefined) return true;
    const guarded = guard.admit({ accountSid, callSid, number });
    if ('ok' in guarded) {
      this.core.finish({ cause: 'unreachable', message: guarded.message, by: 'local', sipStatus: 403 });
      return false;
    }
    this.#guarded = guarded;
    this.core.defer(() => {
      guarded.end();
    });
    return true;
  }

  /** A SIP URI that leads to the account's own carrier costs what a call through its trunk does. */
  #numberAtOwnGateway(): string | undefined {
    const { target, accountSid } = this.#request;
    if (target.kind !== 'sip') return undefined;
    const gateway = this.#context.trunks.gatewayOf(accountSid, target.uri);
    return gateway.of === 'own' ? gateway.number : undefined;
  }

  #attemptParts(): Pick<ConstructorParameters<typeof OutgoingAttempts>[0], 'request' | 'trunks' | 'clock' | 'events'> {
    const { trunks, clock, events } = this.#context;
    return { request: this.#request, trunks, clock, events };
  }

  /** One attempt: after a failure the next destination is called under the same CallSid, with the same media. */
  #invite(media: SipLegMedia, destination: SipAttempt): void {
    const { codecs, srtp, signallingAddress } = destination;
    const sdp = createSdpSession({ ...media.local, codecs, srtp }, this.#context.random);
    const audio = new SipAudio(this.core, { media, sdp, signallingAddress });
    this.#audio = audio;
    const options: InviteOptions = {
      ...destination.invite,
      sdp: audio.createOffer(),
      ...destination.limits,
      ...hopsLeft(this.core),
    };
    const listener: OutgoingCallListener = {
      onProvisional: (event) => {
        this.#provisional(event);
      },
      onAnswered: ({ sdp: answer, headers }) => {
        this.#answered(answer, headers);
      },
      onFailed: (failure) => {
        void this.#failed(failure, media);
      },
      onReinvite: (offer) => audio.reinvite(offer),
      onAcked: ({ sdp: answer, initial }) => {
        if (!initial) audio.reinviteAcked(answer);
      },
      onOfferDropped: () => {
        audio.offerDropped();
      },
      onInfo: (info) => {
        audio.info(info);
      },
      onRefer: (refer) => {
        if (this.#detached) refer.reject(481);
        else requestTransfer(this.#context, this.core, refer, rightsOf(destination));
      },
      onEnded: (end) => {
        if (!this.#detached) this.core.finish(endOf(end, this.core));
      },
    };
    const { forks } = destination;
    this.#call =
      forks === undefined ? this.#context.userAgent.invite(options, listener) : this.#fork(options, forks, listener);
    const { callSid, parentCallSid, call } = this.core;
    const callIds = this.#call instanceof ForkedCall ? this.#call.callIds : [this.#call.callId];
    for (const sipCallId of callIds)
      this.#context.observer?.sipDialog({ callSid, parentCallSid, accountSid: call.accountSid, sipCallId });
  }

  /** Rings every phone of a user with one and the same offer. */
  #fork(options: InviteOptions, forks: readonly Partial<InviteOptions>[], listener: OutgoingCallListener): ForkedCall {
    const { userAgent } = this.#context;
    const calls = forks.map((fork) => ({ ...options, ...fork }));
    return new ForkedCall(userAgent, calls, {
      listener,
      onWinner: (index) => {
        this.#audio?.signalledFrom(forks[index]?.destination?.address);
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

  #answered(answer: string | undefined, headers: readonly HeaderField[] | undefined): void {
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
    this.#attempts?.answered();
    this.#guarded?.answered((message) => {
      this.end({ cause: 'time-limit', message });
    });
    this.core.answered(this.#request.to, sipFacts(this.#call, headers));
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

  /** Never rejects: who gives out channels says undefined when it cannot. */
  async #failed(failure: CallFailure, media: SipLegMedia): Promise<void> {
    const next = this.core.isEnded ? undefined : await this.#attempts?.failed(failure, this.#ringing === 'silent');
    if (next !== undefined && !this.core.isEnded) {
      // Early media of the gateway that failed is over: the next one's ringing counts anew.
      this.#ringing = 'no';
      this.#invite(media, next);
      return;
    }
    const sipStatus = failure.received ? { sipStatus: failure.status } : {};
    this.core.finish({
      cause: causeOfFailure(failure, this.#rang),
      message: failureMessage(failure, this.#rang),
      by: failure.received ? 'remote' : 'local',
      ...sipStatus,
      sip: sipFacts(this.#call, failure.headers),
    });
  }
}

function rightsOf({ forks, attempt }: SipAttempt): TransferRights {
  const ofTrunk = attempt !== undefined;
  return { trusted: ofTrunk ? attempt.trunk.transfers === 'allow' : forks !== undefined, ofTrunk };
}

/** RFC 3261 section 16.6 item 3, for calls that came in by SIP and go on: a loop through us comes to its end. */
function hopsLeft({ call }: LegCore): Pick<InviteOptions, 'maxForwards'> {
  const hops = call.incoming?.maxForwards;
  return hops === undefined ? {} : { maxForwards: hops - 1 };
}

/** Our number that forwards the call: it came in from outside, and goes on as from its caller. */
function divertedBy({ call }: LegCore, request: PlaceRequest): { readonly divertedBy?: string } {
  const { incoming } = call;
  return incoming === undefined || incoming.from !== request.from ? {} : { divertedBy: incoming.to };
}
