import type { SayVerb } from '@hookswitch/shared';
import type { PromptMemory } from './prompt.ts';
import { startPrompt, stepPrompt } from './prompt.ts';
import type { Verb } from './verb.ts';
import { done } from './verb.ts';

export const say: Verb<SayVerb, PromptMemory> = {
  needsAnswer: () => true,
  start: ({ text, ssml, voice, language, loop }) =>
    text === '' && ssml === undefined ? done('empty') : startPrompt({ kind: 'say', text, ssml, voice, language }, loop),
  step: stepPrompt,
  stop: () => [],
};
