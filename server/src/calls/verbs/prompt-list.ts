import type { PromptVerb } from '@hookswitch/shared';
import type { PromptRequest } from '../machine/call-effect.ts';
import { digitsDuration, recordingAddress } from './play.ts';
import type { VerbContext, VerbEffect, VerbInput } from './verb.ts';
import { warning } from './verb.ts';

/** Prompts of another verb, played one after the other. `at`: the one it is at. */
export interface PromptList {
  readonly prompts: readonly PromptVerb[];
  readonly at: number;
  readonly phase: 'preparing' | 'playing' | 'waiting';
}

export interface PromptListStep {
  /** Undefined: all of them are over. */
  readonly list: PromptList | undefined;
  readonly effects: readonly VerbEffect[];
}

const PLAYBACK = 'prompt';
const WAIT = 'prompt-wait';

export function startPrompts(prompts: readonly PromptVerb[], context: VerbContext): PromptListStep {
  return from(prompts, 0, context, []);
}

/** @returns undefined when the input is none of its own */
export function stepPrompts(list: PromptList, input: VerbInput, context: VerbContext): PromptListStep | undefined {
  const { prompts, at, phase } = list;
  if (input.kind === 'timer' && input.name === WAIT && phase === 'waiting') return from(prompts, at + 1, context, []);
  if (input.kind === 'prompt-ready' && phase === 'preparing') {
    const { result } = input;
    if (!result.ok) return from(prompts, at + 1, context, [warning(result.message, result.code)]);
    const prompt = prompts[at];
    const loop = prompt === undefined || prompt.verb === 'Pause' ? 1 : prompt.loop;
    return {
      list: { ...list, phase: 'playing' },
      effects: [{ kind: 'play', name: PLAYBACK, media: { kind: 'wav', data: result.wav, loop } }],
    };
  }
  if (input.kind !== 'leg' || input.event.kind !== 'play-ended' || phase !== 'playing') return undefined;
  const { result, message } = input.event;
  if (result !== 'failed') return from(prompts, at + 1, context, []);
  const told = warning(`the recording could not be played: ${message ?? 'no reason given'}`);
  return from(prompts, at + 1, context, [told]);
}

export function stopPrompts(list: PromptList | undefined): VerbEffect[] {
  if (list?.phase === 'playing') return [{ kind: 'stop-play', name: PLAYBACK }];
  return list?.phase === 'waiting' ? [{ kind: 'stop-timer', name: WAIT }] : [];
}

/** Begins with the first one from `at` on that takes any time. */
function from(
  prompts: readonly PromptVerb[],
  at: number,
  context: VerbContext,
  before: readonly VerbEffect[],
): PromptListStep {
  const prompt = prompts[at];
  if (prompt === undefined) return { list: undefined, effects: before };
  const begun = begin(prompt, context);
  if (begun.phase === undefined) return from(prompts, at + 1, context, [...before, ...begun.effects]);
  return { list: { prompts, at, phase: begun.phase }, effects: [...before, ...begun.effects] };
}

/** `phase` undefined: there is nothing to wait for. */
function begin(
  prompt: PromptVerb,
  context: VerbContext,
): { readonly phase: PromptList['phase'] | undefined; readonly effects: readonly VerbEffect[] } {
  switch (prompt.verb) {
    case 'Pause':
      return waitFor(prompt.length * 1000);
    case 'Say': {
      const { text, ssml, voice, language } = prompt;
      if (text === '' && ssml === undefined) return { phase: undefined, effects: [] };
      return prepare({ kind: 'say', text, ssml, voice, language });
    }
    case 'Play': {
      const { digits } = prompt;
      if (digits !== undefined) {
        return waitFor(digitsDuration(digits), { kind: 'send-digits', callSid: context.callSid, digits });
      }
      const address = recordingAddress(prompt, context);
      return typeof address === 'string'
        ? prepare({ kind: 'fetch', url: address })
        : { phase: undefined, effects: [address] };
    }
  }
}

function prepare(request: PromptRequest): ReturnType<typeof begin> {
  return { phase: 'preparing', effects: [{ kind: 'prompt', request }] };
}

function waitFor(ms: number, ...before: readonly VerbEffect[]): ReturnType<typeof begin> {
  if (ms === 0) return { phase: undefined, effects: before };
  return { phase: 'waiting', effects: [...before, { kind: 'start-timer', name: WAIT, delayMs: ms }] };
}
