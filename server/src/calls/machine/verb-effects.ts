import { createHash } from 'node:crypto';
import { sidFromHex } from '@hookswitch/shared';
import { newLeg } from './call-state.ts';
import type { Execution } from './call-state.ts';
import { bookInitiated } from './leg-book.ts';
import type { Draft } from './draft.ts';
import { instructionParams } from './params.ts';
import type { VerbContext, VerbEffect } from '../verbs/verb.ts';

export type VerbExecution = Extract<Execution, { kind: 'verb' }>;

/** Names of one run's timers and playbacks, so that what an earlier run left behind is never taken for this one's. */
export function runName(run: number, name: string): string {
  return `${run}:${name}`;
}

/** The name within run `run`; undefined when it belongs to another run. */
export function ownName(run: number, full: string): string | undefined {
  const prefix = `${run}:`;
  return full.startsWith(prefix) ? full.slice(prefix.length) : undefined;
}

export function verbContext(draft: Draft, run: number): VerbContext {
  const { rootSid, seed, refusal, program } = draft.state;
  return {
    at: draft.at,
    callSid: rootSid,
    root: draft.root,
    refusal,
    leg: (callSid) => draft.leg(callSid),
    legSid: (n) => sidFromHex('call', createHash('sha256').update(`${seed}/${run}/${n}`).digest('hex').slice(0, 32)),
    resolve: (reference) => resolveUrl(reference, program?.url),
  };
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

/** Turns what a verb asks for into effects and changes of the call, and remembers what has to be stopped with it. */
export function applyVerbEffects(draft: Draft, run: number, effects: readonly VerbEffect[]): void {
  for (const effect of effects) applyOne(draft, run, effect);
}

function applyOne(draft: Draft, run: number, effect: VerbEffect): void {
  const callSid = draft.state.rootSid;
  switch (effect.kind) {
    case 'answer':
      draft.command({ do: 'answer', callSid });
      return;
    case 'play': {
      const playId = runName(run, effect.name);
      remember(draft, { playbacks: [...held(draft).playbacks.filter((id) => id !== playId), playId] });
      draft.command({ do: 'play', callSid, playId, media: effect.media });
      return;
    }
    case 'stop-play': {
      const playId = runName(run, effect.name);
      remember(draft, { playbacks: held(draft).playbacks.filter((id) => id !== playId) });
      draft.command({ do: 'stop-play', callSid, playId });
      return;
    }
    case 'start-timer': {
      const name = runName(run, effect.name);
      remember(draft, { timers: [...held(draft).timers.filter((timer) => timer !== name), name] });
      draft.push({ kind: 'start-timer', name, delayMs: effect.delayMs });
      return;
    }
    case 'stop-timer': {
      const name = runName(run, effect.name);
      remember(draft, { timers: held(draft).timers.filter((timer) => timer !== name) });
      draft.push({ kind: 'stop-timer', name });
      return;
    }
    case 'prompt':
      draft.push({ kind: 'prompt', promptId: runName(run, 'prompt'), request: effect.request });
      return;
    case 'place':
      placeLeg(draft, run, effect);
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
    case 'parked':
      draft.emit('call.parked', draft.root, { targets: [...effect.targets] });
      return;
    case 'warning':
      draft.warn(effect.code, effect.message);
      return;
    case 'notify':
      notify(draft, effect);
      return;
  }
}

function placeLeg(draft: Draft, run: number, effect: Extract<VerbEffect, { kind: 'place' }>): void {
  const { callSid, target, from, to, timeoutMs, statusCallback } = effect;
  const { rootSid, accountSid } = draft.state;
  const leg = newLeg({ callSid, from, to, direction: 'outbound-dial', statusCallback, parentCallSid: rootSid, run });
  draft.putLeg(leg);
  bookInitiated(draft, leg);
  draft.command({ do: 'place', request: { callSid, parentCallSid: rootSid, accountSid, target, from, to, timeoutMs } });
}

function notify(draft: Draft, { request }: Extract<VerbEffect, { kind: 'notify' }>): void {
  const { rootSid: callSid, accountSid } = draft.state;
  const params = instructionParams(draft.state, draft.root, request.params);
  draft.push({ kind: 'callback', stamped: false, request: { ...request, accountSid, callSid, params } });
}

interface Held {
  readonly timers: readonly string[];
  readonly playbacks: readonly string[];
}

function held(draft: Draft): Held {
  return draft.state.held;
}

function remember(draft: Draft, change: Partial<Held>): void {
  draft.set({ held: { ...held(draft), ...change } });
}

/** A timer fired or a playback ended by itself: nothing is left of it to stop. */
export function forgetHeld(draft: Draft, name: string): void {
  const { timers, playbacks } = held(draft);
  remember(draft, {
    timers: timers.filter((each) => each !== name),
    playbacks: playbacks.filter((each) => each !== name),
  });
}

/** Stops the timers and playbacks that a verb leaves behind. */
export function releaseHeld(draft: Draft): void {
  const { timers, playbacks } = held(draft);
  for (const name of timers) draft.push({ kind: 'stop-timer', name });
  if (draft.root.phase !== 'ended') {
    for (const playId of playbacks) draft.command({ do: 'stop-play', callSid: draft.state.rootSid, playId });
  }
  draft.set({ held: { timers: [], playbacks: [] } });
}
