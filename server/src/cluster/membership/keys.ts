/** Keys of the lease store: parts separated by `/`, which no part contains. */
export const nodeKey = (node: string): string => `node/${node}`;
export const shardKey = (task: string, shard: number): string => `task/${task}/${shard}`;

/** The node that a key names; undefined for keys of shards. */
export function nodeOfKey(key: string): string | undefined {
  return key.startsWith('node/') ? key.slice('node/'.length) : undefined;
}
