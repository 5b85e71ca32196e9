import { HUB_LIMITS, parseTopic } from '@hookswitch/shared';
import type { HubErrorName, ServerFrame } from '@hookswitch/shared';
import { allowSubscription } from '../../hub/index.ts';
import type { EventFilter } from '../../hub/index.ts';
import { errorOf } from '../machine.ts';
import { overQuota } from './over-quota.ts';
import type { SubscribeAllFrame } from '../ports.ts';
import type { Session } from '../session.ts';

/** One subscription that may be made. */
export interface AllowedTopic {
  /** Normalised. */
  readonly pattern: string;
  readonly filter: EventFilter | undefined;
}

export type AllowedTopics =
  | { readonly ok: true; readonly allowed: readonly AllowedTopic[] }
  | { readonly ok: false; readonly error: HubErrorName; readonly problem: string };

/** All of it is checked before anything of it exists. A topic named twice counts once. */
export function allowTopics(
  { grants, filters }: Pick<Session, 'grants' | 'filters'>,
  { topics, filter }: Pick<SubscribeAllFrame, 'topics' | 'filter'>,
): AllowedTopics {
  const allowed = new Map<string, AllowedTopic>();
  for (const topic of topics) {
    const parsed = parseTopic(topic, { wildcards: true });
    if (!parsed.ok) return { ok: false, error: 'badTopic', problem: `'${topic}': ${parsed.problem}` };
    const allowance = allowSubscription(grants, parsed.topic, filter);
    if (!allowance.ok) return { ok: false, error: 'notPermitted', problem: allowance.problem };
    allowed.set(parsed.topic, { pattern: parsed.topic, filter: filters.of(allowance.restriction) });
  }
  return { ok: true, allowed: [...allowed.values()] };
}

/** For a connection without subscriptions. */
export async function subscribeAll(session: Session, frame: SubscribeAllFrame): Promise<ServerFrame | undefined> {
  const { id, position, rewind } = frame;
  const { delivery } = session;
  const checked = allowTopics(session, frame);
  if (!checked.ok) return errorOf(checked.error, id, checked.problem);
  if (delivery.size > 0) return errorOf('alreadySubscribed', id);
  if (checked.allowed.length > HUB_LIMITS.maxSubscriptions) {
    return errorOf('limitExceeded', id, `a connection has ${HUB_LIMITS.maxSubscriptions} subscriptions at most`);
  }
  const over = session.use?.subscribe(checked.allowed.length);
  if (over !== undefined) return overQuota(id, over);
  const answers = await Promise.all(
    checked.allowed.map(({ pattern, filter }) => delivery.subscribe(pattern, { position, rewind, filter })),
  ).catch((error: unknown) => {
    for (const { pattern } of checked.allowed) delivery.unsubscribe(pattern);
    throw error;
  });
  for (const [at, { position: now, recovered, start }] of answers.entries()) {
    const topic = checked.allowed[at]?.pattern ?? '';
    const past = start === undefined ? {} : { start };
    session.outbox.sendControl({ type: 'subscribed', id, topic, position: now, recovered, ...past });
  }
  for (const answer of answers) answer.begin();
  return undefined;
}
