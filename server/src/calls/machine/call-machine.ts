import type { EndCause } from '@hookswitch/shared';
import type { Step } from '../../kernel/index.ts';
import type { EndRequest, LegEvent } from '../ports.ts';
import type { VerbStop } from '../verbs/verb.ts';
import type { CallEffect } from './call-effect.ts';
import type { CallInput, CallUpdate } from './call-input.ts';
import type { CallState } from './call-state.ts';
import { Draft } from './draft.ts';
import {
  END_GUARD,
  END_GUARD_MS,
  beginInstructions,
  endCall,
  interrupt,
  onFetched,
  requestDocument,
  resumeAnswered,
  runDocument,
  stepVerb,
} from './interpreter.ts';
import { bookEnded, bookInitiated, bookLegEvent, bookRinging } from './leg-book.ts';
import { forgetHeld, ownName, resolveUrl } from './verb-effects.ts';

/**
 * One step of a call: the caller's leg, the legs dialled for it, and the instructions in progress. Pure: the same inputs
 * at the same times give the same states and effects. States and transitions: {@link Execution}.
 *
 * @param at monotonic milliseconds
 */
export function stepCall(state: CallState, input: CallInput, at: number): Step<CallState, CallEffect> {
  const draft = new Draft(state, at);
  apply(draft, input);
  const over = draft.state.execution.kind === 'ended' && living(draft).length === 0;
  if (over && !(state.execution.kind === 'ended' && living(new Draft(state, at)).length === 0)) {
    draft.push({ kind: 'stop-timer', name: END_GUARD }, { kind: 'closed' });
  }
  return { state: draft.state, effects: draft.effects };
}

function apply(draft: Draft, input: CallInput): void {
  switch (input.kind) {
    case 'start-incoming':
      startIncoming(draft);
      return;
    case 'start-outgoing':
      bookInitiated(draft, draft.root, initiatedFacts(draft));
      draft.command({ do: 'place', request: input.place });
      return;
    case 'leg':
      onLeg(draft, input.event);
      return;
    case 'fetched':
      onFetched(draft, input.fetchId, input.response);
      return;
    case 'prompt-ready': {
      const { execution } = draft.state;
      if (execution.kind === 'verb' && ownName(execution.run, input.promptId) !== undefined) {
        stepVerb(draft, { kind: 'prompt-ready', result: input.result });
      }
      return;
    }
    case 'timer':
      onTimer(draft, input.name);
      return;
    case 'update':
      onUpdate(draft, input.callSid, input.change);
      return;
    case 'crash':
      endEverything(draft, { cause: 'internal-error', message: input.message });
      return;
  }
}

function startIncoming(draft: Draft): void {
  bookInitiated(draft, draft.root, initiatedFacts(draft));
  draft.command({ do: 'ring', callSid: draft.state.rootSid });
  bookRinging(draft, draft.root, false);
  beginInstructions(draft);
}

function initiatedFacts(draft: Draft): object {
  const { application, origin } = draft.state;
  const { applicationSid } = application;
  return { ...(applicationSid === undefined ? {} : { applicationSid }), ...origin };
}

function onLeg(draft: Draft, event: LegEvent): void {
  const leg = draft.leg(event.callSid);
  if (leg === undefined || leg.phase === 'ended') return;
  const isRoot = event.callSid === draft.state.rootSid;
  if (isRoot && event.kind === 'leg-ended') {
    onRootEnded(draft, event);
    return;
  }
  bookLegEvent(draft, leg, event);
  if (isRoot && event.kind === 'leg-answered') {
    if (draft.state.execution.kind === 'waiting') beginInstructions(draft);
    else if (draft.state.execution.kind === 'answering') resumeAnswered(draft);
    else tellVerb(draft, event);
    return;
  }
  tellVerb(draft, event);
}

/** A verb hears of the caller's leg and of the legs and playbacks of its own run, never of an earlier run's. */
function tellVerb(draft: Draft, event: LegEvent): void {
  const { execution, rootSid } = draft.state;
  if (execution.kind !== 'verb') return;
  if (event.callSid !== rootSid && draft.leg(event.callSid)?.run !== execution.run) return;
  if (event.kind === 'play-ended') {
    if (ownName(execution.run, event.playId) === undefined) return;
    forgetHeld(draft, event.playId);
  }
  stepVerb(draft, { kind: 'leg', event });
}

