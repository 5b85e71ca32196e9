import { z } from 'zod';
import { httpMethod, urlReference, wordList } from './attributes.ts';

/** Steps of a recording that a callback can report. */
export const RECORDING_EVENTS = ['in-progress', 'completed', 'absent'] as const;
export type RecordingEvent = (typeof RECORDING_EVENTS)[number];

/** Where a recording is reported to. */
export const recordingCallbackAttributes = {
  recordingStatusCallback: urlReference.optional(),
  recordingStatusCallbackMethod: httpMethod.default('POST'),
  recordingStatusCallbackEvent: wordList(RECORDING_EVENTS).default(['completed']),
};

export const recordingTrack = z.enum(['both', 'inbound', 'outbound'], 'expected both, inbound or outbound');
export const trimming = z.enum(['trim-silence', 'do-not-trim'], 'expected trim-silence or do-not-trim');
