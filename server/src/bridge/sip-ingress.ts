import { sidFromHex } from '@hookswitch/shared';
import { describeError, randomHex } from '../kernel/index.ts';
import { createSdpSession, SdpError } from '../sip/index.ts';
import type { Authorization, IncomingCall, OutOfDialogRequest, RequestFacts, UserAgentHandlers } from '../sip/index.ts';
import type { SipAdmission } from '../calls/ports.ts';
import { BridgeCall } from './bridge-call.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import { SipAudio } from './sip-audio.ts';
import { SipIncomingLeg } from './sip-incoming-leg.ts';
import { takeOver } from './takeover.ts';
import type { TransferRights } from './refer-target.ts';
import { reportRefusal } from './refusal-report.ts';
import type { RefusedCall } from './refusal-report.ts';
import { offerRefusal, reasonField, refusal } from './trunks/index.ts';
import type { ChannelLease, IngressPolicy, Refusal, Trunk } from './trunks/index.ts';

/** What authorization leaves for the call: whose it is. Undefined for requests that are no calls (OPTIONS). */
export type SipContext = Extract<SipAdmission, { admitted: true }> | undefined;

/** The way in for calls from the PSTN. */
export class SipIngress implements UserAgentHandlers<SipContext> {
  readonly #context: HostContext;
  readonly #gate: () => boolean;
  readonly #policy: IngressPolicy;

  /** @param parts.gate says whether calls are taken now */
  constructor(context: HostContext, parts: { readonly gate: () => boolean; readonly policy: IngressPolicy }) {
    this.#context = context;
    this.#gate = parts.gate;
    this.#policy = parts.policy;
  }

