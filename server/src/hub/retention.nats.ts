import { ingestFilter, readEventBatches, streamName, streamRange } from '../bus/index.ts';
import type { Bus } from '../bus/index.ts';
import { delay, describeError } from '../kernel/index.ts';
import { RetentionLedger } from './retention-ledger.ts';
import type { NatsRetentionStore } from './retention-store.nats.ts';

export interface RetentionOptions {
  readonly bus: Bus;
  readonly shards: number;
  readonly store: NatsRetentionStore;
  /** Between two looks at a shard, milliseconds (default 60 000): limits are exact to this and a 32nd part. */
  readonly intervalMs?: number;
  /** Tells when limits have changed: then it is looked at once. Returns what takes the listener back. */
  readonly onLimits?: (listener: () => void) => () => void;
  readonly onPurged?: (events: number) => void;
}

/** One shard's turn, as the cluster gives it to one node. */
interface Duty {
  readonly shard: number;
  readonly fence: number;
  readonly signal: AbortSignal;
}

/**
 * Enforces the retention of each account: the doer of a shard keeps a ledger of its stream (sizes and times, from message
 * headers), and purges what an account has too much of. The low-water mark is written first, with the duty's fence, so
 * that no reader takes the hole for silence; a doer that died in between has its purge repeated by the next.
 * `task` is to be offered to the cluster.
 */
export class Retention {
  readonly task: { readonly name: string; readonly shards: number; run(duty: Duty): Promise<void> };
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.task = { name: 'retention', shards: options.shards, run: (duty) => this.#run(duty) };
  }

  async #run(duty: Duty): Promise<void> {
    const { bus, intervalMs = 60_000, onLimits } = this.#options;
    const { signal } = duty;
    const shard = new ShardRetention(this.#options, duty);
    let woken = new AbortController();
    const off = onLimits?.(() => {
      woken.abort();
    });
    while (!signal.aborted) {
      woken = new AbortController();
      try {
        if (bus.connected) await shard.look();
      } catch (error) {
        const reason = describeError(error);
        bus.log.warn({ shard: duty.shard, reason }, 'retention of a shard has to wait');
      }
      await delay(bus.clock, intervalMs, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
    }
    off?.();
  }
}

class ShardRetention {
  readonly #options: RetentionOptions;
  readonly #duty: Duty;
  readonly #stream: string;
  readonly #ledgers = new Map<string, RetentionLedger>();
  /** Accounts with the sequence up to which something is still to be purged. */
  readonly #pending = new Map<string, number>();
  #epoch: string | undefined;
  #seen = 0;

  constructor(options: RetentionOptions, duty: Duty) {
    this.#options = options;
    this.#duty = duty;
    this.#stream = streamName(duty.shard);
  }

  async look(): Promise<void> {
    const { bus, store } = this.#options;
    const { first, last, epoch } = await streamRange(bus, this.#stream);
    if (epoch !== this.#epoch) this.#reset(epoch, first);
    await store.sync();
    await this.#absorb(last, epoch);
    for (const [accountSid, ledger] of this.#ledgers) {
      ledger.forgetBefore(first);
      const upTo = ledger.expire(bus.clock.now(), store.limitsOf(accountSid));
      if (upTo !== undefined) this.#pending.set(accountSid, upTo);
      if (ledger.isEmpty) this.#ledgers.delete(accountSid);
    }
    for (const [accountSid, seq] of this.#pending) {
      if (this.#duty.signal.aborted) return;
      await this.#purge(accountSid, { epoch, seq });
    }
  }

  #reset(epoch: string, first: number): void {
    this.#epoch = epoch;
    this.#seen = first - 1;
    this.#ledgers.clear();
    this.#pending.clear();
  }

  async #absorb(last: number, epoch: string): Promise<void> {
    const { bus, store } = this.#options;
    const options = { stream: this.#stream, fromSeq: this.#seen + 1, toSeq: last, headersOnly: true, batch: 1000 };
    for await (const { events, upTo } of readEventBatches(bus, options)) {
      for (const event of events) {
        const { account } = event;
        let ledger = this.#ledgers.get(account);
        if (ledger === undefined) this.#ledgers.set(account, (ledger = new RetentionLedger()));
        const gone = store.of(account, epoch);
        // Somebody said that it is gone, and died before it was.
        if (event.seq <= gone) this.#pending.set(account, gone);
        else ledger.add(event, store.limitsOf(account));
      }
      this.#seen = upTo;
      if (this.#duty.signal.aborted) return;
    }
  }

  async #purge(accountSid: string, { epoch, seq }: { epoch: string; seq: number }): Promise<void> {
    const { bus, store, shards, onPurged } = this.#options;
    const { fence, signal } = this.#duty;
    if (!(await store.raise(accountSid, { epoch, seq, fence })) || signal.aborted) return;
    const filter = ingestFilter(accountSid, '>', shards);
    const { purged } = await bus.ask((jsm) => jsm.streams.purge(this.#stream, { filter, seq: seq + 1 }));
    this.#pending.delete(accountSid);
    onPurged?.(purged);
  }
}
