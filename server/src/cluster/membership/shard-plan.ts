/** What this node should take and give up, of one task. */
export interface ShardPlan {
  readonly take: readonly number[];
  readonly release: readonly number[];
}

/**
 * Balances shards over the nodes that offer the task: no two differ by more than one shard, and as few as possible change
 * hands. Every node computes the same from the same view; where views differ for a moment, compare-and-swap decides.
 *
 * @param holders live holder of each shard, by shard; undefined: free
 * @param candidates live nodes that offer the task, any order; `self` among them, or it gives everything up
 */
export function planShards(
  holders: readonly (string | undefined)[],
  candidates: readonly string[],
  self: string,
): ShardPlan {
  const held = new Map<string, number[]>(candidates.map((node) => [node, []]));
  const free: number[] = [];
  const foreign: number[] = [];
  for (const [shard, holder] of holders.entries()) {
    if (holder === undefined) free.push(shard);
    else if (held.has(holder)) held.get(holder)?.push(shard);
    else if (holder === self) foreign.push(shard);
  }
  if (!held.has(self)) return { take: [], release: foreign };
  const least = Math.floor(holders.length / candidates.length);
  const extras = holders.length % candidates.length;
  // Who has most keeps the odd ones: nothing moves for the sake of order.
  const ranked = [...held].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  let take: number[] = [];
  let release: number[] = [];
  for (const [rank, [node, shards]] of ranked.entries()) {
    const quota = least + (rank < extras ? 1 : 0);
    const taken = free.splice(0, Math.max(0, quota - shards.length));
    if (node !== self) continue;
    take = taken;
    release = shards.slice(quota);
  }
  return { take, release };
}
