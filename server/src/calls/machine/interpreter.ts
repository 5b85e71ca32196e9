import type { TwimlVerb } from '@hookswitch/shared';
import type { EndRequest, InstructionResponse } from '../ports.ts';
import { programFromResponse, programFromTwiml } from '../twiml/document.ts';
import type { Program, ProgramResult } from '../twiml/document.ts';
import type { InternalVerb } from '../verbs/apology.ts';
import { verbFor } from '../verbs/table.ts';
import type { VerbInput, VerbNext, VerbStep, VerbStop } from '../verbs/verb.ts';
import type { Draft } from './draft.ts';
import { endOfInstructions } from './outcome.ts';
import { instructionParams } from './params.ts';
import { applyVerbEffects, releaseHeld, verbContext } from './verb-effects.ts';
import type { VerbExecution } from './verb-effects.ts';

/** What the caller hears when its application cannot be had. */
const APOLOGY = 'We are sorry, an application error has occurred. Goodbye.';
/** Documents in a row whose verbs took no time: more is a redirect loop. */
const MAX_IDLE_DOCUMENTS = 30;
/** A verb that took this long did something. Milliseconds. */
const BUSY_MS = 500;
/** An ended leg reports back well within the longest SIP transaction (64 * T1 = 32 s). Milliseconds. */
export const END_GUARD_MS = 40_000;
export const END_GUARD = 'call:end-guard';
const TOO_MANY_REDIRECTS = 11_215;

export interface DocumentRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly params?: Readonly<Record<string, string>>;
  readonly fallback?: boolean;
}

/** Begins with the call's own instructions. */
export function beginInstructions(draft: Draft): void {
  const { document, application } = draft.state;
  if (document === undefined) requestDocument(draft, application.voice);
  else runDocument(draft, document);
}

/** Asks the application server; the answer comes as a `fetched` input. */
export function requestDocument(draft: Draft, { url, method, params = {}, fallback = false }: DocumentRequest): void {
  const { accountSid, rootSid: callSid, fetches } = draft.state;
  const fetchId = `fetch-${fetches}`;
  draft.set({ fetches: fetches + 1, execution: { kind: 'fetching', fetchId, url, method, fallback } });
  draft.emit('call.instructions-requested', draft.root, { url: publicUrl(url), method });
  const all = instructionParams(draft.state, draft.root, params);
  draft.push({ kind: 'fetch', fetchId, request: { accountSid, callSid, url, method, params: all } });
}

export function onFetched(draft: Draft, fetchId: string, response: InstructionResponse): void {
  const { execution } = draft.state;
  if (execution.kind !== 'fetching' || execution.fetchId !== fetchId) return;
  const { method } = execution;
  const result: ProgramResult = response.ok ? programFromResponse(response) : response;
  if (!result.ok) {
    instructionsFailed(draft, { ...execution, ...result, url: response.url });
    return;
  }
  if (!response.ok) return;
  draft.emit('call.instructions-received', draft.root, {
    url: publicUrl(response.url),
    method,
    status: response.status,
    durationMs: Math.round(response.durationMs),
    verbs: result.program.verbs.map(({ verb }) => verb),
  });
  accept(draft, result);
}

/** Runs a document that was given, not fetched. */
export function runDocument(draft: Draft, document: string): void {
  const result = programFromTwiml(document, draft.state.program?.url);
  if (result.ok) accept(draft, result);
  else instructionsFailed(draft, { ...result, url: 'inline', method: 'POST', fallback: false });
}

function accept(draft: Draft, { program, problems }: Extract<ProgramResult, { ok: true }>): void {
  for (const { code, message } of problems) draft.warn(code, message);
  const idleDocuments = draft.state.idleDocuments + 1;
  draft.set({ program, idleDocuments });
  if (idleDocuments > MAX_IDLE_DOCUMENTS) {
    instructionsFailed(draft, {
      url: program.url ?? 'inline',
      method: 'POST',
      fallback: true,
      code: TOO_MANY_REDIRECTS,
      message: `${MAX_IDLE_DOCUMENTS} documents in a row did nothing but lead to the next`,
      hint: 'Two documents redirect to each other, or one to itself: let one of them say, play, pause or dial.',
    });
    return;
  }
  runFrom(draft, program, 0);
}

interface Failure {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Whether the fallback URL was tried already. */
  readonly fallback: boolean;
  readonly code: number;
  readonly message: string;
  readonly hint: string;
}

