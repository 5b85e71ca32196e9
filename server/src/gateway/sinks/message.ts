import { createHash } from 'node:crypto';
import { formatPosition } from '@hookswitch/shared';
import type { LoggedEvent } from '../../hub/index.ts';
import { signatureHeaders } from './signature.ts';

/** A batch of events as a signed message. */
export function messageOf(
  sid: string,
  events: readonly LoggedEvent[],
  { secret, at }: { readonly secret: string; readonly at: number },
): { readonly headers: Record<string, string>; readonly body: string } {
  const body = `[${events.map(bodyOf).join(',')}]`;
  return { body, headers: messageHeaders(secret, { id: idOf(sid, events), at, body }) };
}

/** Headers of a signed CloudEvents batch. */
export function messageHeaders(
  secret: string,
  message: { readonly id: string; readonly at: number; readonly body: string },
): Record<string, string> {
  return {
    'content-type': 'application/cloudevents-batch+json; charset=utf-8',
    'user-agent': 'hookswitch-webhooks/1',
    ...signatureHeaders(secret, message),
  };
}

/** The event with its topic and position as CloudEvents extensions; the stored text is neither parsed nor written again. */
function bodyOf({ json, topic, position }: LoggedEvent): string {
  const head = json.slice(0, json.lastIndexOf('}'));
  return `${head},"topic":${JSON.stringify(topic)},"position":${JSON.stringify(formatPosition(position))}}`;
}

/** The same events are the same message, after a restart too. */
function idOf(sid: string, events: readonly LoggedEvent[]): string {
  const hash = createHash('sha256').update(sid);
  for (const { position } of events) hash.update(`\n${formatPosition(position)}`);
  return `msg_${hash.digest('base64url').slice(0, 27)}`;
}
