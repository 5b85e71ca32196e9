import { z } from 'zod';
import { httpMethod, urlReference } from './attributes.ts';
import { childElements, readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { recordingCallbackAttributes, recordingTrack, trimming } from './recording.ts';
import { readStreams } from './stream.ts';
import type { StreamNoun } from './stream.ts';
import { readTranscription } from './transcription.ts';
import type { TranscriptionNoun } from './transcription.ts';

/** `<Start>`: begins what goes on beside the following verbs, until `<Stop>` or the end of the call. */
export const startAttributes = z.object({
  action: urlReference.optional().describe('has no effect: the next verb runs at once'),
  method: httpMethod.default('POST').describe('has no effect'),
});

/** `<Recording>` in Start. */
export const startRecordingAttributes = z.object({
  channels: z.enum(['mono', 'dual'], 'expected mono or dual').default('dual'),
  track: recordingTrack.default('both'),
  trim: trimming.default('do-not-trim'),
  ...recordingCallbackAttributes,
  recordingConfigurationId: z.string().optional().describe('has no effect'),
});
export type RecordingNoun = z.output<typeof startRecordingAttributes>;

export interface StartVerb {
  readonly verb: 'Start';
  readonly streams: readonly StreamNoun[];
  readonly recordings: readonly RecordingNoun[];
  readonly transcriptions: readonly TranscriptionNoun[];
}

export function readStart(element: TwimlElement, report: ReportTwimlProblem): StartVerb | undefined {
  readAttributes(element, startAttributes, report);
  reportStrangers(element, ['Recording', 'Stream', 'Transcription'], report);
  const children = childElements(element);
  const named = (wanted: string): TwimlElement[] => children.filter(({ name }) => name === wanted);
  const streams = readStreams(named('Stream'), report);
  const recordings = named('Recording').map((child) => readAttributes(child, startRecordingAttributes, report));
  const transcriptions = named('Transcription').map((child) => readTranscription(child, report));
  const count = streams.length + recordings.length + transcriptions.length;
  return count === 0 ? undefined : { verb: 'Start', streams, recordings, transcriptions };
}
