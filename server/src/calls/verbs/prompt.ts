import type { PromptRequest } from '../machine/call-effect.ts';
import type { VerbContext, VerbInput, VerbStep } from './verb.ts';
import { done, running, warning } from './verb.ts';

/** Say and Play while their audio is made or fetched, then while it plays. */
export interface PromptMemory {
  readonly phase: 'preparing' | 'playing';
  readonly loop: number;
}

const PLAYBACK = 'prompt';

export function startPrompt(request: PromptRequest, loop: number): VerbStep<PromptMemory> {
  return running({ phase: 'preparing', loop }, { kind: 'prompt', request });
}

/** A prompt that cannot be had costs a warning, never the call. */
export function stepPrompt(memory: PromptMemory, input: VerbInput, context: VerbContext): VerbStep<PromptMemory> {
  if (input.kind === 'prompt-ready' && memory.phase === 'preparing') {
    if (!input.result.ok) return done('failed', undefined, warning(input.result.message, input.result.code));
    const media = { kind: 'wav' as const, data: input.result.wav, loop: memory.loop };
    return running({ ...memory, phase: 'playing' }, { kind: 'play', name: PLAYBACK, media });
  }
  if (input.kind === 'leg' && input.event.kind === 'play-ended' && input.event.callSid === context.callSid) {
    if (input.event.result !== 'failed') return done(input.event.result);
    return done(
      'failed',
      undefined,
      warning(`the recording could not be played: ${input.event.message ?? 'no reason given'}`),
    );
  }
  return running(memory);
}