function instructionsFailed(draft: Draft, failure: Failure): void {
  const { method, fallback, code, message, hint } = failure;
  const url = publicUrl(failure.url);
  draft.emit('call.instructions-failed', draft.root, { url, method, code, message, hint });
  const backup = fallback ? undefined : draft.state.application.fallback;
  const then = backup === undefined ? 'The caller is told and the call ends.' : 'The fallback URL is asked.';
  const { applicationSid } = draft.state.application;
  draft.push({
    kind: 'log',
    level: 'error',
    fields: { url, method, code, applicationSid, hint },
    message: `no instructions from ${url}: ${message}. ${hint} ${then}`,
  });
  if (backup !== undefined) {
    requestDocument(draft, { ...backup, fallback: true, params: { ErrorCode: String(code), ErrorUrl: url } });
    return;
  }
  startVerb(draft, { verb: 'Apology', text: APOLOGY, message: `application error ${code}: ${message}` }, -1);
}

/** User name and password of an address stay out of events and logs. */
export function publicUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@]*@/i, '$1');
}

function runFrom(draft: Draft, program: Program, index: number): void {
  const instruction = program.verbs[index];
  if (instruction === undefined) {
    endCall(draft, endOfInstructions(draft.root, draft.state.refusal));
  } else if (verbFor(instruction).needsAnswer(instruction) && draft.root.phase !== 'answered') {
    draft.execute({ kind: 'answering', index });
    draft.command({ do: 'answer', callSid: draft.state.rootSid });
  } else startVerb(draft, instruction, index);
}

/** The caller's leg was answered for the verb that waits for it. */
export function resumeAnswered(draft: Draft): void {
  const { execution, program } = draft.state;
  if (execution.kind === 'answering' && program !== undefined) runFrom(draft, program, execution.index);
}

function startVerb(draft: Draft, verb: TwimlVerb | InternalVerb, index: number): void {
  const run = draft.state.runs + 1;
  draft.set({ runs: run, execution: { kind: 'verb', verb, index, run, startedAt: draft.at, memory: undefined } });
  if (index >= 0) draft.emit('call.verb-started', draft.root, { verb: verb.verb, index });
  applyStep(draft, run, verbFor(verb).start(verb, verbContext(draft, run)));
}

/** Hands an input to the verb in progress, if there is one. */
export function stepVerb(draft: Draft, input: VerbInput): void {
  const { execution } = draft.state;
  if (execution.kind !== 'verb') return;
  const { verb, run, memory } = execution;
  applyStep(draft, run, verbFor(verb).step(memory, input, verbContext(draft, run)));
}

function applyStep(draft: Draft, run: number, step: VerbStep<unknown>): void {
  const { execution } = draft.state;
  if (execution.kind !== 'verb') return;
  if (step.kind === 'running') {
    draft.execute({ ...execution, memory: step.memory });
    applyVerbEffects(draft, run, step.effects);
    return;
  }
  applyVerbEffects(draft, run, step.effects);
  releaseHeld(draft);
  verbEnded(draft, execution, step.outcome);
  if (step.refusal !== undefined) draft.set({ refusal: step.refusal });
  if (draft.at - execution.startedAt >= BUSY_MS) draft.set({ idleDocuments: 0 });
  follow(draft, execution.index, step.next);
}

function verbEnded(draft: Draft, { verb, index }: VerbExecution, outcome: string): void {
  if (index >= 0) draft.emit('call.verb-ended', draft.root, { verb: verb.verb, index, outcome });
}

function follow(draft: Draft, index: number, next: VerbNext): void {
  const { program } = draft.state;
  switch (next.kind) {
    case 'continue':
      if (program !== undefined) runFrom(draft, program, index + 1);
      return;
    case 'fetch':
      requestDocument(draft, next);
      return;
    case 'end':
      endCall(draft, next.request);
  }
}

/** Ends the caller's leg; what is left follows when it reports back. */
export function endCall(draft: Draft, request: EndRequest): void {
  draft.execute({ kind: 'ending' });
  draft.command({ do: 'end', callSid: draft.state.rootSid, request });
  draft.push({ kind: 'start-timer', name: END_GUARD, delayMs: END_GUARD_MS });
}

/**
 * Takes the call out of whatever it is doing. `settle` runs between the verb's end and the undoing of what it left, so
 * that the caller's own end is published first.
 */
export function interrupt(draft: Draft, stop: VerbStop, settle: () => void = () => undefined): void {
  const { execution } = draft.state;
  if (execution.kind === 'fetching') draft.push({ kind: 'abort-fetch', fetchId: execution.fetchId });
  if (execution.kind !== 'verb') {
    settle();
    return;
  }
  const { verb, run, memory } = execution;
  verbEnded(draft, execution, stop.reason === 'updated' ? 'interrupted' : stop.reason);
  settle();
  applyVerbEffects(draft, run, verbFor(verb).stop(memory, stop, verbContext(draft, run)));
  releaseHeld(draft);
}
