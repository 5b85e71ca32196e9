import { formatPosition, positionSchema } from '@hookswitch/shared';
import type { Position, ServerFrame } from '@hookswitch/shared';
import type { FrameEncoder } from '../../hub/index.ts';

/** Topic and position as every event frame begins; `event` is not looked into. */
const EVENT = /^\{"type":"event","topic":"[^"]*","position":(\{[^}]*\})/;
const NOTHING = Buffer.alloc(0);
const HEARTBEAT = Buffer.from(':\n\n');

/** Frames of the hub as server-sent events (HTML standard, section 9.2). */
export const SSE: FrameEncoder = { name: 'sse', encode: encodeSse };

export interface SseEvent {
  /** Left out: `message`. */
  readonly event?: string;
  readonly id?: Position | undefined;
  /** The client waits this long before it reconnects, milliseconds. */
  readonly retryMs?: number | undefined;
  readonly data: string;
}

/** One event. Raw line ends in JSON stand between tokens only, so that a space says the same. */
export function sseEvent({ event, id, retryMs, data }: SseEvent): Buffer {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${formatPosition(id).replace(/[\r\n\0]/g, '')}`]),
    ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
    `data: ${data.replace(/[\r\n]+/g, ' ')}`,
  ];
  return Buffer.from(`${lines.join('\n')}\n\n`);
}

/**
 * Events go without a name, so that `onmessage` gets them, with their position as id; heartbeats become comments; notices
 * are named after their type. Only the id of events moves the place where a client resumes: a `gap` has none.
 */
function encodeSse(json: string): Buffer {
  const position = EVENT.exec(json)?.[1];
  if (position !== undefined) return sseEvent({ id: positionSchema.parse(JSON.parse(position)), data: json });
  const frame = JSON.parse(json) as ServerFrame;
  switch (frame.type) {
    case 'ping':
      return HEARTBEAT;
    case 'gap':
    case 'token-will-expire':
      return sseEvent({ event: frame.type, data: json });
    case 'disconnect':
      return sseEvent({ event: 'disconnect', retryMs: frame.retryAfterMs, data: json });
    case 'error':
      // `error` is what EventSource itself calls a lost connection.
      return sseEvent({ event: 'problem', data: json });
    default:
      return NOTHING;
  }
}
