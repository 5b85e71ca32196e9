import { HUB_LIMITS, isApplicationTopic, parseTopic } from '@hookswitch/shared';
import type { ClientFrame, HookswitchEvent, ServerFrame } from '@hookswitch/shared';
import { mayPublish } from '../../hub/index.ts';
import type { Hub } from '../../hub/index.ts';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import { errorOf } from '../machine.ts';
import { overQuota } from './over-quota.ts';
import type { Session } from '../session.ts';

export interface PublishContext {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
}

/**
 * Clients publish under `app.` only, so that no client can forge an event of a call. The envelope is written here: the
 * account and the sender come from the token, never from the frame.
 */
export async function publish(
  context: PublishContext,
  session: Session,
  frame: Extract<ClientFrame, { type: 'publish' }>,
): Promise<ServerFrame> {
  const { id } = frame;
  const parsed = parseTopic(frame.topic, { wildcards: false });
  if (!parsed.ok) return errorOf('badTopic', id, parsed.problem);
  if (!isApplicationTopic(parsed.topic)) return errorOf('notPermitted', id, 'clients publish under app. only');
  if (!mayPublish(session.grants, parsed.topic)) {
    return errorOf('notPermitted', id, `the token does not grant publishing to ${parsed.topic}`);
  }
  // An absent member and null are the same thing in the envelope.
  const data = frame.data ?? null;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes > HUB_LIMITS.maxPublishBytes) {
    return errorOf('payloadTooLarge', id, `data is at most ${HUB_LIMITS.maxPublishBytes} bytes of JSON`);
  }
  const over = session.use?.publish(bytes);
  if (over !== undefined) return overQuota(id, over);
  const { accountSid, identity, keySid } = session.grants;
  const event: HookswitchEvent = {
    specversion: '1.0',
    id: frame.eventId ?? randomHex(context.random, 16),
    source: `/clients/${encodeURIComponent(identity ?? keySid)}`,
    type: frame.event,
    ...(identity === undefined ? {} : { subject: identity }),
    time: new Date(context.clock.now()).toISOString(),
    datacontenttype: 'application/json',
    accountsid: accountSid,
    data,
  };
  const position = await context.hub.publish(accountSid, parsed.topic, event, bytes);
  return { type: 'published', id, eventId: event.id, position };
}
