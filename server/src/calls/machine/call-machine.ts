import type { EndCause } from '@hookswitch/shared';
import type { Step } from '../../kernel/index.ts';
import type { EndRequest, LegEvent } from '../ports.ts';
import type { VerbStop } from '../verbs/verb.ts';
import {
  announce,
  endAnnouncementsOf,
  onAnnouncementEnded,
  onAnnouncementReady,
  stopAnnouncement,
} from './announcements.ts';
import { detectMachine, onAnsweredBy } from './answered-by.ts';
import type { CallEffect } from './call-effect.ts';
import type { CallInput, CallSettings, CallUpdate } from './call-input.ts';
import type { CallState } from './call-state.ts';
import { requestDocument } from './documents.ts';
import { Draft } from './draft.ts';
import {
  END_GUARD,
  END_GUARD_MS,
  beginInstructions,
  dropSidesOf,
  endCall,
  interrupt,
  onFetched,
  resumeAnswered,
  runDocument,
  stepVerb,
} from './interpreter.ts';
import { bookEnded, bookInitiated, bookLegEvent, bookRinging } from './leg-book.ts';
import { outlivesCaller, refuseRefer, takesRefer } from './refer.ts';
import { ThreadDraft, ownName, ownerOf, threadsOf } from './thread.ts';
import { forgetHeld, releaseHeld, resolveUrl } from './verb-effects.ts';

/**
 * One step of a call: the caller's leg, the legs dialled for it, and the instructions in progress. Pure: the same inputs
 * at the same times give the same states and effects. States and transitions: {@link Execution}.
 *
 * @param at monotonic milliseconds
 */
export function stepCall(state: CallState, input: CallInput, at: number): Step<CallState, CallEffect> {
  const draft = new Draft(state, at);
  apply(draft, input);
  const over = draft.state.main.execution.kind === 'ended' && living(draft).length === 0;
  if (over && !(state.main.execution.kind === 'ended' && living(new Draft(state, at)).length === 0)) {
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
      if (onAnnouncementReady(draft, input.promptId, input.result)) return;
      const owner = ownerOf(draft, input.promptId);
      if (owner !== undefined) stepVerb(owner.thread, { kind: 'prompt-ready', result: input.result });
      return;
    }
    case 'timer':
      onTimer(draft, input.name);
      return;
    case 'conference':
      if (input.callSid === draft.state.rootSid)
        stepVerb(new ThreadDraft(draft), { kind: 'conference', news: input.news });
      return;
    case 'queue':
      if (input.callSid === draft.state.rootSid) stepVerb(new ThreadDraft(draft), { kind: 'queue', news: input.news });
      return;
    case 'update':
      onUpdate(draft, input.callSid, input.change);
      return;
    case 'announce':
      announce(draft, input);
      return;
    case 'stop-announcement':
      stopAnnouncement(draft, input.callSid, input.announcementSid);
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
  beginInstructions(new ThreadDraft(draft));
}

function initiatedFacts(draft: Draft): object {
  return draft.state.origin;
}

function onLeg(draft: Draft, event: LegEvent): void {
  const leg = draft.leg(event.callSid);
  if (leg === undefined || leg.phase === 'ended') return;
  const main = new ThreadDraft(draft);
  const isRoot = event.callSid === draft.state.rootSid;
  if (event.kind === 'announcement-ended') {
    onAnnouncementEnded(draft, event);
    return;
  }
  if (event.kind === 'leg-ended') {
    dropSidesOf(draft, event.callSid);
    endAnnouncementsOf(draft, event.callSid);
  }
  if (isRoot && event.kind === 'leg-ended') {
    if (outlivesCaller(draft)) {
      // First the verb, which hands the call over: nothing is told of a leg after its end.
      stepVerb(main, { kind: 'leg', event });
      bookEnded(draft, leg, event);
    } else onRootEnded(draft, event);
    return;
  }
  if (event.kind === 'refer-requested' && !takesRefer(draft, leg)) {
    refuseRefer(draft, leg, event);
    return;
  }
  bookLegEvent(draft, leg, event);
  const waits = main.state.execution.kind === 'waiting';
  if (isRoot && event.kind === 'leg-answered' && waits) {
    if (!detectMachine(draft)) beginInstructions(main);
    return;
  }
  if (event.kind === 'machine-detected' && onAnsweredBy(draft, event)) {
    if (waits) beginInstructions(main);
    return;
  }
  for (const thread of threadsOf(draft)) if (thread.alive) tellThread(thread, event);
}

