import type { Position } from '@hookswitch/shared';
import type { AccountFeed } from './account-feed.ts';

/** Whether everything that the pattern matches after the position can still be had. Rejects with EventLogError. */
export async function canResume(feed: AccountFeed, pattern: string, { epoch, seq }: Position): Promise<boolean> {
  if (epoch === feed.epoch && seq <= feed.dispatched && feed.coversSince(pattern, seq)) return true;
  const bounds = await feed.bounds();
  return epoch === bounds.epoch && seq >= bounds.lowWater && seq <= bounds.head;
}
