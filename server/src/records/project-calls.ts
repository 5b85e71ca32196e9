import { on } from './projection.ts';
import type { Handlers } from './projection.ts';

const CALLS = 'calls.';
/** Events of calls. */
export const CALL_HANDLERS: Handlers = {
  'call.initiated': on('call.initiated', CALLS, (projection, data, event) => {
    const { trunk } = data;
    projection.call(event, data, {
      // DEVIATION: the 2010 API has no status for a call that was dialled and does not ring yet.
      status: data.direction === 'inbound' ? 'ringing' : 'queued',
      createdAt: event.time,
      startTime: event.time,
      ...(trunk === undefined ? {} : { trunkSid: trunk }),
    });
  }),
  'call.ringing': on('call.ringing', CALLS, (projection, data, event) => {
    projection.call(event, data, { status: 'ringing' });
  }),
  'call.answered': on('call.answered', CALLS, (projection, data, event) => {
    projection.call(event, data, { status: 'in-progress', answeredAt: event.time });
  }),
  'call.ended': on('call.ended', CALLS, (projection, data, event) => {
    const { status, cause, message, sipStatus, durationSeconds } = data;
    projection.call(event, data, {
      status,
      cause,
      message,
      endTime: event.time,
      duration: durationSeconds,
      ...(sipStatus === undefined ? {} : { sipStatus }),
    });
  }),
  'call.exchange': on('call.exchange', CALLS, (projection, data, event) => {
    const { callSid, url, method, params, status = null, contentType = null, body = null, durationMs } = data;
    const answer = { status, contentType, body, durationMs: Math.round(durationMs) };
    projection.exchange(event, callSid, { url, method, parameters: params, ...answer });
  }),
  'call.instructions-failed': on('call.instructions-failed', CALLS, (projection, data, event) => {
    const { callSid, url, method, code, message, hint } = data;
    projection.notify(event, callSid, { log: 'error', code, message, hint, requestMethod: method, requestUrl: url });
  }),
  'call.warning': on('call.warning', CALLS, (projection, data, event) => {
    const { callSid, code, message } = data;
    projection.notify(event, callSid, { log: 'warning', code, message });
  }),
};
