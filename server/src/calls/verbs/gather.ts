import type { GatherVerb } from '@hookswitch/shared';
import type { ListenResult } from '../ports.ts';
import { startPrompts, stepPrompts, stopPrompts } from './prompt-list.ts';
import type { PromptList } from './prompt-list.ts';
import type { StringParams, Verb, VerbContext, VerbEffect, VerbInput, VerbStep } from './verb.ts';
import { done, running, warning } from './verb.ts';

interface GatherMemory {
  readonly verb: GatherVerb;
  readonly digits: string;
  /** What still plays. */
  readonly prompts: PromptList | undefined;
  /** Whether somebody listens, and whether anything was said yet. */
  readonly speech: 'off' | 'listening' | 'speaking';
  /** Number of the next partial result. */
  readonly partials: number;
}

const TIMEOUT = 'timeout';
const LISTEN = 'speech';
const HTTP_BAD_URL = 11_100;
/** Silence that ends speech with `speechTimeout="auto"`, milliseconds. */
const AUTO_SILENCE_MS = 1000;

/**
 *     prompting --last prompt over--> waiting --timeout--> done with what there is
 *         +--key, speech--------------->+--numDigits, finishOnKey, end of speech--> done
 *
 * What comes first decides: after a key nobody listens any more, once somebody speaks keys are let be.
 */
export const gather: Verb<GatherVerb, GatherMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<GatherMemory> {
    const { list, effects } = startPrompts(verb.prompts, context);
    const listens = verb.input.includes('speech');
    const memory: GatherMemory = {
      verb,
      digits: '',
      prompts: list,
      speech: listens ? 'listening' : 'off',
      partials: 0,
    };
    const listen: VerbEffect[] = listens ? [listenEffect(verb)] : [];
    const wait = list === undefined ? [startTimeout(verb)] : [];
    return running(memory, ...effects, ...listen, ...wait);
  },

  step(memory, input, context): VerbStep<GatherMemory> {
    if (memory.prompts !== undefined) {
      const step = stepPrompts(memory.prompts, input, context);
      if (step !== undefined) return afterPrompt({ ...memory, prompts: step.list }, step.effects);
    }
    if (input.kind === 'timer' && input.name === TIMEOUT) return finish(memory, '', context);
    return input.kind === 'leg' ? onLeg(memory, input, context) : running(memory);
  },

  stop: ({ speech }) => stopListening(speech),
};

/** The time without input counts from the end of the last prompt, or from the last key. */
function afterPrompt(memory: GatherMemory, effects: readonly VerbEffect[]): VerbStep<GatherMemory> {
  const silent = memory.prompts === undefined && memory.speech !== 'speaking';
  return silent ? running(memory, ...effects, startTimeout(memory.verb)) : running(memory, ...effects);
}

function onLeg(
  memory: GatherMemory,
  { event }: Extract<VerbInput, { kind: 'leg' }>,
  context: VerbContext,
): VerbStep<GatherMemory> {
  if (event.callSid !== context.callSid) return running(memory);
  switch (event.kind) {
    case 'digit':
      return onDigit(memory, event.digit, context);
    case 'speech-began':
      return memory.speech === 'listening' ? onSpeech(memory) : running(memory);
    case 'speech-partial':
      return memory.speech === 'speaking' ? onPartial(memory, event.text, context) : running(memory);
    case 'speech-ended':
      return memory.speech === 'off' ? running(memory) : onSpeechEnded(memory, event.result, context);
    default:
      return running(memory);
  }
}

function onDigit(memory: GatherMemory, digit: string, context: VerbContext): VerbStep<GatherMemory> {
  const { verb, digits, speech } = memory;
  if (!verb.input.includes('dtmf') || speech === 'speaking') return running(memory);
  const finishes = digit === verb.finishOnKey;
  if (finishes && digits !== '') return finish(memory, digit, context);
  const { prompts, effects } = bargeIn(memory);
  // The finishing key alone ends nothing: it only cuts the prompt short.
  const next = { ...memory, prompts, digits: finishes ? digits : digits + digit, speech: 'off' as const };
  const all = [...effects, ...stopListening(speech)];
  if (verb.numDigits !== undefined && next.digits.length >= verb.numDigits) {
    return finish({ ...next, speech: 'off' }, '', context, all);
  }
  return prompts === undefined ? running(next, ...all, startTimeout(verb)) : running(next, ...all);
}

