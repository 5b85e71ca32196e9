import { createHash } from 'node:crypto';
import { sidFromHex } from '@hookswitch/shared';
import { newLeg } from './call-state.ts';
import type { Execution, Held } from './call-state.ts';
import { bookInitiated } from './leg-book.ts';
import { legInstructionParams, publicUrl } from './params.ts';
import { runName } from './thread.ts';
import type { ThreadDraft } from './thread.ts';
import type { VerbContext, VerbEffect } from '../verbs/verb.ts';

export type VerbExecution = Extract<Execution, { kind: 'verb' }>;

export function verbContext(thread: ThreadDraft, run: number): VerbContext {
  const { draft } = thread;
  const { seed, accountSid } = draft.state;
  const { refusal, program } = thread.state;
  return {
    at: draft.at,
    accountSid,
    callSid: thread.callSid,
    root: thread.leg,
    refusal,
    leg: (callSid) => draft.leg(callSid),
    legSid: (n) => sidFromHex('call', digestOf(`${seed}/${run}/${n}`)),
    recordingSid: (n) => sidFromHex('recording', digestOf(`${seed}/recording/${run}/${n}`)),
    streamSid: (n) => sidFromHex('stream', digestOf(`${seed}/stream/${run}/${n}`)),
    transcriptionSid: (n) => sidFromHex('realtimeTranscription', digestOf(`${seed}/transcription/${run}/${n}`)),
    recordingUrl: (recordingSid) => `${draft.state.recordingsUrl}${recordingSid}`,
    resolve: (reference) => resolveUrl(reference, program?.url),
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** An absolute http(s) address; the base's fragment, which holds request options, is not inherited. */
export function resolveUrl(reference: string, base: string | undefined): string | undefined {
  if (reference === '' && base !== undefined) return base;
  try {
    const url = base === undefined ? new URL(reference) : new URL(reference, base);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** What the interpreter does itself: it runs the documents. */
export type SideEffect = Extract<VerbEffect, { readonly kind: 'start-side' | 'stop-side' }>;

/** Turns what a verb asks for into effects and changes of the call, and remembers what has to be stopped with it. */
export function applyVerbEffect(thread: ThreadDraft, run: number, effect: Exclude<VerbEffect, SideEffect>): void {
  const { callSid, draft } = thread;
  switch (effect.kind) {
    case 'answer':
      draft.command({ do: 'answer', callSid });
      return;
    case 'play': {
      const playId = runName(run, effect.name);
      remember(thread, { playbacks: [...held(thread).playbacks.filter((id) => id !== playId), playId] });
      draft.command({ do: 'play', callSid, playId, media: effect.media });
      return;
    }
    case 'stop-play': {
      const playId = runName(run, effect.name);
      remember(thread, { playbacks: held(thread).playbacks.filter((id) => id !== playId) });
      draft.command({ do: 'stop-play', callSid, playId });
      return;
    }
    case 'start-timer': {
      const name = runName(run, effect.name);
      remember(thread, { timers: [...held(thread).timers.filter((timer) => timer !== name), name] });
      draft.push({ kind: 'start-timer', name, delayMs: effect.delayMs });
      return;
    }
    case 'stop-timer': {
      const name = runName(run, effect.name);
      remember(thread, { timers: held(thread).timers.filter((timer) => timer !== name) });
      draft.push({ kind: 'stop-timer', name });
      return;
    }
    case 'prompt':
      draft.push({ kind: 'prompt', promptId: runName(run, 'prompt'), request: effect.request });
      return;
    case 'place':
      placeLeg(thread, run, effect);
      return;
    case 'end':
      if (draft.leg(effect.callSid)?.phase !== 'ended') {
        draft.command({ do: 'end', callSid: effect.callSid, request: effect.request });
      }
      return;
    case 'merge':
      draft.command({ do: 'merge', callSid, peerCallSid: effect.peerCallSid });
      return;
    case 'send-digits':
      draft.command({ do: 'send-digits', callSid: effect.callSid, digits: effect.digits });
      return;
    case 'record':
    case 'stop-recording':
    case 'listen':
    case 'stop-listen':
    case 'detect-machine':
    case 'stream':
    case 'stop-stream':
    case 'transcribe':
    case 'stop-transcription':
    case 'stop-started-recordings':
      applyAudioEffect(thread, run, effect);
      return;
    case 'parked':
      draft.emit('call.parked', thread.leg, { targets: [...effect.targets] });
      return;
    case 'warning':
      thread.warn(effect.code, effect.message);
      return;
    case 'conference': {
      const callStatus = thread.leg.outcome?.status ?? 'in-progress';
      draft.push({ kind: 'conference', callSid, command: effect.command, callStatus });
      return;
    }
    case 'queue':
      draft.push({ kind: 'queue', callSid, wish: effect.wish });
      return;
    case 'notify':
      notify(thread, effect);
      return;
    default:
      applyTransferEffect(thread, run, effect);
  }
}

type AudioEffect = Extract<
  VerbEffect,
  {
    readonly kind:
      | 'record'
      | 'stop-recording'
      | 'stop-started-recordings'
      | 'listen'
      | 'stop-listen'
      | 'detect-machine'
      | 'stream'
      | 'stop-stream'
      | 'transcribe'
      | 'stop-transcription';
  }
>;

function applyAudioEffect({ draft, callSid }: ThreadDraft, run: number, effect: AudioEffect): void {
  switch (effect.kind) {
    case 'record':
      draft.command({ do: 'record', callSid: effect.callSid, order: effect.order });
      return;
    case 'stop-recording':
      draft.command({ do: 'stop-recording', callSid: effect.callSid, recordingSid: effect.recordingSid });
      return;
    case 'listen':
      draft.command({ do: 'listen', callSid, listenId: runName(run, effect.name), options: effect.options });
      return;
    case 'stop-listen':
      draft.command({ do: 'stop-listening', callSid, listenId: runName(run, effect.name) });
      return;
    case 'stream':
      draft.command({ do: 'start-stream', callSid, order: effect.order });
      return;
    case 'stop-stream':
      draft.command({ do: 'stop-stream', callSid, which: effect.which });
      return;
    case 'transcribe':
      draft.command({ do: 'start-transcription', callSid, order: effect.order });
      return;
    case 'stop-transcription':
      draft.command({ do: 'stop-transcription', callSid, which: effect.which });
      return;
    case 'stop-started-recordings':
      draft.command({ do: 'stop-started-recordings', callSid });
      return;
    case 'detect-machine':
      draft.command({ do: 'detect-machine', callSid: effect.callSid, options: effect.options });
  }
}

/** Where the effects of transfers are done. */
type TransferEffect = Extract<
  VerbEffect,
  {
    readonly kind:
      | 'fetch'
      | 'answer-refer'
      | 'refer'
      | 'lead'
      | 'hand-over'
      | 'transfer-requested'
      | 'transferred'
      | 'transfer-failed';
  }
>;

function applyTransferEffect(thread: ThreadDraft, run: number, effect: TransferEffect): void {
  const { draft, callSid } = thread;
  switch (effect.kind) {
    case 'fetch':
      fetchForVerb(thread, run, effect);
      return;
    case 'answer-refer':
      draft.command({ do: 'answer-refer', referId: effect.referId, answer: effect.answer });
      return;
    case 'refer':
      draft.command({ do: 'refer', callSid, uri: effect.uri });
      return;
    case 'lead':
      draft.command({ do: 'lead', callSid: effect.callSid });
      return;
    case 'hand-over':
      handOver(thread, effect.callSid);
      return;
    case 'transfer-requested':
    case 'transferred':
    case 'transfer-failed':
      tellTransfer(thread, effect);
  }
}

/** The instructions run for another leg from here on: those of the old one are over. */
function handOver(thread: ThreadDraft, callSid: string): void {
  const { draft } = thread;
  const { execution, program } = thread.state;
  if (execution.kind !== 'verb' || draft.leg(callSid) === undefined) return;
  const { verb, index } = execution;
  if (index >= 0) draft.emit('call.verb-ended', thread.leg, { verb: verb.verb, index, outcome: 'transferred' });
  draft.set({ rootSid: callSid, extraParams: {}, origin: {} });
  thread.set({ program: { verbs: [], url: program?.url } });
  thread.execute({ ...execution, index: -1 });
  draft.command({ do: 'lead', callSid });
}

function fetchForVerb(thread: ThreadDraft, run: number, effect: Extract<VerbEffect, { kind: 'fetch' }>): void {
  const { draft } = thread;
  const leg = draft.leg(effect.about);
  if (leg === undefined) return;
  const { url, method } = effect.request;
  const fetchId = runName(run, effect.name);
  draft.emit('call.instructions-requested', leg, { url: publicUrl(url), method });
  remember(thread, { fetches: [...held(thread).fetches, { fetchId, callSid: leg.callSid, method }] });
  const params = legInstructionParams(draft.state, leg, effect.request.params);
  const { accountSid } = draft.state;
  draft.push({ kind: 'fetch', fetchId, request: { accountSid, callSid: leg.callSid, url, method, params } });
}

function tellTransfer(
  { draft }: ThreadDraft,
  effect: Extract<VerbEffect, { kind: 'transfer-requested' | 'transferred' | 'transfer-failed' }>,
): void {
  const leg = draft.leg(effect.callSid);
  if (leg === undefined || leg.phase === 'ended') return;
  const { facts } = effect;
  if (effect.kind === 'transfer-requested') {
    const { referredBy } = effect;
    draft.emit('call.transfer-requested', leg, { ...facts, ...(referredBy === undefined ? {} : { referredBy }) });
  } else if (effect.kind === 'transferred') {
    const { newCallSid } = effect;
    draft.emit('call.transferred', leg, { ...facts, ...(newCallSid === undefined ? {} : { newCallSid }) });
  } else {
    const { sipStatus, message } = effect;
    draft.emit('call.transfer-failed', leg, { ...facts, message, ...(sipStatus === undefined ? {} : { sipStatus }) });
    draft.push({ kind: 'log', level: 'warn', fields: { ...facts, sipStatus }, message: `no transfer: ${message}` });
  }
}

function placeLeg({ draft }: ThreadDraft, run: number, effect: Extract<VerbEffect, { kind: 'place' }>): void {
  const { callSid, target, from, to, timeoutMs, statusCallback } = effect;
  const { rootSid, accountSid } = draft.state;
  const leg = newLeg({ callSid, from, to, direction: 'outbound-dial', statusCallback, parentCallSid: rootSid, run });
  draft.putLeg(leg);
  bookInitiated(draft, leg);
  draft.command({ do: 'place', request: { callSid, parentCallSid: rootSid, accountSid, target, from, to, timeoutMs } });
}

function notify(thread: ThreadDraft, { request, about }: Extract<VerbEffect, { kind: 'notify' }>): void {
  const { draft, callSid } = thread;
  const { accountSid } = draft.state;
  const leg = about === undefined ? thread.leg : (draft.leg(about) ?? thread.leg);
  const params = legInstructionParams(draft.state, leg, request.params);
  draft.push({ kind: 'callback', stamped: false, request: { ...request, accountSid, callSid, params } });
}

function held(thread: ThreadDraft): Held {
  return thread.state.held;
}

function remember(thread: ThreadDraft, change: Partial<Held>): void {
  thread.set({ held: { ...held(thread), ...change } });
}

/** A timer fired, a request was answered or a playback ended by itself: nothing is left of it to stop. */
export function forgetHeld(thread: ThreadDraft, name: string): void {
  const { timers, playbacks, fetches } = held(thread);
  remember(thread, {
    timers: timers.filter((each) => each !== name),
    playbacks: playbacks.filter((each) => each !== name),
    fetches: fetches.filter(({ fetchId }) => fetchId !== name),
  });
}

/** Stops the timers, requests and playbacks that a verb leaves behind. */
export function releaseHeld(thread: ThreadDraft): void {
  const { draft, callSid } = thread;
  const { timers, playbacks, fetches } = held(thread);
  for (const { fetchId } of fetches) draft.push({ kind: 'abort-fetch', fetchId });
  for (const name of timers) draft.push({ kind: 'stop-timer', name });
  if (thread.leg.phase !== 'ended') {
    for (const playId of playbacks) draft.command({ do: 'stop-play', callSid, playId });
  }
  thread.set({ held: { timers: [], playbacks: [], fetches: [] } });
}
