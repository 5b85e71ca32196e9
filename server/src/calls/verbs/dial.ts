import type { CallFinalStatus, DialVerb } from '@hookswitch/shared';
import type { EndRequest, LegEvent } from '../ports.ts';
import type { Party } from './dial-targets.ts';
import { partiesOf } from './dial-targets.ts';
import type { Verb, VerbContext, VerbEffect, VerbStep } from './verb.ts';
import { proceed, running } from './verb.ts';

interface DialMemory {
  readonly dial: DialVerb;
  readonly parties: readonly Party[];
  /** Parties placed so far, a count: all at once, or one by one with `sequential`. */
  readonly placed: number;
  /** The party that answered first. */
  readonly winner: string | undefined;
  readonly merged: boolean;
  /** The caller, answered already, hears a ringing tone of ours. */
  readonly ringback: boolean;
}

const RINGBACK = 'ringback';
const RINGING_GUARD = 'ringing-guard';
const TIME_LIMIT = 'time-limit';
/** The bridge ends a leg at its timeout; this much later Dial does it itself. Milliseconds. */
const GUARD_MS = 5000;

const ANSWERED_BY_OTHER: EndRequest = { cause: 'canceled', message: 'another party answered first' };

/**
 *     start --> ringing --first answer--> joining --merged--> talking --party's leg ended--> done
 *                  |                         |
 *                  +--all parties ended------+--party's leg ended--> done
 *
 * The first `leg-answered` to be handled wins; a later one is ended like every party that still rings.
 */
export const dial: Verb<DialVerb, DialMemory> = {
  needsAnswer: (verb) => !verb.answerOnBridge,

  start(verb, context): VerbStep<DialMemory> {
    const { parties, warnings } = partiesOf(verb, context);
    const ringback = context.root.phase === 'answered';
    const memory: DialMemory = { dial: verb, parties, placed: 0, winner: undefined, merged: false, ringback };
    if (parties.length === 0) return finish(memory, context, warnings);
    const effects: VerbEffect[] = [...warnings, { kind: 'parked', targets: parties.map((party) => party.to) }];
    if (ringback) effects.push({ kind: 'play', name: RINGBACK, media: { kind: 'tone', tone: 'ringback' } });
    return place(memory, verb.sequential ? 1 : parties.length, effects);
  },

  step(memory, input, context): VerbStep<DialMemory> {
    if (input.kind === 'timer') return onTimer(memory, input.name, context);
    if (input.kind !== 'leg') return running(memory);
    return input.event.callSid === context.callSid
      ? onCaller(memory, input.event)
      : onParty(memory, input.event, context);
  },

  stop(memory, { reason, request }, context): VerbEffect[] {
    const effects = living(memory, context).map((callSid) => endLeg(callSid, request));
    const { dial: verb } = memory;
    const url = verb.action === undefined ? undefined : context.resolve(verb.action);
    if (reason === 'caller-hung-up' && url !== undefined) {
      const status = memory.winner === undefined ? 'canceled' : 'completed';
      effects.push({ kind: 'notify', request: { url, method: verb.method, params: report(memory, status, context) } });
    }
    return effects;
  },
};

function onCaller(memory: DialMemory, event: LegEvent): VerbStep<DialMemory> {
  if (event.kind === 'leg-answered' && memory.winner !== undefined) {
    return running(memory, { kind: 'merge', peerCallSid: memory.winner });
  }
  if (event.kind === 'merged') return running({ ...memory, merged: true });
  if (event.kind === 'digit' && event.digit === '*' && memory.dial.hangupOnStar && memory.winner !== undefined) {
    return running(memory, endLeg(memory.winner, { cause: 'hangup-caller', message: 'the caller pressed *' }));
  }
  return running(memory);
}

function onParty(memory: DialMemory, event: LegEvent, context: VerbContext): VerbStep<DialMemory> {
  if (event.kind === 'leg-answered') return answered(memory, event.callSid, context);
  if (event.kind === 'merged') return running({ ...memory, merged: true });
  if (event.kind !== 'leg-ended') return running(memory);
  if (memory.winner !== undefined) {
    return event.callSid === memory.winner ? finish(memory, context) : running(memory);
  }
  if (living(memory, context).length > 0) return running(memory);
  if (memory.placed < memory.parties.length) return place(memory, 1, []);
  return finish(memory, context);
}

