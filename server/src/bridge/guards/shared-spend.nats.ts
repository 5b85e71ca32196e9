import { z } from 'zod';
import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { Timer } from '../../kernel/index.ts';
import type { SharedSpend } from './ports.ts';
import { spendAt, spendMore } from './spend.ts';
import type { Spend, SpendChange } from './spend.ts';

const spendSchema = z.object({
  minute: z.number(),
  calls: z.number(),
  hour: z.number(),
  inHour: z.number(),
  day: z.number(),
  inDay: z.number(),
});
const FLUSH_MS = 1000;
/** Another node may write in between. */
const CLOSING_ATTEMPTS = 5;
/** Nothing is of use when its day is over. */
const KEPT_MS = 2 * 86_400_000;
const NO_CHANGE: SpendChange = { calls: 0, amount: 0 };

/**
 * What accounts have spent, in a KV bucket that all nodes read from a mirror. What this node adds is counted here at once and written
 * once a second, by compare-and-swap; while NATS is away it is counted here and written later. The caller closes it.
 */
export class NatsSpend implements SharedSpend {
  readonly #bus: Bus;
  readonly #bucket: KvBucket<Spend>;
  readonly #mirror: KvMirror<Spend>;
  /** Added here and not written yet. */
  readonly #pending = new Map<string, SpendChange>();
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;

  private constructor(bus: Bus, bucket: KvBucket<Spend>) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsSpend> {
    const spend = new NatsSpend(bus, await KvBucket.open(bus, { name: 'spend', schema: spendSchema, ttlMs: KEPT_MS }));
    await spend.#mirror.ready;
    return spend;
  }

  of(accountSid: string): Spend {
    const now = this.#bus.clock.now();
    const told = this.#mirror.get(kvKey(accountSid));
    return spendAt(spendMore(told, this.#pending.get(accountSid) ?? NO_CHANGE, now), now);
  }

  add(accountSid: string, { calls, amount }: SpendChange): void {
    const before = this.#pending.get(accountSid) ?? NO_CHANGE;
    this.#pending.set(accountSid, { calls: before.calls + calls, amount: before.amount + amount });
    this.#later();
  }

  *accounts(): Generator<string> {
    for (const [key] of this.#mirror.entries()) {
      const [accountSid] = parseKvKey(key) ?? [];
      if (accountSid !== undefined) yield accountSid;
    }
    for (const accountSid of this.#pending.keys()) {
      if (this.#mirror.get(kvKey(accountSid)) === undefined) yield accountSid;
    }
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#writing;
    for (let attempt = 0; attempt < CLOSING_ATTEMPTS && this.#pending.size > 0; attempt++) await this.#write();
    this.#mirror.close();
  }

  #later(): void {
    this.#timer ??= this.#bus.clock.setTimer(FLUSH_MS, () => {
      this.#timer = undefined;
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#pending.size > 0) this.#later();
      });
    });
  }

  async #write(): Promise<void> {
    for (const [accountSid, change] of [...this.#pending]) {
      try {
        await this.#writeOne(accountSid, change);
      } catch (error) {
        // Another node wrote in between, or NATS is away: the next round has another try.
        if (!(error instanceof KvError && error.reason === 'conflict')) {
          this.#bus.log.warn(
            { accountSid, reason: describeError(error) },
            'what an account has spent is not written yet',
          );
          return;
        }
      }
    }
  }

  async #writeOne(accountSid: string, change: SpendChange): Promise<void> {
    const key = kvKey(accountSid);
    const stored = await this.#bucket.get(key);
    const value = spendMore(stored?.value, change, this.#bus.clock.now());
    const revision =
      stored === undefined
        ? await this.#bucket.create(key, value)
        : await this.#bucket.update(key, value, stored.revision);
    await this.#seen(key, revision);
    const { calls, amount } = this.#pending.get(accountSid) ?? NO_CHANGE;
    const left = { calls: calls - change.calls, amount: amount - change.amount };
    if (left.calls === 0 && left.amount === 0) this.#pending.delete(accountSid);
    else this.#pending.set(accountSid, left);
  }

  /** Counted twice for a moment rather than not at all: it is pending until the mirror has it. */
  async #seen(key: string, revision: number): Promise<void> {
    if ((this.#mirror.revision(key) ?? 0) >= revision) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        off();
        patience.cancel();
        resolve();
      };
      const off = this.#mirror.onChange((change) => {
        if (change.kind === 'set' && change.key === key && change.revision >= revision) done();
      });
      const patience = this.#bus.clock.setTimer(FLUSH_MS, done);
    });
  }
}
