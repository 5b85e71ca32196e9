import type { SideOutcome, VerbContext, VerbEffect } from './verb.ts';
import { warning } from './verb.ts';

/** What a call that waits hears: a document of the application's that is asked for again and again, music, or silence. */
export interface Waiting {
  /** Of the side program. */
  readonly name: string;
  /** Undefined: music. Empty: silence. */
  readonly url: string | undefined;
  readonly method: 'GET' | 'POST';
  /** Monotonic milliseconds at which the document was asked for. */
  readonly askedAt: number;
}

export interface WaitingStep {
  readonly waiting: Waiting | undefined;
  readonly effects: readonly VerbEffect[];
}

/** What a document may do while its caller waits. */
const VERBS = ['Play', 'Say', 'Pause', 'Hangup', 'Redirect', 'Leave', 'Gather'];
/** Shortest time between two requests for a document that does nothing, milliseconds. */
const AGAIN_MS = 1000;
const HTTP_BAD_URL = 11_100;

/** @param reference as the document has it: absolute, relative, empty or none */
export function startWaiting(
  name: string,
  wish: { readonly reference: string | undefined; readonly method: 'GET' | 'POST' },
  context: VerbContext,
): WaitingStep {
  const { reference, method } = wish;
  const waiting: Waiting = { name, url: undefined, method, askedAt: context.at };
  if (reference === undefined) return { waiting, effects: [music(name)] };
  if (reference === '') return { waiting: { ...waiting, url: '' }, effects: [] };
  const url = context.resolve(reference);
  if (url !== undefined) return ask({ ...waiting, url }, context);
  return {
    waiting,
    effects: [warning(`"${reference}" is not an HTTP address: music is played`, HTTP_BAD_URL), music(name)],
  };
}

export function stopWaiting(waiting: Waiting | undefined): VerbEffect[] {
  if (waiting === undefined || waiting.url === '') return [];
  const { name, url } = waiting;
  if (url === undefined) return [{ kind: 'stop-play', name }];
  return [
    { kind: 'stop-timer', name },
    { kind: 'stop-side', name },
  ];
}

/** The document is over: it is asked for again. One that could not be had is replaced by music. */
export function waitOn(waiting: Waiting, outcome: SideOutcome, context: VerbContext): WaitingStep {
  if (outcome.kind === 'failed') return { waiting: { ...waiting, url: undefined }, effects: [music(waiting.name)] };
  const restMs = waiting.askedAt + AGAIN_MS - context.at;
  if (restMs <= 0) return ask(waiting, context);
  return { waiting, effects: [{ kind: 'start-timer', name: waiting.name, delayMs: restMs }] };
}

/** The timer of {@link waitOn}. */
export function askAgain(waiting: Waiting, context: VerbContext): WaitingStep {
  return waiting.url === undefined || waiting.url === '' ? { waiting, effects: [] } : ask(waiting, context);
}

function ask(waiting: Waiting, context: VerbContext): WaitingStep {
  const { name, url = '', method } = waiting;
  const { callSid, at } = context;
  const effect: VerbEffect = { kind: 'start-side', name, callSid, request: { url, method }, verbs: VERBS };
  return { waiting: { ...waiting, askedAt: at }, effects: [effect] };
}

function music(name: string): VerbEffect {
  return { kind: 'play', name, media: { kind: 'music' } };
}
