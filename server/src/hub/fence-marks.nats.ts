import { z } from 'zod';
import { KvBucket, kvKey, parseKvKey, shardOf, streamName, streamRange } from '../bus/index.ts';
import type { Bus, KvMirror } from '../bus/index.ts';
import type { LoggedEvent } from './ports.ts';

/** Where each stream stood when a dead node was swept. */
const fenceMarkSchema = z.object({
  fence: z.number().int().nonnegative(),
  /** By shard. */
  shards: z.record(z.string(), z.object({ epoch: z.string(), seq: z.number().int().nonnegative() })),
});
type FenceMark = z.infer<typeof fenceMarkSchema>;

/** Longer than streams keep events (72 hours, unless made otherwise), milliseconds. */
const MARK_LIFE_MS = 20 * 24 * 3_600_000;

export interface FenceMarksOptions {
  readonly bus: Bus;
  readonly shards: number;
  /** From the cluster: whether the lease that the node published under was taken. */
  readonly isFenced: (node: string, fence: number) => boolean;
}

/**
 * Keeps late words of the dead from everybody. A node that was given up may wake up with messages under way; what a dead
 * node said in time is history like any other. So when it is swept, the head of each stream is written down, and events
 * of that node and fence behind it are refused, live and from history alike, by every process. From the moment the lease
 * is taken until that is written they are refused live. The caller closes it.
 */
export class NatsFenceMarks {
  /** To be registered with the cluster: the same on every node. */
  readonly sweepable: { readonly name: string; sweep(node: string, fence: number): Promise<void> };
  readonly #options: FenceMarksOptions;
  readonly #bucket: KvBucket<FenceMark>;
  readonly #mirror: KvMirror<FenceMark>;
  readonly #marks = new Map<string, FenceMark>();

  private constructor(options: FenceMarksOptions, bucket: KvBucket<FenceMark>) {
    this.#options = options;
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
    this.#mirror.onChange((change) => {
      const [node] = parseKvKey(change.key) ?? [];
      if (node === undefined) return;
      if (change.kind === 'set') this.#marks.set(node, change.value);
      else if (change.why === 'expired') this.#marks.delete(node);
    });
    this.sweepable = { name: 'late events', sweep: (node, fence) => this.#sweep(node, fence) };
  }

  /** Resolves when all that is stored is known. @throws KvError `unavailable` */
  static async open(options: FenceMarksOptions): Promise<NatsFenceMarks> {
    const bucket = await KvBucket.open<FenceMark>(options.bus, {
      name: 'fences',
      schema: fenceMarkSchema,
      ttlMs: MARK_LIFE_MS,
    });
    const marks = new NatsFenceMarks(options, bucket);
    await marks.#mirror.ready;
    return marks;
  }

  /** Events without a fence (of clients, of backends) are never refused. */
  isRefused({ accountSid, event, position }: LoggedEvent, how: 'live' | 'history'): boolean {
    const { fence, source } = event;
    if (fence === undefined) return false;
    const mark = this.#marks.get(source);
    if (mark === undefined || fence > mark.fence) return how === 'live' && this.#options.isFenced(source, fence);
    const at = mark.shards[String(shardOf(accountSid, this.#options.shards))];
    // A stream that was made anew since then holds nothing that was said in time.
    return at === undefined || at.epoch !== position.epoch || position.seq > at.seq;
  }

  close(): void {
    this.#mirror.close();
  }

  /** Repeated by the next sweeper when it fails; the first marks stay. */
  async #sweep(node: string, fence: number): Promise<void> {
    const { bus } = this.#options;
    const key = kvKey(node);
    const known = await this.#bucket.get(key);
    if (known !== undefined && known.value.fence >= fence) return;
    const shards: FenceMark['shards'] = {};
    for (let shard = 0; shard < this.#options.shards; shard++) {
      const { epoch, last } = await streamRange(bus, streamName(shard));
      shards[String(shard)] = { epoch, seq: last };
    }
    const mark = { fence, shards };
    await this.#bucket.put(key, mark);
    this.#marks.set(node, mark);
  }
}
