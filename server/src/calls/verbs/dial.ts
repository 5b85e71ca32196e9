import type { CallFinalStatus, DialVerb } from '@hookswitch/shared';
import type { EndRequest, LegEvent } from '../ports.ts';
import { RINGBACK, endLeg, living, notifyAction, outcomeOf, report } from './dial-state.ts';
import type { DialMemory } from './dial-state.ts';
import { beginRecording, recordsFrom } from './dial-recording.ts';
import { partiesOf } from './dial-targets.ts';
import type { Party } from './dial-targets.ts';
import {
  TRANSFER_GUARD,
  dropTransfer,
  onInstructions,
  onTransferLeg,
  requestTransfer,
  transferorGone,
} from './dial-transfer.ts';
import type { TransferStep } from './dial-transfer.ts';
import type { SideOutcome, Verb, VerbContext, VerbEffect, VerbStep } from './verb.ts';
import { proceed, running } from './verb.ts';

const RINGING_GUARD = 'ringing-guard';
const TIME_LIMIT = 'time-limit';
const WHISPER = 'whisper';
/** What a party's own document may do before the merge. */
const WHISPERS = ['Play', 'Say', 'Pause', 'Gather', 'Redirect', 'Hangup'];
/** Numbers of legs beyond the first address of each party. */
const ALTERNATIVE = 100;
/** The bridge ends a leg at its timeout; this much later Dial does it itself. Milliseconds. */
const GUARD_MS = 5000;

const ANSWERED_BY_OTHER: EndRequest = { cause: 'canceled', message: 'another party answered first' };

/**
 *     start --> ringing --first answer--> joining --merged--> talking --party's leg ended--> done
 *                  |                         |
 *                  +--all parties ended------+--party's leg ended--> done
 *
 * The first `leg-answered` to be handled wins; a later one is ended like every party that still rings. Who talks may
 * transfer the other one: see {@link requestTransfer}.
 */
export const dial: Verb<DialVerb, DialMemory> = {
  needsAnswer: (verb) => !verb.answerOnBridge,

  start(verb, context): VerbStep<DialMemory> {
    const { parties, warnings } = partiesOf(verb, context);
    const ringback = context.root.phase === 'answered';
    const memory: DialMemory = {
      dial: verb,
      parties,
      placed: 0,
      winner: undefined,
      merged: false,
      ringback,
      recording: undefined,
      whispering: false,
      finishing: false,
      transfer: undefined,
      transferLegs: 0,
    };
    if (parties.length === 0) return finish(memory, context, warnings);
    const effects: VerbEffect[] = [...warnings, { kind: 'parked', targets: parties.map((party) => party.to) }];
    if (ringback) effects.push(ringingTone(verb));
    const rings = recordsFrom(verb) === 'ringing' && ringback ? record(memory, context) : { memory, effects: [] };
    return place(rings.memory, verb.sequential ? 1 : parties.length, [...effects, ...rings.effects]);
  },

  step(memory, input, context): VerbStep<DialMemory> {
    if (input.kind === 'timer') return onTimer(memory, input.name, context);
    if (input.kind === 'fetched') return settle(onInstructions(memory, input.result, context), context);
    if (input.kind === 'side-ended') return onWhispered(memory, input.outcome, context);
    if (input.kind !== 'leg') return running(memory);
    const { event } = input;
    if (event.kind === 'recording-ended') return onRecorded(memory, event, context);
    if (event.kind === 'machine-detected') return onMachine(memory, event, context);
    if (event.kind === 'refer-requested') return settle(requestTransfer(memory, event, context), context);
    const { transfer } = memory;
    if (transfer?.leg === event.callSid) return settle(onTransferLeg(memory, event, context), context);
    if (transfer?.by === event.callSid && event.kind === 'leg-ended') {
      return settle(transferorGone(memory, context), context);
    }
    return event.callSid === context.callSid ? onCaller(memory, event, context) : onParty(memory, event, context);
  },

  takesRefer: true,
  outlivesCaller: ({ transfer }) => transfer?.byCaller === true && !transfer.orphaned,

  stop(memory, { reason, request }, context): VerbEffect[] {
    const effects = [
      ...dropTransfer(memory, context),
      ...stopRecording(memory, context),
      ...living(memory, context)
        .filter((callSid) => callSid !== memory.transfer?.leg)
        .map((callSid) => endLeg(callSid, request)),
    ];
    return reason === 'caller-hung-up' ? [...effects, ...notifyAction(memory, context)] : effects;
  },
};

function settle({ memory, effects, then }: TransferStep, context: VerbContext): VerbStep<DialMemory> {
  if (then === 'go-on') return running(memory, ...effects);
  if (then === 'finish') return finish(memory, context, effects);
  return { kind: 'done', outcome: 'transferred', effects, next: { kind: 'run', result: then.run } };
}

function onCaller(memory: DialMemory, event: LegEvent, context: VerbContext): VerbStep<DialMemory> {
  if (event.kind === 'leg-answered' && memory.winner !== undefined) return join(memory, memory.winner, context);
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
    if (event.callSid !== memory.winner) return running(memory);
    return finish({ ...memory, transfer: undefined }, context, dropTransfer(memory, context));
  }
  const elsewhere = tryAlternative(memory, event.callSid, context);
  if (elsewhere !== undefined) return elsewhere;
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
  const party = memory.parties.find((each) => each.callSid === callSid);
  const target = party?.target;
  if (target?.kind === 'number' && target.sendDigits !== undefined) {
    effects.push({ kind: 'send-digits', callSid, digits: target.sendDigits });
  }
  if (party?.machine !== undefined) effects.push({ kind: 'detect-machine', callSid, options: party.machine.options });
  const won: DialMemory = { ...memory, winner: callSid };
  if (party?.whisper === undefined) return connect(won, callSid, context, effects);
  const whisper: VerbEffect = { kind: 'start-side', name: WHISPER, callSid, request: party.whisper, verbs: WHISPERS };
  return running({ ...won, whispering: true }, ...effects, whisper);
}

