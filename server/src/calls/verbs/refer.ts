import type { ReferVerb } from '@hookswitch/shared';
import type { LegEvent, ReferOutcome } from '../ports.ts';
import type { TransferFacts, Verb, VerbContext, VerbEffect, VerbNext, VerbStep } from './verb.ts';
import { proceed, running } from './verb.ts';

interface ReferMemory {
  readonly verb: ReferVerb;
}

const LIMIT = 'limit';
/** The far end's call may ring that long. Milliseconds. */
const LIMIT_MS = 120_000;

/**
 * Asks the caller's SIP peer to call somebody else in our place, and waits for what it reports (NOTIFY). Afterwards the
 * action URL is asked, or the next verb runs; most peers hang up by themselves when it has worked.
 *
 *     start --outcome, or time--> done
 */
export const refer: Verb<ReferVerb, ReferMemory> = {
  needsAnswer: () => true,
  start: (verb, context) =>
    running(
      { verb },
      { kind: 'transfer-requested', callSid: context.callSid, facts: factsOf(verb), referredBy: undefined },
      { kind: 'refer', uri: verb.uri },
      { kind: 'start-timer', name: LIMIT, delayMs: LIMIT_MS },
    ),
  step(memory, input, context): VerbStep<ReferMemory> {
    if (input.kind === 'timer') return settled(memory, { kind: 'unknown' }, context);
    if (input.kind !== 'leg' || input.event.callSid !== context.callSid) return running(memory);
    return onLeg(memory, input.event, context);
  },
  stop({ verb }, { reason }, context) {
    // Its end is the peer's word that it has found another way, as far as it says anything at all.
    const next = reason === 'caller-hung-up' ? toAction(verb, { kind: 'unknown' }, context) : proceed;
    const { callSid } = context;
    const message = 'the call ended before the peer said what became of the transfer';
    const facts = factsOf(verb);
    const told: VerbEffect = { kind: 'transfer-failed', callSid, facts, sipStatus: undefined, message };
    if (next.kind !== 'fetch') return [told];
    const { url, method, params } = next;
    return [told, { kind: 'notify', request: { url, method, params } }];
  },
};

function onLeg(memory: ReferMemory, event: LegEvent, context: VerbContext): VerbStep<ReferMemory> {
  return event.kind === 'referred' ? settled(memory, event.outcome, context) : running(memory);
}

function settled({ verb }: ReferMemory, outcome: ReferOutcome, context: VerbContext): VerbStep<ReferMemory> {
  const { callSid } = context;
  const facts = factsOf(verb);
  const worked = isSuccess(outcome);
  const told: VerbEffect = worked
    ? { kind: 'transferred', callSid, facts, newCallSid: undefined }
    : { kind: 'transfer-failed', callSid, facts, sipStatus: statusOf(outcome), message: problemOf(outcome) };
  const next = toAction(verb, outcome, context);
  return { kind: 'done', outcome: worked ? 'transferred' : 'failed', effects: [told], next };
}

function toAction({ action, method }: ReferVerb, outcome: ReferOutcome, context: VerbContext): VerbNext {
  const url = action === undefined ? undefined : context.resolve(action);
  return url === undefined ? proceed : { kind: 'fetch', url, method, params: report(outcome) };
}

/** What the action URL is told. A peer that takes the REFER answers 202 (RFC 3515 section 2.4.2). */
function report(outcome: ReferOutcome): Record<string, string> {
  const ReferCallStatus = outcome.kind === 'unknown' ? 'in-progress' : isSuccess(outcome) ? 'completed' : 'failed';
  if (outcome.kind === 'refused') return { ReferCallStatus, ReferSipResponseCode: String(outcome.sipStatus) };
  const notified = outcome.kind === 'done' ? { NotifySipResponseCode: String(outcome.sipStatus) } : {};
  return { ReferCallStatus, ReferSipResponseCode: '202', ...notified };
}

function factsOf({ uri }: ReferVerb): TransferFacts {
  return { target: uri, kind: 'blind', by: 'application' };
}

function isSuccess(outcome: ReferOutcome): boolean {
  return outcome.kind === 'done' && outcome.sipStatus < 300;
}

function statusOf(outcome: ReferOutcome): number | undefined {
  return outcome.kind === 'unknown' ? undefined : outcome.sipStatus;
}

function problemOf(outcome: ReferOutcome): string {
  if (outcome.kind === 'unknown') return 'the peer never said what became of the transfer';
  if (outcome.kind === 'refused') return `the peer does not transfer the call: ${outcome.message}`;
  return `the call that the peer placed failed with ${String(outcome.sipStatus)}`;
}
