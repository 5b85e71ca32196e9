import type { InstructionResponse } from '../ports.ts';
import type { Program } from '../twiml/document.ts';
import { verbFor } from '../verbs/table.ts';
import type { LegState } from './call-state.ts';
import type { Draft } from './draft.ts';
import { legInstructionParams, publicUrl } from './params.ts';
import { ThreadDraft } from './thread.ts';
import { verbContext } from './verb-effects.ts';

export interface DocumentRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly params?: Readonly<Record<string, string>>;
  readonly fallback?: boolean;
}

/** Asks the application server; the answer comes as a `fetched` input. */
export function requestDocument(thread: ThreadDraft, request: DocumentRequest): void {
  const { url, method, params = {}, fallback = false } = request;
  const { draft, callSid } = thread;
  const { accountSid, fetches } = draft.state;
  const fetchId = `fetch-${fetches}`;
  draft.set({ fetches: fetches + 1 });
  thread.execute({ kind: 'fetching', fetchId, url, method, fallback });
  draft.emit('call.instructions-requested', thread.leg, { url: publicUrl(url), method, ...sideFact(thread) });
  const all = legInstructionParams(draft.state, thread.leg, { ...ownerParams(thread), ...params });
  draft.push({ kind: 'fetch', fetchId, request: { accountSid, callSid, url, method, params: all } });
}

/** What the verb that started a side program adds to each of its requests. */
function ownerParams(thread: ThreadDraft): Readonly<Record<string, string>> {
  const name = thread.side?.name;
  const owner = new ThreadDraft(thread.draft);
  const { execution } = owner.state;
  if (name === undefined || execution.kind !== 'verb') return {};
  const { verb, run, memory } = execution;
  return verbFor(verb).sideParams?.(memory, name, verbContext(owner, run)) ?? {};
}

/** How the events of a side program name it. */
export function sideFact(thread: ThreadDraft): { side?: string } {
  const name = thread.side?.name;
  return name === undefined ? {} : { side: name };
}

/** Publishes that a document came. */
export function tellReceived(
  draft: Draft,
  leg: LegState,
  answer: { method: string; response: InstructionResponse & { ok: true }; program: Program; side?: string },
): void {
  const { method, response, program, side } = answer;
  draft.emit('call.instructions-received', leg, {
    url: publicUrl(response.url),
    method,
    status: response.status,
    durationMs: Math.round(response.durationMs),
    verbs: program.verbs.map(({ verb }) => verb),
    ...(side === undefined ? {} : { side }),
  });
}
