import { TWIML_CODES } from '@hookswitch/shared';
import type { TwimlVerb } from '@hookswitch/shared';
import type { EndRequest, InstructionResponse } from '../ports.ts';
import { programFromResponse, programFromText } from '../twiml/document.ts';
import type { Program, ProgramResult } from '../twiml/document.ts';
import type { InternalVerb } from '../verbs/apology.ts';
import { verbFor } from '../verbs/table.ts';
import { upcomingPrompts } from '../verbs/upcoming.ts';
import type { SideOutcome, VerbEffect, VerbInput, VerbNext, VerbStep, VerbStop } from '../verbs/verb.ts';
import { newThread } from './call-state.ts';
import { requestDocument, sideFact, tellReceived } from './documents.ts';
import type { Draft } from './draft.ts';
import { endOfInstructions } from './outcome.ts';
import { publicUrl } from './params.ts';
import { ThreadDraft, ownName, ownerOf, runName, threadsOf } from './thread.ts';
import { applyVerbEffect, forgetHeld, releaseHeld, resolveUrl, verbContext } from './verb-effects.ts';
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

/** Begins with the call's own instructions. */
export function beginInstructions(thread: ThreadDraft): void {
  const { document, application } = thread.draft.state;
  if (document === undefined) requestDocument(thread, application.voice);
  else runDocument(thread, document);
}

export function onFetched(draft: Draft, fetchId: string, response: InstructionResponse): void {
  const owner = ownerOf(draft, fetchId);
  if (owner !== undefined) {
    onFetchedForVerb(owner.thread, fetchId, response);
    return;
  }
  for (const thread of threadsOf(draft)) {
    const { execution } = thread.state;
    if (execution.kind !== 'fetching' || execution.fetchId !== fetchId) continue;
    const { method } = execution;
    const result: ProgramResult = response.ok ? programFromResponse(response) : response;
    if (!result.ok) instructionsFailed(thread, { ...execution, ...result, url: response.url });
    else if (response.ok) {
      tellReceived(draft, thread.leg, { method, response, program: result.program, ...sideFact(thread) });
      accept(thread, result);
    }
    return;
  }
}

/** What a verb has asked for while it runs. */
function onFetchedForVerb(thread: ThreadDraft, fetchId: string, response: InstructionResponse): void {
  const { draft } = thread;
  const held = thread.state.held.fetches.find((each) => each.fetchId === fetchId);
  const leg = held === undefined ? undefined : draft.leg(held.callSid);
  if (held === undefined || leg === undefined) return;
  const { method } = held;
  forgetHeld(thread, fetchId);
  const result: ProgramResult = response.ok ? programFromResponse(response) : response;
  if (!result.ok) {
    const { code, message, hint } = result;
    const url = publicUrl(response.url);
    if (leg.phase !== 'ended') draft.emit('call.instructions-failed', leg, { url, method, code, message, hint });
  } else if (response.ok && leg.phase !== 'ended') {
    tellReceived(draft, leg, { method, response, program: result.program });
  }
  stepVerb(thread, { kind: 'fetched', result });
}

/** Runs a document that was given, not fetched. */
export function runDocument(thread: ThreadDraft, document: string): void {
  const result = programFromText(document, thread.state.program?.url);
  if (result.ok) accept(thread, result);
  else instructionsFailed(thread, { ...result, url: 'inline', method: 'POST', fallback: false });
}

