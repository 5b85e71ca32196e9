import type { PlayVerb } from '@hookswitch/shared';
import type { PromptMemory } from './prompt.ts';
import { startPrompt, stepPrompt } from './prompt.ts';
import type { Verb, VerbContext, VerbEffect, VerbStep } from './verb.ts';
import { done, running, warning } from './verb.ts';

type PlayMemory = PromptMemory | { readonly phase: 'digits' };

const HTTP_BAD_URL = 11_100;
/** A tone and the gap after it. */
const DIGIT_MS = 250;

export const play: Verb<PlayVerb, PlayMemory> = {
  needsAnswer: () => true,
  start({ url, loop, digits }, context): VerbStep<PlayMemory> {
    if (digits !== undefined) {
      return running(
        { phase: 'digits' },
        { kind: 'send-digits', callSid: context.callSid, digits },
        { kind: 'start-timer', name: 'digits', delayMs: digitsDuration(digits) },
      );
    }
    const address = recordingAddress({ url }, context);
    return typeof address === 'string'
      ? startPrompt({ kind: 'fetch', url: address }, loop)
      : done('failed', undefined, address);
  },
  step(memory, input, context): VerbStep<PlayMemory> {
    if (memory.phase !== 'digits') return stepPrompt(memory, input, context);
    return input.kind === 'timer' ? done('finished') : running(memory);
  },
  stop: () => [],
};

/** Where the recording is; a warning when that is no address. */
export function recordingAddress({ url }: { readonly url: string }, context: VerbContext): string | VerbEffect {
  return context.resolve(url) ?? warning(`<Play> of "${url}": not an HTTP address`, HTTP_BAD_URL);
}

/** Milliseconds that sending takes. `w` waits 0.5 s, `W` 1 s. */
export function digitsDuration(digits: string): number {
  return digits.split('').reduce((sum, digit) => sum + (digit === 'w' ? 500 : digit === 'W' ? 1000 : DIGIT_MS), 0);
}