function onRootEnded(draft: Draft, event: Extract<LegEvent, { kind: 'leg-ended' }>): void {
  const stop = stopAfter(event);
  interrupt(draft, stop, () => {
    bookEnded(draft, draft.root, event);
  });
  draft.execute({ kind: 'ended' });
  // What no verb ended: parties that lost the race and have not reported back.
  for (const callSid of living(draft)) {
    const ended = draft.effects.some(
      (effect) => effect.kind === 'leg' && effect.command.do === 'end' && effect.command.callSid === callSid,
    );
    if (!ended) {
      draft.command({ do: 'end', callSid, request: stop.request });
    }
  }
  if (living(draft).length > 0) draft.push({ kind: 'start-timer', name: END_GUARD, delayMs: END_GUARD_MS });
}

/** A fault that ended the caller's leg ends the others in the same words. */
function stopAfter({ cause, message }: { cause: EndCause; message: string }): VerbStop {
  if (cause === 'media-worker-died' || cause === 'shutdown' || cause === 'internal-error') {
    return { reason: 'failed', request: { cause, message } };
  }
  return { reason: 'caller-hung-up', request: { cause: 'hangup-caller', message: 'the caller hung up' } };
}

function living(draft: Draft): string[] {
  return [...draft.state.legs.values()].filter((leg) => leg.phase !== 'ended').map((leg) => leg.callSid);
}

function onTimer(draft: Draft, name: string): void {
  const { execution } = draft.state;
  if (name === END_GUARD) {
    abandon(draft);
    return;
  }
  if (execution.kind !== 'verb') return;
  const own = ownName(execution.run, name);
  if (own === undefined) return;
  forgetHeld(draft, name);
  stepVerb(draft, { kind: 'timer', name: own });
}

/** Legs that were told to end and never reported back: their records are closed without them. */
function abandon(draft: Draft): void {
  const lost = living(draft);
  draft.push({
    kind: 'log',
    level: 'error',
    fields: { legs: lost },
    message:
      'legs did not report their end in time; their records were closed. This is a fault of the bridge: report it',
  });
  for (const callSid of lost) {
    const leg = draft.leg(callSid);
    if (leg !== undefined)
      bookEnded(draft, leg, { cause: 'internal-error', message: 'the leg did not report its end' });
  }
  draft.execute({ kind: 'ended' });
}

function onUpdate(draft: Draft, callSid: string, change: CallUpdate): void {
  const { execution, rootSid } = draft.state;
  if (execution.kind === 'ending' || execution.kind === 'ended') return;
  if (callSid !== rootSid) {
    // A dialled leg runs no instructions of its own; ending it is all that can be asked of it.
    if (change.kind === 'end' && draft.leg(callSid)?.phase !== 'ended') {
      draft.command({ do: 'end', callSid, request: change.request });
    }
    return;
  }
  if (execution.kind === 'waiting' && change.kind !== 'end') {
    const { application } = draft.state;
    if (change.kind === 'twiml') draft.set({ document: change.document });
    else draft.set({ document: undefined, application: { ...application, voice: change } });
    return;
  }
  const elsewhere: EndRequest = { cause: 'canceled', message: 'the caller was sent elsewhere' };
  interrupt(draft, { reason: 'updated', request: change.kind === 'end' ? change.request : elsewhere });
  draft.set({ idleDocuments: 0 });
  if (change.kind === 'end') endCall(draft, change.request);
  else if (change.kind === 'twiml') runDocument(draft, change.document);
  else
    requestDocument(draft, {
      url: resolveUrl(change.url, draft.state.program?.url) ?? change.url,
      method: change.method,
    });
}

/** After a fault: nothing of the verb is asked any more. */
function endEverything(draft: Draft, request: EndRequest): void {
  const { execution } = draft.state;
  if (execution.kind === 'ended' && living(draft).length === 0) return;
  if (execution.kind === 'fetching') draft.push({ kind: 'abort-fetch', fetchId: execution.fetchId });
  for (const name of draft.state.held.timers) draft.push({ kind: 'stop-timer', name });
  draft.set({ held: { timers: [], playbacks: [] } });
  for (const callSid of living(draft).reverse()) draft.command({ do: 'end', callSid, request });
  if (execution.kind !== 'ended') draft.execute({ kind: 'ending' });
  draft.push({ kind: 'start-timer', name: END_GUARD, delayMs: END_GUARD_MS });
}
