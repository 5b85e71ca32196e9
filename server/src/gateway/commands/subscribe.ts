import { HUB_LIMITS, parseTopic } from '@hookswitch/shared';
import type { ClientFrame, ServerFrame } from '@hookswitch/shared';
import { maySubscribe } from '../../hub/index.ts';
import { errorOf } from '../machine.ts';
import type { Session } from '../session.ts';

/**
 * BR-1: the capability is checked before anything of the subscription exists. The answer is queued before the first
 * event, so that a client always knows of the subscription first.
 */
export async function subscribe(
  session: Session,
  frame: Extract<ClientFrame, { type: 'subscribe' }>,
): Promise<ServerFrame | undefined> {
  const { id } = frame;
  const parsed = parseTopic(frame.topic, { wildcards: true });
  if (!parsed.ok) return errorOf('badTopic', id, parsed.problem);
  const pattern = parsed.topic;
  if (!maySubscribe(session.grants, pattern)) {
    return errorOf('notPermitted', id, `the token does not grant subscribing to ${pattern}`);
  }
  if (session.delivery.has(pattern)) return errorOf('alreadySubscribed', id);
  if (session.delivery.size >= HUB_LIMITS.maxSubscriptions) {
    return errorOf('limitExceeded', id, `a connection has ${HUB_LIMITS.maxSubscriptions} subscriptions at most`);
  }
  const answer = await session.delivery.subscribe(pattern, frame.position);
  const { position, recovered } = answer;
  session.outbox.sendControl({ type: 'subscribed', id, topic: pattern, position, recovered });
  answer.begin();
  return undefined;
}

/** Events already on their way may still arrive after the answer. */
export function unsubscribe(session: Session, frame: Extract<ClientFrame, { type: 'unsubscribe' }>): ServerFrame {
  const parsed = parseTopic(frame.topic, { wildcards: true });
  if (!parsed.ok) return errorOf('badTopic', frame.id, parsed.problem);
  if (!session.delivery.unsubscribe(parsed.topic)) return errorOf('notSubscribed', frame.id);
  return { type: 'unsubscribed', id: frame.id, topic: parsed.topic };
}
