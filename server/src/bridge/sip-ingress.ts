import { sidFromHex } from '@hookswitch/shared';
import { describeError, randomHex } from '../kernel/index.ts';
import { createSdpSession, SdpError } from '../sip/index.ts';
import type { Authorization, IncomingCall, RequestFacts, UserAgentHandlers } from '../sip/index.ts';
import type { SipAdmission } from '../calls/ports.ts';
import { BridgeCall } from './bridge-call.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import { SipAudio } from './sip-audio.ts';
import { SipIncomingLeg } from './sip-incoming-leg.ts';

/** What authorization leaves for the call: whose it is. Undefined for requests that are no calls (OPTIONS). */
export type SipContext = Extract<SipAdmission, { admitted: true }> | undefined;

/** The way in for calls from the PSTN. `gate` says whether calls are taken now. */
export class SipIngress implements UserAgentHandlers<SipContext> {
  readonly #context: HostContext;
  readonly #gate: () => boolean;

  constructor(context: HostContext, gate: () => boolean) {
    this.#context = context;
    this.#gate = gate;
  }

  authorize(request: RequestFacts): Authorization<SipContext> {
    // OPTIONS is how load balancers and trunks see that we live: it tells nothing about any account.
    if (request.method !== 'INVITE') return { allow: true, context: undefined };
    if (!this.#gate()) return { allow: false, status: 503, reason: 'Service Unavailable' };
    const admission = this.#context.router.admitSip({
      sourceIp: request.source.address,
      calledUser: request.requestUri.user,
      callingUser: request.from.user,
    });
    if (admission.admitted) return { allow: true, context: admission };
    this.#context.log.warn(
      { source: request.source.address, called: request.requestUri.user, status: admission.sipStatus },
      `call refused: ${admission.reason}`,
    );
    return { allow: false, status: admission.sipStatus, reason: admission.reason };
  }

  onInvite(call: IncomingCall<SipContext>): void {
    const { context: admission } = call;
    if (admission === undefined) {
      call.reject(403);
      return;
    }
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
      onAcked: ({ sdp, initial }) => leg?.acked(sdp, initial),
      onReinvite: (offer) => audio?.reinvite(offer) ?? { status: 491 },
      onInfo: (info) => audio?.info(info),
    });
    void this.#open(call, admission).then((opened) => {
      if (opened === undefined) return;
      ({ leg, audio } = opened);
      if (gone) leg.cancelled(undefined);
      else this.#announce(call, admission, leg);
    });
  }

  /** Room, RTP ports and the answer to the offer. What goes wrong is answered here. Never rejects. */
  async #open(
    call: IncomingCall<SipContext>,
    admission: NonNullable<SipContext>,
  ): Promise<{ leg: SipIncomingLeg; audio: SipAudio } | undefined> {
    const context = this.#context;
    const callSid = sidFromHex('call', randomHex(context.random, 16));
    const bridgeCall = new BridgeCall(context, { callSid, accountSid: admission.accountSid });
    try {
      const room = await bridgeCall.open();
      const media = await room.createSipLeg({ id: callSid });
      const core = new LegCore(context, { callSid, call: bridgeCall, parentCallSid: undefined, dialled: false });
      const sdp = createSdpSession({ ...media.local, codecs: ['PCMU', 'PCMA'] }, context.random);
      const audio = new SipAudio(core, { media, sdp, signallingAddress: call.source.address });
      const answer = call.remoteOffer === undefined ? undefined : audio.answerOffer(call.remoteOffer);
      if (!this.#gate()) throw new Error('the server is shutting down');
      core.attach(media);
      bridgeCall.add(core);
      const leg = new SipIncomingLeg(core, { call, audio, answer });
      context.table.set(leg);
      return { leg, audio };
    } catch (error) {
      bridgeCall.abandon();
      const status = error instanceof SdpError ? error.status : 503;
      context.log.warn({ err: error, sipCallId: call.callId, status }, `call refused: ${describeError(error)}`);
      call.reject(status);
      return undefined;
    }
  }

  #announce(call: IncomingCall<SipContext>, admission: NonNullable<SipContext>, leg: SipIncomingLeg): void {
    const { accountSid, applicationSid, trunkSid, from, to } = admission;
    leg.core.log.info({ accountSid, from, to, sipCallId: call.callId }, 'incoming call');
    this.#context.router.incoming({
      callSid: leg.core.callSid,
      accountSid,
      applicationSid,
      from,
      to,
      origin: { kind: 'sip', trunkSid, sipCallId: call.callId, sourceIp: call.source.address },
      ...forwarding(call),
    });
  }
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