function accept(thread: ThreadDraft, { program, problems }: Extract<ProgramResult, { ok: true }>): void {
  for (const { code, message } of problems) thread.warn(code, message);
  const idleDocuments = thread.state.idleDocuments + 1;
  thread.set({ program, idleDocuments });
  if (idleDocuments > MAX_IDLE_DOCUMENTS) {
    instructionsFailed(thread, {
      url: program.url ?? 'inline',
      method: 'POST',
      fallback: true,
      code: TOO_MANY_REDIRECTS,
      message: `${MAX_IDLE_DOCUMENTS} documents in a row did nothing but lead to the next`,
      hint: 'Two documents redirect to each other, or one to itself: let one of them say, play, pause or dial.',
    });
    return;
  }
  const requests = upcomingPrompts(program, (reference) => resolveUrl(reference, program.url));
  if (requests.length > 0) thread.draft.push({ kind: 'prefetch', requests });
  runFrom(thread, program, 0);
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

function instructionsFailed(thread: ThreadDraft, failure: Failure): void {
  const { draft, side } = thread;
  const { method, fallback, code, message, hint } = failure;
  const url = publicUrl(failure.url);
  const facts = { url, method, code, message, hint, ...sideFact(thread) };
  draft.emit('call.instructions-failed', thread.leg, facts);
  const { application } = draft.state;
  const backup = fallback || side !== undefined ? undefined : application.fallback;
  const then =
    side !== undefined
      ? 'The call goes on without it.'
      : backup === undefined
        ? 'The caller is told and the call ends.'
        : 'The fallback URL is asked.';
  draft.push({
    kind: 'log',
    level: 'error',
    fields: { url, method, code, applicationSid: application.applicationSid, hint },
    message: `no instructions from ${url}: ${message}. ${hint} ${then}`,
  });
  if (side !== undefined) endSide(thread, { kind: 'failed', code, message });
  else if (backup !== undefined) {
    requestDocument(thread, { ...backup, fallback: true, params: { ErrorCode: String(code), ErrorUrl: url } });
  } else startVerb(thread, { verb: 'Apology', text: APOLOGY, message: `application error ${code}: ${message}` }, -1);
}

function runFrom(thread: ThreadDraft, program: Program, index: number): void {
  const { draft, side, leg } = thread;
  const instruction = program.verbs[index];
  if (instruction === undefined) {
    if (side === undefined) endCall(draft, endOfInstructions(leg, thread.state.refusal));
    else endSide(thread, { kind: 'completed' });
  } else if (side !== undefined && !side.verbs.includes(instruction.verb)) {
    const allowed = side.verbs.map((verb) => `<${verb}>`).join(', ');
    thread.warn(TWIML_CODES.schema, `<${instruction.verb}> cannot run here and was skipped; allowed: ${allowed}`);
    runFrom(thread, program, index + 1);
  } else if (verbFor(instruction).needsAnswer(instruction) && leg.phase !== 'answered') {
    thread.execute({ kind: 'answering', index });
    draft.command({ do: 'answer', callSid: leg.callSid });
  } else startVerb(thread, instruction, index);
}

/** The leg was answered for the verb that waits for it. */
export function resumeAnswered(thread: ThreadDraft): void {
  const { execution, program } = thread.state;
  if (execution.kind === 'answering' && program !== undefined) runFrom(thread, program, execution.index);
}

function startVerb(thread: ThreadDraft, verb: TwimlVerb | InternalVerb, index: number): void {
  const { draft } = thread;
  const run = draft.state.runs + 1;
  draft.set({ runs: run });
  thread.execute({ kind: 'verb', verb, index, run, startedAt: draft.at, memory: undefined });
  if (index >= 0) draft.emit('call.verb-started', thread.leg, { verb: verb.verb, index, ...sideFact(thread) });
  applyStep(thread, run, verbFor(verb).start(verb, verbContext(thread, run)));
}

/** Hands an input to the verb in progress, if there is one. */
export function stepVerb(thread: ThreadDraft, input: VerbInput): void {
  const { execution } = thread.state;
  if (execution.kind !== 'verb') return;
  const { verb, run, memory } = execution;
  applyStep(thread, run, verbFor(verb).step(memory, input, verbContext(thread, run)));
}

function applyStep(thread: ThreadDraft, run: number, step: VerbStep<unknown>): void {
  const { draft } = thread;
  const { execution } = thread.state;
  if (execution.kind !== 'verb') return;
  if (step.kind === 'running') {
    thread.execute({ ...execution, memory: step.memory });
    applyEffects(thread, run, step.effects);
    return;
  }
  applyEffects(thread, run, step.effects);
  stopSides(thread, run);
  releaseHeld(thread);
  // A verb that handed the call over has ended already for whom it began.
  const now = thread.state.execution;
  const { index } = now.kind === 'verb' ? now : execution;
  verbEnded(thread, { ...execution, index }, step.outcome);
  if (step.refusal !== undefined) thread.set({ refusal: step.refusal });
  if (draft.at - execution.startedAt >= BUSY_MS) thread.set({ idleDocuments: 0 });
  follow(thread, index, step.next);
}

function applyEffects(thread: ThreadDraft, run: number, effects: readonly VerbEffect[]): void {
  for (const effect of effects) {
    if (effect.kind === 'start-side') startSide(thread, run, effect);
    else if (effect.kind === 'stop-side') stopSide(thread.draft, runName(run, effect.name));
    else applyVerbEffect(thread, run, effect);
  }
}

function verbEnded(thread: ThreadDraft, { verb, index }: VerbExecution, outcome: string): void {
  if (index < 0) return;
  thread.draft.emit('call.verb-ended', thread.leg, { verb: verb.verb, index, outcome, ...sideFact(thread) });
}

function follow(thread: ThreadDraft, index: number, next: VerbNext): void {
  const { program, side } = thread.state;
  switch (next.kind) {
    case 'continue':
      if (program !== undefined) runFrom(thread, program, index + 1);
      return;
    case 'fetch':
      requestDocument(thread, next);
      return;
    case 'run':
      accept(thread, next.result);
      return;
    case 'end':
      if (side === undefined) endCall(thread.draft, next.request);
      else endSide(thread, { kind: 'hang-up', request: next.request });
      return;
    case 'leave':
      if (side !== undefined) endSide(thread, { kind: 'leave' });
      else if (program !== undefined) runFrom(thread, program, index + 1);
  }
}

function startSide(owner: ThreadDraft, run: number, effect: Extract<VerbEffect, { kind: 'start-side' }>): void {
  const { draft } = owner;
  const { name, callSid, request, verbs } = effect;
  const id = runName(run, name);
  const leg = draft.leg(callSid);
  // No side program has side programs of its own.
  if (owner.side !== undefined || leg === undefined || leg.phase === 'ended') return;
  stopSide(draft, id);
  draft.set({ sides: new Map(draft.state.sides).set(id, newThread({ name, callSid, verbs })) });
  requestDocument(new ThreadDraft(draft, id), request);
}

/** A side program is over by itself: the verb that started it hears of it. */
function endSide(thread: ThreadDraft, outcome: SideOutcome): void {
  const { draft, side, id } = thread;
  thread.drop();
  const owner = id === undefined ? undefined : ownerOf(draft, id);
  if (side !== undefined && owner !== undefined) {
    stepVerb(owner.thread, { kind: 'side-ended', name: side.name, callSid: side.callSid, outcome });
  }
}

const NOT_NEEDED: VerbStop = {
  reason: 'updated',
  request: { cause: 'canceled', message: 'the instructions beside the call are not needed any more' },
};

function stopSide(draft: Draft, id: string): void {
  const thread = new ThreadDraft(draft, id);
  if (!thread.alive) return;
  interrupt(thread, NOT_NEEDED);
  thread.drop();
}

/** Stops what a run of a verb has started beside it. */
function stopSides(thread: ThreadDraft, run: number): void {
  if (thread.side !== undefined) return;
  for (const id of thread.draft.state.sides.keys()) if (ownName(run, id) !== undefined) stopSide(thread.draft, id);
}

/** A leg is about to end, and so are the side programs that ran for it. Their owner hears of the leg's end alone. */
export function dropSidesOf(draft: Draft, callSid: string): void {
  for (const [id, { side }] of draft.state.sides) if (side?.callSid === callSid) stopSide(draft, id);
}

/** Ends the caller's leg; what is left follows when it reports back. */
export function endCall(draft: Draft, request: EndRequest): void {
  new ThreadDraft(draft).execute({ kind: 'ending' });
  draft.command({ do: 'end', callSid: draft.state.rootSid, request });
  draft.push({ kind: 'start-timer', name: END_GUARD, delayMs: END_GUARD_MS });
}

/**
 * Takes a thread out of whatever it is doing. `settle` runs between the verb's end and the undoing of what it left, so
 * that the caller's own end is published first.
 */
export function interrupt(thread: ThreadDraft, stop: VerbStop, settle: () => void = () => undefined): void {
  const { draft } = thread;
  const { execution } = thread.state;
  if (execution.kind === 'fetching') draft.push({ kind: 'abort-fetch', fetchId: execution.fetchId });
  if (execution.kind !== 'verb') {
    settle();
    return;
  }
  const { verb, run, memory } = execution;
  stopSides(thread, run);
  verbEnded(thread, execution, stop.reason === 'updated' ? 'interrupted' : stop.reason);
  settle();
  applyEffects(thread, run, verbFor(verb).stop(memory, stop, verbContext(thread, run)));
  releaseHeld(thread);
}
