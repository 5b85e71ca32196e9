import type { RecordVerb } from '@hookswitch/shared';
import type { RecordingCallback, RecordingOrder } from '../ports.ts';
import type { StringParams, Verb, VerbContext, VerbEffect, VerbInput, VerbStep } from './verb.ts';
import { done, running, warning } from './verb.ts';

interface RecordMemory {
  readonly verb: RecordVerb;
  readonly phase: 'beep' | 'recording' | 'ended';
  readonly recordingSid: string;
  /** The key that ended it. */
  readonly key: string;
  readonly durationMs: number;
}

const BEEP = 'beep';
const HTTP_BAD_URL = 11_100;

/**
 *     beep --> recording --silence, maxLength, key--> done: the action is asked
 *                  +--caller hangs up--> the action is told, with Digits=hangup
 *
 * Nothing said: no action, the next verb runs.
 */
export const record: Verb<RecordVerb, RecordMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<RecordMemory> {
    const recordingSid = context.recordingSid(0);
    const memory: RecordMemory = { verb, phase: 'beep', recordingSid, key: '', durationMs: 0 };
    if (!verb.playBeep) return begin(memory, context);
    return running(memory, { kind: 'play', name: BEEP, media: { kind: 'beep', which: 'record' } });
  },

  step(memory, input, context): VerbStep<RecordMemory> {
    return input.kind === 'leg' ? onLeg(memory, input, context) : running(memory);
  },

  stop(memory, { reason }, context): VerbEffect[] {
    const { phase, recordingSid, verb, durationMs } = memory;
    if (phase === 'recording') return [{ kind: 'stop-recording', callSid: context.callSid, recordingSid }];
    if (reason !== 'caller-hung-up' || durationMs === 0) return [];
    const url = context.resolve(verb.action ?? '');
    const params = facts({ ...memory, key: 'hangup' }, context);
    return url === undefined ? [] : [{ kind: 'notify', request: { url, method: verb.method, params } }];
  },
};

function onLeg(
  memory: RecordMemory,
  { event }: Extract<VerbInput, { kind: 'leg' }>,
  context: VerbContext,
): VerbStep<RecordMemory> {
  const { phase, verb, recordingSid } = memory;
  if (event.callSid !== context.callSid) return running(memory);
  switch (event.kind) {
    case 'play-ended':
      return phase === 'beep' ? begin(memory, context) : running(memory);
    case 'digit': {
      const ends = phase === 'recording' && memory.key === '' && verb.finishOnKey.includes(event.digit);
      if (!ends) return running(memory);
      return running(
        { ...memory, key: event.digit },
        { kind: 'stop-recording', callSid: context.callSid, recordingSid },
      );
    }
    case 'recording-ended': {
      if (event.recordingSid !== recordingSid) return running(memory);
      const over: RecordMemory = { ...memory, phase: 'ended', durationMs: event.durationMs };
      // The end of the leg comes next, and with it `stop`.
      if (event.reason === 'leg-ended') return running(over);
      if (event.reason === 'failed') return done('failed', undefined, warning('the recording failed'));
      return event.durationMs === 0 ? done('absent') : ask(over, context);
    }
    default:
      return running(memory);
  }
}

function begin(memory: RecordMemory, context: VerbContext): VerbStep<RecordMemory> {
  const { verb, recordingSid } = memory;
  const order: RecordingOrder = {
    recordingSid,
    source: 'RecordVerb',
    options: {
      channels: 'mono',
      track: 'inbound',
      trim: verb.trim === 'trim-silence',
      endSilenceMs: verb.timeout === 0 ? undefined : verb.timeout * 1000,
      maxMs: verb.maxLength * 1000,
    },
    callback: recordingCallback(verb, context),
    transcribe: transcription(verb, context),
  };
  return running({ ...memory, phase: 'recording' }, { kind: 'record', callSid: context.callSid, order });
}

/** Where a recording of a verb or noun is reported to. */
export function recordingCallback(
  attributes: Pick<
    RecordVerb,
    'recordingStatusCallback' | 'recordingStatusCallbackMethod' | 'recordingStatusCallbackEvent'
  >,
  context: VerbContext,
): RecordingCallback | undefined {
  const { recordingStatusCallback: reference } = attributes;
  const url = reference === undefined ? undefined : context.resolve(reference);
  if (url === undefined) return undefined;
  return { url, method: attributes.recordingStatusCallbackMethod, events: attributes.recordingStatusCallbackEvent };
}

function transcription(verb: RecordVerb, context: VerbContext): RecordingOrder['transcribe'] {
  const { transcribe, transcribeCallback: reference } = verb;
  if (!transcribe && reference === undefined) return undefined;
  return { url: reference === undefined ? undefined : context.resolve(reference) };
}

function facts({ recordingSid, durationMs, key }: RecordMemory, context: VerbContext): StringParams {
  return {
    RecordingSid: recordingSid,
    RecordingUrl: context.recordingUrl(recordingSid),
    RecordingDuration: wholeSeconds(durationMs),
    Digits: key,
  };
}

/** As the REST API tells durations: a recording that exists has at least a second. */
export function wholeSeconds(durationMs: number): string {
  return String(Math.max(1, Math.round(durationMs / 1000)));
}

function ask(memory: RecordMemory, context: VerbContext): VerbStep<RecordMemory> {
  const { action = '', method } = memory.verb;
  const url = context.resolve(action);
  if (url === undefined) {
    const problem = action === '' ? 'a document that was not fetched needs an action' : `"${action}" is no address`;
    return done('failed', undefined, warning(`<Record>: ${problem}`, HTTP_BAD_URL));
  }
  return done('recorded', { kind: 'fetch', url, method, params: facts(memory, context) });
}
