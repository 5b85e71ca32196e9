import { topicMatches } from '@hookswitch/shared';
import type { Followed } from './feed-subscription.ts';
import type { HotRing } from './hot-ring.ts';
import type { LoggedEvent } from './ports.ts';

/**
 * Whether an event that came after later ones was never dispatched, though a pattern follows its topic. NATS may give the
 * events of two publishers in another order than they are stored in.
 */
export function isLate({ topic, position }: LoggedEvent, patterns: Iterable<Followed>, ring: HotRing): boolean {
  const { seq } = position;
  if (!ring.reaches(seq - 1) || ring.between(seq - 1, seq + 1).length > 0) return false;
  return [...patterns].some(({ pattern, since = Infinity }) => since < seq && topicMatches(pattern, topic));
}