function onSpeech(memory: GatherMemory): VerbStep<GatherMemory> {
  const { prompts, effects } = bargeIn(memory);
  return running({ ...memory, prompts, speech: 'speaking' }, ...effects, { kind: 'stop-timer', name: TIMEOUT });
}

function onPartial(memory: GatherMemory, text: string, context: VerbContext): VerbStep<GatherMemory> {
  const { partialResultCallback: reference, partialResultCallbackMethod: method } = memory.verb;
  const url = reference === undefined ? undefined : context.resolve(reference);
  if (url === undefined) return running(memory);
  const { partials } = memory;
  const params = { UnstableSpeechResult: text, Stability: '0.5', SequenceNumber: String(partials) };
  return running({ ...memory, partials: partials + 1 }, { kind: 'notify', request: { url, method, params } });
}

function onSpeechEnded(memory: GatherMemory, result: ListenResult, context: VerbContext): VerbStep<GatherMemory> {
  const heard = { ...memory, speech: 'off' as const };
  if (result.kind === 'recognised' && result.text !== '') {
    const params = { SpeechResult: result.text, Confidence: result.confidence.toFixed(4) };
    return submit(heard, params, context, stopPrompts(memory.prompts));
  }
  if (result.kind === 'failed') {
    // Keys may still come; without them there is nothing to wait for.
    const told = warning(`speech cannot be recognised: ${result.message}`, 13_335);
    return memory.verb.input.includes('dtmf') ? running(heard, told) : finish(heard, '', context, [told]);
  }
  return finish(heard, '', context);
}

/** What plays is stopped when it may be. */
function bargeIn({ prompts, verb }: GatherMemory): { prompts: PromptList | undefined; effects: VerbEffect[] } {
  if (!verb.bargeIn) return { prompts, effects: [] };
  return { prompts: undefined, effects: stopPrompts(prompts) };
}

function finish(
  memory: GatherMemory,
  finishedOn: string,
  context: VerbContext,
  before: readonly VerbEffect[] = [],
): VerbStep<GatherMemory> {
  const { verb, digits, speech } = memory;
  const effects = [...before, ...stopListening(speech), ...stopPrompts(memory.prompts)];
  if (digits === '' && !verb.actionOnEmptyResult) return done('nothing', undefined, ...effects);
  const heard = verb.input.includes('speech') && digits === '' ? { SpeechResult: '', Confidence: '0.0' } : {};
  const keys = verb.input.includes('dtmf') ? { Digits: digits, FinishedOnKey: finishedOn } : {};
  return submit(memory, { ...keys, ...heard }, context, effects);
}

function submit(
  { verb }: GatherMemory,
  params: StringParams,
  context: VerbContext,
  effects: readonly VerbEffect[],
): VerbStep<GatherMemory> {
  const reference = verb.action ?? '';
  const url = context.resolve(reference);
  const outcome = 'SpeechResult' in params ? 'speech' : 'digits';
  if (url === undefined) {
    const problem =
      reference === '' ? 'a document that was not fetched needs an action' : `"${reference}" is not an HTTP address`;
    return done('failed', undefined, ...effects, warning(`<Gather>: ${problem}`, HTTP_BAD_URL));
  }
  return done(outcome, { kind: 'fetch', url, method: verb.method, params }, ...effects);
}

function startTimeout({ timeout }: GatherVerb): VerbEffect {
  return { kind: 'start-timer', name: TIMEOUT, delayMs: timeout * 1000 };
}

function listenEffect(verb: GatherVerb): VerbEffect {
  const { timeout, speechTimeout = timeout, maxSpeechTime, language, hints, partialResultCallback } = verb;
  const endSilenceMs = speechTimeout === 'auto' ? AUTO_SILENCE_MS : Math.max(1, speechTimeout) * 1000;
  return {
    kind: 'listen',
    name: LISTEN,
    options: {
      language,
      hints: (hints ?? '')
        .split(',')
        .map((hint) => hint.trim())
        .filter((hint) => hint !== ''),
      endSilenceMs,
      maxMs: maxSpeechTime * 1000,
      partial: partialResultCallback !== undefined,
    },
  };
}

function stopListening(speech: GatherMemory['speech']): VerbEffect[] {
  return speech === 'off' ? [] : [{ kind: 'stop-listen', name: LISTEN }];
}
