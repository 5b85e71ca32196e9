import type { EventData, HookswitchEvent } from '@hookswitch/shared';
import type { RecordingPatch } from './ports.ts';
import { on } from './projection.ts';
import type { Handlers, Projection } from './projection.ts';

/** Told on the topics of the leg that is recorded. */
const CALLS = 'calls.';

/** Events of recordings and of their transcriptions. */
export const RECORDING_HANDLERS: Handlers = {
  'recording.started': on('recording.started', CALLS, (projection, data, event) => {
    recording(projection, event, { data, status: 'in-progress' });
  }),
  'recording.paused': on('recording.paused', CALLS, (projection, data, event) => {
    recording(projection, event, { data, status: 'paused' });
  }),
  'recording.resumed': on('recording.resumed', CALLS, (projection, data, event) => {
    recording(projection, event, { data, status: 'in-progress' });
  }),
  'recording.completed': on('recording.completed', CALLS, (projection, data, event) => {
    const { durationSeconds, bytes } = data;
    recording(projection, event, {
      data,
      status: 'completed',
      more: { durationMs: Math.round(durationSeconds * 1000), bytes },
    });
  }),
  'recording.absent': on('recording.absent', CALLS, (projection, data, event) => {
    recording(projection, event, { data, status: 'absent' });
  }),
  'recording.failed': on('recording.failed', CALLS, (projection, data, event) => {
    recording(projection, event, { data, status: 'failed', more: { message: data.message } });
  }),
  'recording.transcribed': on('recording.transcribed', CALLS, (projection, data, event) => {
    const { transcriptionSid: sid, recordingSid, status, text } = data;
    const { accountsid: accountSid, time: createdAt } = event;
    projection.transcription({ sid, accountSid, recordingSid, createdAt, status, text, durationMs: null });
  }),
};

function recording(
  projection: Projection,
  event: HookswitchEvent,
  {
    data,
    status,
    more = {},
  }: { data: EventData<'recording.started'>; status: RecordingPatch['status']; more?: Partial<RecordingPatch> },
): void {
  const { recordingSid: sid, callSid, conferenceSid = null, source, channels, track, startedAt } = data;
  const startTime = new Date(startedAt).toISOString();
  projection.recording({
    sid,
    accountSid: event.accountsid,
    callSid,
    conferenceSid,
    source,
    channels,
    track,
    status,
    startTime,
    createdAt: startTime,
    updatedAt: event.time,
    ...more,
  });
}