  authorize(request: RequestFacts): Authorization<SipContext> {
    // OPTIONS is how load balancers and trunks see that we live: it tells nothing about any account.
    if (request.method !== 'INVITE') {
      return this.#policy.ignores(request) ? { allow: false, silent: true } : { allow: true, context: undefined };
    }
    const decision = this.#policy.decide(request);
    switch (decision.kind) {
      case 'admit':
        return { allow: true, context: decision.admission, ...(decision.keepFlow === true ? { keepFlow: true } : {}) };
      case 'challenge':
        return refused(decision.refusal);
      case 'refuse':
        reportRefusal(this.#context, request, decision.refusal, decision.facts);
        return refused(decision.refusal);
      case 'silent':
        this.#context.trunks.metrics.refused.inc({ reason: decision.why });
        if (decision.report !== undefined) {
          this.#context.log.warn({ source: request.source.address, reason: decision.why }, decision.report);
        }
        return { allow: false, silent: true };
    }
  }

  onRequest(request: OutOfDialogRequest<SipContext>): boolean {
    return this.#context.phones?.handle(request) ?? false;
  }

  onInvite(call: IncomingCall<SipContext>): void {
    const { context: admission } = call;
    if (admission === undefined) {
      this.#refuse(call, refusal('internal', 'a call came without its admission'));
      return;
    }
    const trunk = this.#trunkOf(admission);
    let leg: SipIncomingLeg | undefined;
    let gone = false;
    let audio: SipAudio | undefined;
    // Set before anything is awaited, so that an early CANCEL is not missed.
    call.listen({
      onCancelled: (reason) => {
        gone = true;
        leg?.cancelled(reason);
      },
      onEnded: (end) => {
        gone = true;
        leg?.ended(end);
      },
      onProgressed: ({ sdp }) => leg?.progressed(sdp),
      onAcked: ({ sdp, initial }) => leg?.acked(sdp, initial),
      onOfferDropped: () => audio?.offerDropped(),
      onReinvite: (offer) => audio?.reinvite(offer) ?? { status: 491 },
      onInfo: (info) => audio?.info(info),
      onRefer: (refer) => {
        if (leg === undefined) refer.reject(480);
        else leg.referred(refer);
      },
    });
    void this.#channelFor(call, admission, trunk).then(async (lease) => {
      if (lease === undefined) return;
      const opened = gone ? undefined : await this.#open(call, admission, trunk);
      if (opened === undefined) {
        lease.release();
        return;
      }
      ({ leg, audio } = opened);
      leg.core.defer(() => {
        lease.release();
      });
      if (gone) leg.cancelled(undefined);
      else this.#announce(call, admission, leg);
    });
  }

  #trunkOf(admission: SipContext): Trunk | undefined {
    if (admission?.trunkSid === undefined) return undefined;
    return this.#context.trunks.trunk(admission.accountSid, admission.trunkSid);
  }

  /** Undefined: there is none, and the caller was told. Never rejects. */
  async #channelFor(
    call: IncomingCall<SipContext>,
    admission: SipContext,
    trunk: Trunk | undefined,
  ): Promise<ChannelLease | undefined> {
    if (trunk === undefined) return FREE;
    const lease = await this.#context.trunks.acquire(trunk, {
      accountSid: admission?.accountSid ?? trunk.accountSid,
      direction: 'in',
    });
    if (lease !== undefined) return lease;
    this.#refuse(call, refusal('channels-full', `all channels of trunk '${trunk.name}' are in use`), admission);
    return undefined;
  }

  onReplaces(call: IncomingCall<SipContext>): void {
    const { context: admission } = call;
    const trunk = this.#trunkOf(admission);
    let gone = false;
    const give = (): void => {
      gone = true;
    };
    call.listen({ onCancelled: give, onEnded: give });
    void this.#channelFor(call, admission, trunk).then((lease) => {
      if (lease === undefined) return;
      if (gone) lease.release();
      else this.#takeOver(call, { trunk, lease });
    });
  }

  #takeOver(
    call: IncomingCall<SipContext>,
    { trunk, lease }: { readonly trunk: Trunk | undefined; readonly lease: ChannelLease },
  ): void {
    const { context: admission } = call;
    const taken = takeOver(this.#context, call, { trunk, rights: rightsOf(admission, trunk) });
    if ('refused' in taken) {
      lease.release();
      this.#refuse(call, taken.refused, admission);
      return;
    }
    const { leg, audio } = taken;
    leg.core.defer(() => {
      lease.release();
    });
    const { callSid, parentCallSid } = leg.core;
    const { accountSid } = leg.core.call;
    this.#context.observer?.sipDialog({ callSid, parentCallSid, accountSid, sipCallId: call.callId });
    call.listen({
      onCancelled: (reason) => {
        leg.cancelled(reason);
      },
      onEnded: (end) => {
        leg.ended(end);
      },
      onAcked: ({ sdp, initial }) => {
        leg.acked(sdp, initial);
      },
      onOfferDropped: () => {
        audio.offerDropped();
      },
      onReinvite: (offer) => audio.reinvite(offer),
      onInfo: (info) => {
        audio.info(info);
      },
      onRefer: (refer) => {
        leg.referred(refer);
      },
    });
  }

  /** Room, RTP ports and the answer to the offer. What goes wrong is answered here. Never rejects. */
  async #open(
    call: IncomingCall<SipContext>,
    admission: NonNullable<SipContext>,
    trunk: Trunk | undefined,
  ): Promise<{ leg: SipIncomingLeg; audio: SipAudio } | undefined> {
    const context = this.#context;
    const callSid = sidFromHex('call', randomHex(context.random, 16));
    const { accountSid, applicationSid } = admission;
    const bridgeCall = new BridgeCall(context, { callSid, accountSid, applicationSid });
    bridgeCall.incoming = { from: admission.from, to: admission.to, maxForwards: call.maxForwards };
    try {
      const room = await bridgeCall.open();
      const media = await room.createSipLeg({ id: callSid });
      const core = new LegCore(context, { callSid, call: bridgeCall, parentCallSid: undefined, dialled: false });
      const sdp = createSdpSession(
        { ...media.local, codecs: trunk?.codecs ?? ['PCMU', 'PCMA'], srtp: trunk?.srtp ?? 'off' },
        context.random,
      );
      const audio = new SipAudio(core, {
        media,
        sdp,
        signallingAddress: call.source.address,
        isSignallingSecret: call.source.protocol === 'tls',
      });
      const answer = call.remoteOffer === undefined ? undefined : audio.answerOffer(call.remoteOffer);
      if (!this.#gate()) throw new Error('the server is shutting down');
      core.attach(media);
      bridgeCall.add(core);
      const leg = new SipIncomingLeg(core, { context, call, audio, answer, rights: rightsOf(admission, trunk) });
      context.table.set(leg);
      return { leg, audio };
    } catch (error) {
      bridgeCall.abandon();
      this.#refuse(call, this.#whyNotOpened(error), { ...admission, callSid });
      return undefined;
    }
  }

  #whyNotOpened(error: unknown): Refusal {
    if (error instanceof SdpError) {
      return offerRefusal(error.status, `the offer cannot be answered: ${error.message}`, error.warning);
    }
    if (!this.#gate()) return refusal('shutting-down', 'the server stops');
    return refusal('no-media', `no media for the call: ${describeError(error)}`);
  }

  #refuse(call: IncomingCall<SipContext>, why: Refusal, whose?: RefusedCall): void {
    reportRefusal(this.#context, call, why, whose ?? { from: call.from.user, to: call.requestUri.user });
    const { status, text, headers, reason } = why;
    call.reject(status, { reason: text, headers, sipReason: reason });
  }

  #announce(call: IncomingCall<SipContext>, admission: NonNullable<SipContext>, leg: SipIncomingLeg): void {
    const { accountSid, applicationSid, trunkSid, from, to, domain } = admission;
    leg.core.log.info({ accountSid, from, to, sipCallId: call.callId }, 'incoming call');
    const { callSid } = leg.core;
    this.#context.observer?.sipDialog({ callSid, parentCallSid: undefined, accountSid, sipCallId: call.callId });
    this.#context.router.incoming({
      callSid,
      accountSid,
      applicationSid,
      from,
      to,
      origin: {
        kind: 'sip',
        ...(trunkSid === undefined ? {} : { trunkSid }),
        sipCallId: call.callId,
        sourceIp: call.source.address,
        callerName: callerNameOf(call),
        stirVerstat: trunkSid === undefined ? undefined : verstatOf(call),
        domain,
      },
      ...forwarding(call),
    });
  }
}

