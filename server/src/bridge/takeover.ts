import { describeError } from '../kernel/index.ts';
import { SdpError, createSdpSession } from '../sip/index.ts';
import type { IncomingCall } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg } from './leg.ts';
import { SipAudio } from './sip-audio.ts';
import { SipIncomingLeg } from './sip-incoming-leg.ts';
import type { SipContext } from './sip-ingress.ts';
import { offerRefusal, refusal } from './trunks/index.ts';
import type { Refusal, Trunk } from './trunks/index.ts';
import type { TransferRights } from './refer-target.ts';

/** A call that took the place of a leg's far end. */
export interface TakenOver {
  readonly leg: SipIncomingLeg;
  readonly audio: SipAudio;
}

/**
 * An INVITE with Replaces (RFC 3891): another peer of the same account takes the place of the far end of an answered leg,
 * which keeps its CallSid, its RTP port and its merge. The old dialog is ended by the stack with the answer. What cannot
 * be taken over is left as it is.
 */
export function takeOver(
  context: HostContext,
  call: IncomingCall<SipContext>,
  by: { readonly trunk: Trunk | undefined; readonly rights: TransferRights },
): TakenOver | { readonly refused: Refusal } {
  const { context: admission, replaces } = call;
  const source = call.source.address;
  const before = replaces?.dialogId === undefined ? undefined : context.table.ofDialog(replaces.dialogId);
  if (before === undefined || admission === undefined || before.core.call.accountSid !== admission.accountSid) {
    return { refused: refusal('takeover-unknown', `${source} asks for a call that its account does not have`) };
  }
  const { trunk, rights } = by;
  if (!rights.trusted) {
    const problem = `trunk '${trunk?.name ?? ''}' may not take over call ${before.core.callSid}`;
    return { refused: refusal('takeover-refused', problem) };
  }
  const { core } = before;
  const { media } = core;
  if (!core.isAnswered || media?.kind !== 'sip') {
    return { refused: refusal('takeover-early', `call ${core.callSid} cannot be taken over by ${source} now`) };
  }
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
  let answer: string | undefined;
  try {
    answer = call.remoteOffer === undefined ? undefined : audio.answerOffer(call.remoteOffer);
  } catch (error) {
    const problem = `the offer cannot be answered: ${describeError(error)}`;
    if (error instanceof SdpError) return { refused: offerRefusal(error.status, problem, error.warning) };
    return { refused: refusal('internal', problem) };
  }
  const leg = new SipIncomingLeg(core, { call, audio, answer, context, rights });
  replace(context, before, { leg, by: call.from.uri });
  leg.answer();
  return { leg, audio };
}

function replace(context: HostContext, before: BridgeLeg, now: { readonly leg: BridgeLeg; readonly by: string }): void {
  before.sip?.detach();
  context.table.set(now.leg);
  now.leg.core.farEndChanged(now.leg, now.by);
}
