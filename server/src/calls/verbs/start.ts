import type { StartVerb } from '@hookswitch/shared';
import { recordingCallback } from './record.ts';
import { streamOrder } from './stream-order.ts';
import { transcriptionOrder } from './transcription-order.ts';
import type { Verb, VerbContext, VerbEffect } from './verb.ts';
import { done, running, warning } from './verb.ts';

/** As long as a call may last, milliseconds. */
const MAX_RECORDING_MS = 24 * 3600_000;

/** Begins streams, recordings and transcriptions of the caller's leg, which go on beside the following verbs. */
export const start: Verb<StartVerb, null> = {
  needsAnswer: () => true,
  start: (verb, context) =>
    done(
      'started',
      undefined,
      ...streams(verb, context),
      ...recordings(verb, context),
      ...verb.transcriptions.map((noun, n) => {
        return { kind: 'transcribe' as const, order: transcriptionOrder(noun, context, n) };
      }),
    ),
  step: () => running(null),
  stop: () => [],
};

function streams(verb: StartVerb, context: VerbContext): VerbEffect[] {
  return verb.streams.map((noun, n) => {
    const asked = streamOrder(noun, context, n, false);
    return asked.ok ? { kind: 'stream', order: asked.order } : warning(asked.problem, 11_100);
  });
}

function recordings(verb: StartVerb, context: VerbContext): VerbEffect[] {
  return verb.recordings.map((noun, n) => ({
    kind: 'record',
    callSid: context.callSid,
    order: {
      recordingSid: context.recordingSid(n),
      source: 'StartCallRecordingTwiML',
      options: {
        channels: noun.channels,
        track: noun.track,
        trim: noun.trim === 'trim-silence',
        endSilenceMs: undefined,
        maxMs: MAX_RECORDING_MS,
      },
      callback: recordingCallback(noun, context),
      transcribe: undefined,
    },
  }));
}
