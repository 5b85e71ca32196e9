import { HUB_LIMITS, parseTopic, topicMatches } from '@hookswitch/shared';
import type { ClientFrame, ServerFrame } from '@hookswitch/shared';
import { allowSubscription } from '../../hub/index.ts';
import { errorOf } from '../machine.ts';
import { overQuota } from './over-quota.ts';
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
  const allowance = allowSubscription(session.grants, pattern, frame.filter);
  if (!allowance.ok) return errorOf('notPermitted', id, allowance.problem);
  if (session.delivery.has(pattern)) return errorOf('alreadySubscribed', id);
  const refusal = session.presence.refusal(pattern, frame.presence);
  if (refusal !== undefined) return errorOf(refusal.error, id, refusal.message);
  if (session.delivery.size >= HUB_LIMITS.maxSubscriptions) {
    return errorOf('limitExceeded', id, `a connection has ${HUB_LIMITS.maxSubscriptions} subscriptions at most`);
  }
  const over = session.use?.subscribe();
  if (over !== undefined) return overQuota(id, over);
  const answer = await session.delivery.subscribe(pattern, {
    position: frame.position,
    rewind: frame.rewind,
    filter: session.filters.of(allowance.restriction),
  });
  const { position, recovered, start } = answer;
  const past = start === undefined ? {} : { start };
  session.conflate(pattern, frame.conflate === true);
  answer.begin(() => {
    // What was live for others comes first: an event after this answer has nothing before it that is still to come.
    const told = { type: 'subscribed', id, topic: pattern, position, recovered, ...past } as const;
    session.outbox.sendBehind(told, (topic) => topicMatches(pattern, topic));
  });
  session.presence.join(pattern, frame.presence);
  return undefined;
}

/** No event of it comes after the answer, which may pass by what waits: else a new subscription would bring it twice. */
export function unsubscribe(
  session: Session,
  frame: Extract<ClientFrame, { type: 'unsubscribe' }>,
): ServerFrame | undefined {
  const parsed = parseTopic(frame.topic, { wildcards: true });
  if (!parsed.ok) return errorOf('badTopic', frame.id, parsed.problem);
  if (!session.unsubscribe(parsed.topic)) return errorOf('notSubscribed', frame.id);
  const { topic: pattern } = parsed;
  session.outbox.sendBehind({ type: 'unsubscribed', id: frame.id, topic: pattern }, (topic) =>
    topicMatches(pattern, topic),
  );
  return undefined;
}
