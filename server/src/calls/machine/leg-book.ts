import type { LegEvent } from '../ports.ts';
import type { Draft } from './draft.ts';
import type { LegState } from './call-state.ts';
import { finalStatus } from './outcome.ts';

/** Brings a leg's record up to date with what happened to it, and publishes it. Verbs are told afterwards. */
export function bookLegEvent(draft: Draft, leg: LegState, event: LegEvent): void {
  switch (event.kind) {
    case 'leg-ringing':
      bookRinging(draft, leg, event.earlyMedia);
      return;
    case 'leg-answered':
      bookAnswered(draft, leg, event);
      return;
    case 'leg-ended':
      bookEnded(draft, leg, event);
      return;
    case 'digit':
      draft.emit('call.digit', leg, { digit: event.digit });
      return;
    case 'merged':
      bookMerged(draft, leg, event.peerCallSid);
      return;
    case 'unmerged':
      bookUnmerged(draft, leg, event.peerCallSid);
      return;
    case 'one-way-audio':
      draft.emit('call.one-way-audio', leg, { silent: event.silent });
      return;
    case 'held':
      draft.emit('call.held', leg, {});
      return;
    case 'resumed':
      draft.emit('call.resumed', leg, {});
      return;
    case 'replaced':
      draft.emit('call.transferred', leg, {
        target: event.by,
        kind: 'attended',
        by: 'party',
        newCallSid: leg.callSid,
        ...(leg.peer === undefined ? {} : { otherCallSid: leg.peer }),
      });
      return;
    case 'play-ended':
    case 'announcement-ended':
    case 'stream-ended':
    case 'recording-started':
    case 'recording-ended':
    case 'speech-began':
    case 'speech-partial':
    case 'speech-ended':
    case 'machine-detected':
    case 'refer-requested':
    case 'referred':
      return;
  }
}

export function bookInitiated(draft: Draft, leg: LegState, facts: object = {}): void {
  draft.emit('call.initiated', leg, facts);
  draft.callback(leg.callSid, 'initiated');
}

export function bookRinging(draft: Draft, leg: LegState, earlyMedia: boolean): void {
  if (leg.phase === 'initiated') {
    draft.changeLeg(leg, { phase: 'ringing' });
    draft.emit('call.ringing', leg, {});
    draft.callback(leg.callSid, 'ringing');
  }
  if (earlyMedia && leg.phase !== 'answered') draft.emit('call.early-media', leg, {});
}

function bookAnswered(draft: Draft, leg: LegState, { sip }: Extract<LegEvent, { kind: 'leg-answered' }>): void {
  if (leg.phase === 'answered') return;
  draft.changeLeg(leg, { phase: 'answered', answeredAt: draft.at, sip });
  draft.emit('call.answered', leg, {});
  draft.callback(leg.callSid, 'answered');
}

/** Both sides report the merge; it is published once for each. */
function bookMerged(draft: Draft, leg: LegState, peerCallSid: string): void {
  const peer = draft.leg(peerCallSid);
  if (peer === undefined || peer.phase === 'ended' || leg.peer === peerCallSid) return;
  draft.changeLeg(leg, { peer: peerCallSid });
  draft.changeLeg(peer, { peer: leg.callSid });
  for (const side of rootFirst(leg, peer)) {
    const other = side === leg ? peer : leg;
    draft.emit('call.merged', side, { peerCallSid: other.callSid });
  }
}

function bookUnmerged(draft: Draft, leg: LegState, peerCallSid: string): void {
  const peer = draft.leg(peerCallSid);
  if (peer === undefined || leg.peer !== peerCallSid) return;
  draft.changeLeg(leg, { peer: undefined });
  draft.changeLeg(peer, { peer: undefined });
  for (const side of rootFirst(leg, peer)) {
    const other = side === leg ? peer : leg;
    if (side.phase !== 'ended') draft.emit('call.unmerged', side, { peerCallSid: other.callSid });
  }
}

function rootFirst(a: LegState, b: LegState): [LegState, LegState] {
  return a.run === 0 ? [a, b] : [b, a];
}

export function bookEnded(
  draft: Draft,
  leg: LegState,
  end: Pick<Extract<LegEvent, { kind: 'leg-ended' }>, 'cause' | 'message' | 'sipStatus' | 'sip' | 'returned'>,
): void {
  const { cause, message, sipStatus, returned } = end;
  const answeredAt = leg.answeredAt;
  const durationSeconds = answeredAt === undefined ? 0 : Math.round((draft.at - answeredAt) / 1000);
  const status = finalStatus(leg, cause);
  if (leg.peer !== undefined) {
    const peer = draft.leg(leg.peer);
    if (peer !== undefined) draft.changeLeg(peer, { peer: undefined });
  }
  draft.changeLeg(leg, {
    phase: 'ended',
    peer: undefined,
    sip: end.sip ?? leg.sip,
    outcome: { status, cause, message, sipStatus, durationSeconds, ...(returned === undefined ? {} : { returned }) },
  });
  const sip = sipStatus === undefined ? {} : { sipStatus };
  draft.emit('call.ended', leg, { status, cause, message, ...sip, durationSeconds });
  draft.callback(leg.callSid, 'completed');
}
