import type { ShardDuty, ShardedTask } from '../ports.ts';

/** A task that only notes what it does. */
export class RecordedTask implements ShardedTask {
  readonly name: string;
  readonly shards: number;
  /** Shards in hand now, with their fences. */
  readonly doing = new Map<number, number>();
  readonly fences: { readonly shard: number; readonly fence: number }[] = [];

  constructor(name: string, shards: number) {
    this.name = name;
    this.shards = shards;
  }

  async run({ shard, fence, signal }: ShardDuty): Promise<void> {
    this.doing.set(shard, fence);
    this.fences.push({ shard, fence });
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    this.doing.delete(shard);
  }
}
