import type { PromptVerb, TwimlVerb } from '@hookswitch/shared';
import type { PromptRequest } from '../ports.ts';

/** Prompts of one document that are made ahead. */
const MOST = 16;
/** Nothing behind these is certain to be reached: what follows is another document's, or nobody's. */
const LAST = new Set<TwimlVerb['verb']>(['Redirect', 'Hangup', 'Reject', 'Leave']);

/**
 * What a document will say and play after what it begins with, in order: verbs and what is nested in Gather, each once. The first
 * prompt is left out when it is the document's first verb or nested in it: it is asked for at once.
 */
export function upcomingPrompts(
  { verbs }: { readonly verbs: readonly TwimlVerb[] },
  resolve: (reference: string) => string | undefined,
): PromptRequest[] {
  const end = verbs.findIndex(({ verb }) => LAST.has(verb));
  const reached = end < 0 ? verbs : verbs.slice(0, end);
  const prompts = reached.flatMap((verb, at): PromptVerb[] => {
    if (verb.verb === 'Gather') return verb.prompts.slice(at === 0 ? 1 : 0);
    return at > 0 && (verb.verb === 'Say' || verb.verb === 'Play') ? [verb] : [];
  });
  const known = new Map<string, PromptRequest>();
  for (const prompt of prompts) {
    const request = requestOf(prompt, resolve);
    if (request !== undefined && known.size < MOST) known.set(JSON.stringify(request), request);
  }
  return [...known.values()];
}

function requestOf(prompt: PromptVerb, resolve: (reference: string) => string | undefined): PromptRequest | undefined {
  if (prompt.verb === 'Pause') return undefined;
  if (prompt.verb === 'Say') {
    const { text, ssml, voice, language } = prompt;
    return text === '' && ssml === undefined ? undefined : { kind: 'say', text, ssml, voice, language };
  }
  const url = prompt.digits === undefined ? resolve(prompt.url) : undefined;
  return url === undefined ? undefined : { kind: 'fetch', url };
}