/** The party has heard its document: it says Hangup, or is merged. */
function onWhispered(memory: DialMemory, outcome: SideOutcome, context: VerbContext): VerbStep<DialMemory> {
  const { winner, whispering } = memory;
  if (!whispering || winner === undefined) return running(memory);
  if (outcome.kind === 'hang-up') return running(memory, endLeg(winner, outcome.request));
  return connect({ ...memory, whispering: false }, winner, context, []);
}

/** The caller's leg is answered if it is not, then both are merged. */
function connect(
  memory: DialMemory,
  callSid: string,
  context: VerbContext,
  before: readonly VerbEffect[],
): VerbStep<DialMemory> {
  const effects: VerbEffect[] = [...before];
  if (memory.ringback) effects.push({ kind: 'stop-play', name: RINGBACK });
  effects.push({ kind: 'start-timer', name: TIME_LIMIT, delayMs: memory.dial.timeLimit * 1000 });
  const next = { ...memory, ringback: false };
  if (context.root.phase !== 'answered') return running(next, ...effects, { kind: 'answer' });
  return join(next, callSid, context, effects);
}

function join(
  memory: DialMemory,
  callSid: string,
  context: VerbContext,
  before: readonly VerbEffect[] = [],
): VerbStep<DialMemory> {
  const wanted = recordsFrom(memory.dial) !== undefined && memory.recording === undefined;
  const recorded = wanted ? record(memory, context) : { memory, effects: [] };
  return running(recorded.memory, ...before, ...recorded.effects, { kind: 'merge', peerCallSid: callSid });
}

function record(memory: DialMemory, context: VerbContext): { memory: DialMemory; effects: VerbEffect[] } {
  const { recording, effect } = beginRecording(memory.dial, context);
  return { memory: { ...memory, recording }, effects: [effect] };
}

function stopRecording({ recording }: DialMemory, context: VerbContext): VerbEffect[] {
  if (recording?.state !== 'live') return [];
  return [{ kind: 'stop-recording', callSid: context.callSid, recordingSid: recording.recordingSid }];
}

function onRecorded(
  memory: DialMemory,
  event: Extract<LegEvent, { kind: 'recording-ended' }>,
  context: VerbContext,
): VerbStep<DialMemory> {
  if (event.recordingSid !== memory.recording?.recordingSid) return running(memory);
  const { durationMs } = event;
  const next: DialMemory = { ...memory, recording: { ...memory.recording, state: 'ended', durationMs } };
  return memory.finishing ? finish(next, context) : running(next);
}

function onMachine(
  memory: DialMemory,
  event: Extract<LegEvent, { kind: 'machine-detected' }>,
  context: VerbContext,
): VerbStep<DialMemory> {
  const { callSid, answeredBy, durationMs } = event;
  const callback = memory.parties.find((party) => party.callSid === callSid)?.machine?.callback;
  if (callback === undefined || context.leg(callSid)?.phase === 'ended') return running(memory);
  const params = { AnsweredBy: answeredBy, MachineDetectionDuration: String(Math.round(durationMs)) };
  return running(memory, { kind: 'notify', about: callSid, request: { ...callback, params } });
}

/** A party that was not reached at one of its addresses is called at the next. */
function tryAlternative(memory: DialMemory, callSid: string, context: VerbContext): VerbStep<DialMemory> | undefined {
  const at = memory.parties.findIndex((party) => party.callSid === callSid);
  const party = memory.parties[at];
  const [next, ...alternatives] = party?.alternatives ?? [];
  if (party === undefined || next === undefined) return undefined;
  const moved: Party = {
    ...party,
    ...next,
    alternatives,
    callSid: context.legSid(ALTERNATIVE * (at + 1) + alternatives.length),
  };
  const parties = memory.parties.with(at, moved);
  const timeoutMs = memory.dial.timeout * 1000;
  return running(
    { ...memory, parties },
    { kind: 'place', ...moved, timeoutMs },
    { kind: 'start-timer', name: RINGING_GUARD, delayMs: timeoutMs + GUARD_MS },
  );
}

function ringingTone({ ringTone }: DialVerb): VerbEffect {
  return { kind: 'play', name: RINGBACK, media: { kind: 'tone', tone: 'ringback', country: ringTone } };
}

function onTimer(memory: DialMemory, name: string, context: VerbContext): VerbStep<DialMemory> {
  if (name === TRANSFER_GUARD) {
    const request: EndRequest = { cause: 'no-answer', message: 'the target of the transfer did not answer in time' };
    const leg = memory.transfer?.leg;
    return leg === undefined ? running(memory) : running(memory, endLeg(leg, request));
  }
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

const REFUSALS: Readonly<Record<CallFinalStatus, EndRequest>> = {
  completed: { cause: 'hangup-api', message: 'the dialled party hung up' },
  busy: { cause: 'busy', message: 'the dialled party is busy or rejected the call' },
  'no-answer': { cause: 'no-answer', message: 'the dialled party did not answer' },
  failed: { cause: 'unreachable', message: 'the dialled party could not be reached' },
  canceled: { cause: 'canceled', message: 'the dialled call was canceled' },
};

function finish(memory: DialMemory, context: VerbContext, effects: readonly VerbEffect[] = []): VerbStep<DialMemory> {
  if (memory.recording?.state === 'live') {
    const recording = { ...memory.recording, state: 'stopping' as const };
    return running({ ...memory, recording, finishing: true }, ...effects, ...stopRecording(memory, context));
  }
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
