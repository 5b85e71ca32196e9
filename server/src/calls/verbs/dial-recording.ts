import type { DialVerb } from '@hookswitch/shared';
import { recordingCallback, wholeSeconds } from './record.ts';
import type { StringParams, VerbContext, VerbEffect } from './verb.ts';

/** The recording of a Dial: on the caller's leg, which hears and says all of it. */
export interface DialRecording {
  readonly recordingSid: string;
  readonly state: 'live' | 'stopping' | 'ended';
  readonly durationMs: number;
}

/** Longer than a Dial may last, milliseconds. */
const MAX_MS = 25 * 3600_000;

/** From when on a Dial is recorded; undefined: not at all. */
export function recordsFrom({ record }: DialVerb): 'answer' | 'ringing' | undefined {
  if (record === 'do-not-record' || record === 'false') return undefined;
  return record.startsWith('record-from-ringing') ? 'ringing' : 'answer';
}

export function beginRecording(
  dial: DialVerb,
  context: VerbContext,
): { readonly recording: DialRecording; readonly effect: VerbEffect } {
  const recordingSid = context.recordingSid(0);
  const effect: VerbEffect = {
    kind: 'record',
    callSid: context.callSid,
    order: {
      recordingSid,
      source: 'DialVerb',
      options: {
        channels: dial.record.endsWith('-dual') ? 'dual' : 'mono',
        track: dial.recordingTrack,
        trim: dial.trim === 'trim-silence',
        endSilenceMs: undefined,
        maxMs: MAX_MS,
      },
      callback: recordingCallback(dial, context),
      transcribe: undefined,
    },
  };
  return { recording: { recordingSid, state: 'live', durationMs: 0 }, effect };
}

/** What the action URL is told of it. */
export function recordingParams(recording: DialRecording | undefined, context: VerbContext): StringParams {
  if (recording === undefined || recording.durationMs === 0) return {};
  const { recordingSid, durationMs } = recording;
  return {
    RecordingSid: recordingSid,
    RecordingUrl: context.recordingUrl(recordingSid),
    RecordingDuration: wholeSeconds(durationMs),
  };
}
