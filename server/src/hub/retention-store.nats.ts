import { z } from 'zod';
import { KvBucket, KvError, kvKey, parseKvKey, streamRange } from '../bus/index.ts';
import type { Bus, KvMirror } from '../bus/index.ts';
import { delay } from '../kernel/index.ts';
import { effectiveLimits } from '../tenants/index.ts';
import type { AccountLimits } from '../tenants/index.ts';
import { EventLogError } from './errors.ts';
import type { LowWaterMarks } from './ports.ts';
import type { RetentionLimits } from './retention-ledger.ts';

/** An account's own limits; undefined: it has none. Asked for at every use. */
export type RetentionSource = (accountSid: string) => AccountLimits | undefined;

const markSchema = z.object({
  epoch: z.string(),
  seq: z.number().int().nonnegative(),
  fence: z.number().int().nonnegative(),
});
type Mark = z.infer<typeof markSchema>;

const MARKS_BUCKET = 'low-water';
/** Longest that the mirror may lag behind, milliseconds. */
const SYNC_MS = 2000;

/** Low-water marks of all accounts, mirrored in every process, and what their events are kept by. The caller closes it. */
export class NatsRetentionStore implements LowWaterMarks {
  readonly #bus: Bus;
  readonly #marks: KvBucket<Mark>;
  readonly #marksMirror: KvMirror<Mark>;
  /** Marks only rise within an epoch; a bucket that was lost takes none of them back. */
  readonly #known = new Map<string, Mark>();
  readonly #limitsOf: RetentionSource;
  #seen = 0;

  private constructor(bus: Bus, marks: KvBucket<Mark>, limitsOf: RetentionSource) {
    this.#bus = bus;
    this.#limitsOf = limitsOf;
    this.#marks = marks;
    this.#marksMirror = this.#marks.mirror();
    this.#marksMirror.onChange((change) => {
      if (change.kind !== 'set') return;
      const [accountSid] = parseKvKey(change.key) ?? [];
      if (accountSid !== undefined) this.#note(accountSid, change.value);
      this.#seen = Math.max(this.#seen, change.revision);
    });
  }

  /** Resolves when all that is stored is known. @throws KvError `unavailable` */
  static async open(bus: Bus, limitsOf: RetentionSource = () => undefined): Promise<NatsRetentionStore> {
    const marks = await KvBucket.open<Mark>(bus, { name: MARKS_BUCKET, schema: markSchema });
    const store = new NatsRetentionStore(bus, marks, limitsOf);
    await store.#marksMirror.ready;
    return store;
  }

  of(accountSid: string, epoch: string): number {
    const mark = this.#known.get(accountSid);
    return mark?.epoch === epoch ? mark.seq : 0;
  }

  async sync(): Promise<void> {
    const { last } = await streamRange(this.#bus, `KV_${MARKS_BUCKET}`);
    for (let waited = 0; this.#seen < last; waited += 5) {
      // A bucket that was made anew counts from 1: then what is known here is more.
      if (waited >= SYNC_MS) throw new EventLogError('unavailable', 'low-water marks are not up to date');
      await delay(this.#bus.clock, 5);
    }
  }

  limitsOf(accountSid: string): RetentionLimits {
    const { retentionSeconds, retentionBytes } = effectiveLimits(this.#limitsOf(accountSid));
    return { maxAgeMs: retentionSeconds * 1000, maxBytes: retentionBytes };
  }

  /**
   * Says that an account's events up to `seq` are about to be purged. Resolves when every reader that asks from now on is
   * told. False when somebody with a higher fence has taken over: then nothing may be purged.
   * @throws KvError `unavailable`
   */
  async raise(accountSid: string, mark: Mark): Promise<boolean> {
    const key = kvKey(accountSid);
    for (;;) {
      const current = await this.#marks.get(key);
      if (current !== undefined && current.value.fence > mark.fence) return false;
      if (current?.value.epoch === mark.epoch && current.value.seq >= mark.seq) return true;
      try {
        if (current === undefined) await this.#marks.create(key, mark);
        else await this.#marks.update(key, mark, current.revision);
        this.#note(accountSid, mark);
        return true;
      } catch (error) {
        if (!(error instanceof KvError) || error.reason !== 'conflict') throw error;
      }
    }
  }

  close(): void {
    this.#marksMirror.close();
  }

  #note(accountSid: string, mark: Mark): void {
    const known = this.#known.get(accountSid);
    if (known?.epoch === mark.epoch && known.seq >= mark.seq) return;
    this.#known.set(accountSid, mark);
  }
}