function tellThread(thread: ThreadDraft, event: LegEvent): void {
  const answered = event.kind === 'leg-answered' && event.callSid === thread.callSid;
  if (answered && thread.state.execution.kind === 'answering') resumeAnswered(thread);
  else tellVerb(thread, event);
}

/** A verb hears of its thread's leg and of the legs and playbacks of its own run, never of an earlier run's. */
function tellVerb(thread: ThreadDraft, event: LegEvent): void {
  const { execution } = thread.state;
  if (execution.kind !== 'verb') return;
  if (event.callSid !== thread.callSid && thread.draft.leg(event.callSid)?.run !== execution.run) return;
  if ('listenId' in event && ownName(execution.run, event.listenId) === undefined) return;
  if (event.kind === 'play-ended') {
    if (ownName(execution.run, event.playId) === undefined) return;
    forgetHeld(thread, event.playId);
  }
  stepVerb(thread, { kind: 'leg', event });
}

function onRootEnded(draft: Draft, event: Extract<LegEvent, { kind: 'leg-ended' }>): void {
  const stop = stopAfter(event);
  const main = new ThreadDraft(draft);
  interrupt(main, stop, () => {
    bookEnded(draft, draft.root, event);
  });
  main.execute({ kind: 'ended' });
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
  if (name === END_GUARD) {
    abandon(draft);
    return;
  }
  const owner = ownerOf(draft, name);
  if (owner === undefined) return;
  forgetHeld(owner.thread, name);
  stepVerb(owner.thread, { kind: 'timer', name: owner.name });
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
  new ThreadDraft(draft).execute({ kind: 'ended' });
}

/** Holds from the next failure, and the next step of the call, on. */
function changeSettings(draft: Draft, { fallback, statusCallback }: CallSettings): void {
  const { application } = draft.state;
  if (fallback !== undefined) draft.set({ application: { ...application, fallback: fallback ?? undefined } });
  if (statusCallback !== undefined) draft.changeLeg(draft.root, { statusCallback: statusCallback ?? undefined });
}

function onUpdate(draft: Draft, callSid: string, change: CallUpdate): void {
  const { rootSid } = draft.state;
  if (change.kind === 'settings') {
    changeSettings(draft, change);
    return;
  }
  const main = new ThreadDraft(draft);
  const { execution } = main.state;
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
  interrupt(main, { reason: 'updated', request: change.kind === 'end' ? change.request : elsewhere });
  main.set({ idleDocuments: 0 });
  if (change.kind === 'end') endCall(draft, change.request);
  else if (change.kind === 'twiml') runDocument(main, change.document);
  else {
    const { url, method } = change;
    requestDocument(main, { url: resolveUrl(url, main.state.program?.url) ?? url, method });
  }
}

/** After a fault: nothing of the verbs is asked any more. */
function endEverything(draft: Draft, request: EndRequest): void {
  const main = new ThreadDraft(draft);
  if (main.state.execution.kind === 'ended' && living(draft).length === 0) return;
  for (const thread of threadsOf(draft)) {
    const { execution, held } = thread.state;
    if (execution.kind === 'fetching') draft.push({ kind: 'abort-fetch', fetchId: execution.fetchId });
    // The legs end: their playbacks need not be stopped.
    thread.set({ held: { ...held, playbacks: [] } });
    releaseHeld(thread);
    thread.drop();
  }
  for (const callSid of living(draft).reverse()) draft.command({ do: 'end', callSid, request });
  if (main.state.execution.kind !== 'ended') main.execute({ kind: 'ending' });
  draft.push({ kind: 'start-timer', name: END_GUARD, delayMs: END_GUARD_MS });
}
