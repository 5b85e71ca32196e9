import type { EndRequest, PromptAudio } from '../ports.ts';
import type { Verb, VerbContext, VerbInput, VerbStep } from './verb.ts';
import { done, running } from './verb.ts';

/** Run by the router itself when an application cannot be had; no document can name it. */
export interface ApologyVerb {
  readonly verb: 'Apology';
  readonly text: string;
  readonly message: string;
}
export type InternalVerb = ApologyVerb;

interface ApologyMemory {
  readonly wav: PromptAudio | undefined;
  readonly playing: boolean;
  readonly message: string;
}

/** Milliseconds for the speech to be made, and for all of it to be heard. */
const PREPARE_MS = 6000;
const HEAR_MS = 20_000;

/**
 * Tells the caller why the call ends. The speech is made first: without it a call that is not answered is turned away
 * as busy, in place of being answered for silence.
 */
export const apology: Verb<ApologyVerb, ApologyMemory> = {
  needsAnswer: () => false,
  start: ({ text, message }): VerbStep<ApologyMemory> =>
    running(
      { wav: undefined, playing: false, message },
      { kind: 'prompt', request: { kind: 'say', text, voice: undefined, language: undefined } },
      { kind: 'start-timer', name: 'give-up', delayMs: PREPARE_MS },
    ),
  step(memory, input, context): VerbStep<ApologyMemory> {
    if (input.kind === 'timer') return over(memory, context);
    if (input.kind === 'prompt-ready' && memory.wav === undefined) {
      if (!input.result.ok) return over(memory, context);
      const ready = { ...memory, wav: input.result.wav };
      return context.root.phase === 'answered' ? speak(ready) : running(ready, { kind: 'answer' });
    }
    return onLeg(memory, input, context);
  },
  stop: () => [],
};

function onLeg(memory: ApologyMemory, input: VerbInput, context: VerbContext): VerbStep<ApologyMemory> {
  if (input.kind !== 'leg' || input.event.callSid !== context.callSid) return running(memory);
  if (input.event.kind === 'leg-answered' && !memory.playing) return speak(memory);
  if (input.event.kind === 'play-ended' && memory.playing) return over(memory, context);
  return running(memory);
}

function speak(memory: ApologyMemory): VerbStep<ApologyMemory> {
  if (memory.wav === undefined) return running(memory);
  return running(
    { ...memory, playing: true },
    { kind: 'play', name: 'apology', media: { kind: 'wav', data: memory.wav, loop: 1 } },
    { kind: 'start-timer', name: 'give-up', delayMs: HEAR_MS },
  );
}

function over(memory: ApologyMemory, context: VerbContext): VerbStep<ApologyMemory> {
  const request: EndRequest = { cause: 'application-error', message: memory.message };
  const refused: EndRequest = { ...request, sipStatus: 486 };
  return done('finished', { kind: 'end', request: context.root.phase === 'answered' ? request : refused });
}