function answered(memory: DialMemory, callSid: string, context: VerbContext): VerbStep<DialMemory> {
  if (memory.winner !== undefined) {
    return callSid === memory.winner ? running(memory) : running(memory, endLeg(callSid, ANSWERED_BY_OTHER));
  }
  const effects: VerbEffect[] = [{ kind: 'stop-timer', name: RINGING_GUARD }];
  for (const other of living(memory, context)) {
    if (other !== callSid) effects.push(endLeg(other, ANSWERED_BY_OTHER));
  }
  if (memory.ringback) effects.push({ kind: 'stop-play', name: RINGBACK });
  const target = memory.parties.find((party) => party.callSid === callSid)?.target;
  if (target?.kind === 'number' && target.sendDigits !== undefined) {
    effects.push({ kind: 'send-digits', callSid, digits: target.sendDigits });
  }
  effects.push(context.root.phase === 'answered' ? { kind: 'merge', peerCallSid: callSid } : { kind: 'answer' });
  effects.push({ kind: 'start-timer', name: TIME_LIMIT, delayMs: memory.dial.timeLimit * 1000 });
  return running({ ...memory, winner: callSid, ringback: false }, ...effects);
}

function onTimer(memory: DialMemory, name: string, context: VerbContext): VerbStep<DialMemory> {
  const request: EndRequest =
    name === TIME_LIMIT
      ? { cause: 'time-limit', message: `the time limit of ${memory.dial.timeLimit} s is over` }
      : { cause: 'no-answer', message: `nobody answered within ${memory.dial.timeout} s` };
  return running(memory, ...living(memory, context).map((callSid) => endLeg(callSid, request)));
}

function place(memory: DialMemory, count: number, before: readonly VerbEffect[]): VerbStep<DialMemory> {
  const timeoutMs = memory.dial.timeout * 1000;
  const next = memory.parties.slice(memory.placed, memory.placed + count);
  return running(
    { ...memory, placed: memory.placed + next.length },
    ...before,
    ...next.map((party) => ({ kind: 'place' as const, ...party, timeoutMs })),
    { kind: 'start-timer', name: RINGING_GUARD, delayMs: timeoutMs + GUARD_MS },
  );
}

/** Placed parties whose leg has not ended. */
function living(memory: DialMemory, context: VerbContext): string[] {
  return memory.parties
    .slice(0, memory.placed)
    .map((party) => party.callSid)
    .filter((callSid) => context.leg(callSid)?.phase !== 'ended');
}

function endLeg(callSid: string, request: EndRequest): VerbEffect {
  return { kind: 'end', callSid, request };
}

/**
 * The outcome of the whole Dial. Several parties that nobody answered: somebody let it ring -> no-answer, else somebody
 * refused -> busy, else failed.
 */
function outcomeOf(memory: DialMemory, context: VerbContext): CallFinalStatus {
  if (memory.winner !== undefined) return 'completed';
  const statuses = new Set(memory.parties.map((party) => context.leg(party.callSid)?.outcome?.status));
  for (const status of ['no-answer', 'busy', 'failed', 'canceled'] as const) if (statuses.has(status)) return status;
  return 'failed';
}

function report(memory: DialMemory, status: CallFinalStatus, context: VerbContext): Record<string, string> {
  const party = memory.parties.find((each) => each.callSid === memory.winner) ?? memory.parties[memory.placed - 1];
  const leg = party === undefined ? undefined : context.leg(party.callSid);
  const outcome = leg?.outcome;
  const params: Record<string, string> = { DialCallStatus: status, DialBridged: String(memory.merged) };
  if (party !== undefined) params['DialCallSid'] = party.callSid;
  if (memory.winner !== undefined) {
    const soFar = Math.round((context.at - (leg?.answeredAt ?? context.at)) / 1000);
    params['DialCallDuration'] = String(outcome?.durationSeconds ?? soFar);
  }
  if (party?.target.kind === 'sip' && outcome?.sipStatus !== undefined) {
    params['DialSipResponseCode'] = String(outcome.sipStatus);
  }
  return params;
}

const REFUSALS: Readonly<Record<CallFinalStatus, EndRequest>> = {
  completed: { cause: 'hangup-api', message: 'the dialled party hung up' },
  busy: { cause: 'busy', message: 'the dialled party is busy or rejected the call' },
  'no-answer': { cause: 'no-answer', message: 'the dialled party did not answer' },
  failed: { cause: 'unreachable', message: 'the dialled party could not be reached' },
  canceled: { cause: 'canceled', message: 'the dialled call was canceled' },
};

function finish(memory: DialMemory, context: VerbContext, effects: readonly VerbEffect[] = []): VerbStep<DialMemory> {
  const status = outcomeOf(memory, context);
  const ended = memory.winner === undefined ? undefined : context.leg(memory.winner)?.outcome;
  if (ended?.cause === 'media-worker-died') {
    // The caller's audio went through the same worker: there is nothing left to go on with.
    const request: EndRequest = { cause: ended.cause, message: ended.message };
    return { kind: 'done', outcome: 'failed', effects, next: { kind: 'end', request } };
  }
  const { action, method } = memory.dial;
  const url = action === undefined ? undefined : context.resolve(action);
  const next =
    url === undefined ? proceed : { kind: 'fetch' as const, url, method, params: report(memory, status, context) };
  return { kind: 'done', outcome: status, effects, next, refusal: REFUSALS[status] };
}
