import { isSid } from '@hookswitch/shared';
import type { EventSink } from '../calls/ports.ts';
import type { HttpTap } from './ports.ts';

/** Bounds of what an event tells of a request, characters. */
const MOST = { value: 1024, params: 8192, body: 4096, url: 2048 } as const;

/** Publishes every request for a call as an event, from which its log is made. */
export function exchangeEvents(events: EventSink): HttpTap {
  return ({ accountSid, callSid, purpose, idempotencyToken, method, params, ...rest }) => {
    // Requests for conferences and queues are told by these.
    if (!isSid('call', callSid)) return;
    const { url, durationMs, status, contentType, body, location, problem, code } = rest;
    events.emit({
      accountSid,
      type: 'call.exchange',
      subject: callSid,
      data: {
        callSid,
        purpose,
        method,
        url: url.slice(0, MOST.url),
        params: boundedParams(params),
        idempotencyToken,
        durationMs: Math.round(durationMs),
        ...(status === undefined ? {} : { status }),
        ...(contentType === undefined ? {} : { contentType }),
        ...(body === undefined ? {} : { body: body.slice(0, MOST.body) }),
        ...(body === undefined || body.length <= MOST.body ? {} : { bodyTruncated: true }),
        ...(location === undefined ? {} : { location: location.slice(0, MOST.url) }),
        ...(problem === undefined ? {} : { problem }),
        ...(code === undefined ? {} : { code }),
      },
    });
  };
}

function boundedParams(params: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  let length = 0;
  for (const [name, value] of Object.entries(params)) {
    const cut = value.slice(0, MOST.value);
    length += name.length + cut.length;
    if (length > MOST.params) break;
    kept[name] = cut;
  }
  return kept;
}

/** Several taps as one. */
export function allTaps(...taps: readonly (HttpTap | undefined)[]): HttpTap {
  return (exchange) => {
    for (const tap of taps) tap?.(exchange);
  };
}