/** A phone of the account may transfer within the account; a carrier where its trunk says so. */
function rightsOf(admission: SipContext, trunk: Trunk | undefined): TransferRights {
  const ofTrunk = admission?.trunkSid !== undefined;
  return { trusted: ofTrunk ? trunk?.transfers === 'allow' : admission !== undefined, ofTrunk };
}

/** Longest display name that is handed on, characters. */
const MAX_NAME_LENGTH = 256;

function callerNameOf({ from: { displayName } }: RequestFacts): string | undefined {
  return displayName === '' || displayName.length > MAX_NAME_LENGTH ? undefined : displayName;
}

/**
 * What a carrier found out about the caller's number: `verstat` of P-Asserted-Identity or From (3GPP TS 24.229 section
 * 7.2A.20), with the attestation where there is one.
 */
function verstatOf(call: RequestFacts): string | undefined {
  const where = `${call.header('P-Asserted-Identity') ?? ''} ${call.header('From') ?? ''}`;
  const verstat = /;verstat=([A-Za-z0-9-]{1,64})/.exec(where)?.[1];
  const level = /^[ABC]$/.exec(call.header('P-Attestation-Indicator')?.trim() ?? '')?.[0];
  if (verstat === undefined) return undefined;
  return level === undefined || /-[ABC]$/.test(verstat) ? verstat : `${verstat}-${level}`;
}

/** For calls of no trunk: there is nothing to count. */
const FREE: ChannelLease = { release: () => undefined };

/** A refusal as the stack's verdict. */
function refused({ status, text, headers, reason }: Refusal): Authorization<never> {
  return { allow: false, status, reason: text, headers: [...headers, reasonField(reason)] };
}

/** Most X- headers that are handed on, and the most characters of one. */
const MAX_HEADERS = 20;
const MAX_HEADER_LENGTH = 1024;

/** Who forwarded the call (RFC 5806, RFC 7044), and the caller's own headers. */
function forwarding(call: RequestFacts): { forwardedFrom?: string; sipHeaders?: Record<string, string> } {
  const diversion = call.header('Diversion') ?? call.header('History-Info');
  const forwardedFrom = /(?:sips?|tel):([^@;>,\s]{1,128})/.exec(diversion ?? '')?.[1];
  const own = call
    .headers()
    .filter(({ name, value }) => /^x-[\w-]{1,100}$/i.test(name) && value.length <= MAX_HEADER_LENGTH)
    .slice(0, MAX_HEADERS);
  return {
    ...(forwardedFrom === undefined ? {} : { forwardedFrom }),
    ...(own.length === 0 ? {} : { sipHeaders: Object.fromEntries(own.map(({ name, value }) => [name, value])) }),
  };
}
