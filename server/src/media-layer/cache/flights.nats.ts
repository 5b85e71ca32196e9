import { z } from 'zod';
import { KvBucket, KvError, kvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { Timer } from '../../kernel/index.ts';
import type { Flights } from './ports.ts';

export interface FlightsOptions {
  readonly bus: Bus;
  /** This process. */
  readonly node: string;
  /** Processes that are known to be dead are not waited for (default: nobody knows). */
  readonly isAlive?: (node: string) => boolean;
  /** One that has not told that it lives for this long is dead, milliseconds (default 6000). It tells three times in it. */
  readonly patienceMs?: number;
}

const leaseSchema = z.object({ node: z.string(), beat: z.number() });
type Lease = z.infer<typeof leaseSchema>;

/** Leases that nobody took away are forgotten by the server after this, milliseconds. */
const FORGOTTEN_MS = 120_000;
/** Who waits looks after the holder this often, milliseconds. */
const LOOK_MS = 100;

/**
 * Flights of a cluster: a lease for each in a KV bucket, taken by compare-and-swap and renewed while the work goes on. Nobody
 * compares clocks: who waits counts from the last renewal that it saw, by its own clock. A leader that was only slow does its work to
 * the end all the same: what it stores is refused or the same.
 */
export class NatsFlights implements Flights {
  readonly #options: Required<FlightsOptions>;
  readonly #bucket: KvBucket<Lease>;
  readonly #leases: KvMirror<Lease>;

  private constructor(options: FlightsOptions, bucket: KvBucket<Lease>) {
    this.#options = { isAlive: () => true, patienceMs: 6000, ...options };
    this.#bucket = bucket;
    this.#leases = bucket.mirror();
  }

  static async open(options: FlightsOptions): Promise<NatsFlights> {
    const bucket = { name: 'hs-media-flights', schema: leaseSchema, ttlMs: FORGOTTEN_MS, memory: true };
    const flights = new NatsFlights(options, await KvBucket.open(options.bus, bucket));
    await flights.#leases.ready;
    return flights;
  }

  async run(key: string, work: () => Promise<void>): Promise<'led' | 'followed'> {
    const text = kvKey(key);
    let taken: number | undefined;
    try {
      taken = await this.#take(text);
    } catch (error) {
      this.#options.bus.log.warn({ reason: describeError(error) }, 'media: working without a lease of the cluster');
      await work();
      return 'led';
    }
    if (taken === undefined) return 'followed';
    await this.#lead(text, taken, work);
    return 'led';
  }

  close(): void {
    this.#leases.close();
  }

  /** @returns the revision of the own lease; undefined: another process had it and has ended */
  async #take(key: string): Promise<number | undefined> {
    const own = { node: this.#options.node, beat: 0 };
    const taken = await unlessConflict(this.#bucket.create(key, own));
    if (taken !== undefined) return taken;
    for (;;) {
      const held = await this.#bucket.get(key);
      // It ended just now.
      if (held === undefined) return undefined;
      const end = await this.#untilEnded(key, held.value.node, held.revision);
      if (end === 'ended') return undefined;
      const over = await unlessConflict(this.#bucket.update(key, own, end.dead));
      if (over !== undefined) return over;
    }
  }

  /** Waits as long as the one who holds the lease lives. @returns the last revision of one that is dead */
  #untilEnded(key: string, first: string, revision: number): Promise<'ended' | { readonly dead: number }> {
    const { clock } = this.#options.bus;
    const { isAlive, patienceMs } = this.#options;
    return new Promise((resolve) => {
      let [holder, last, seenAt] = [first, revision, clock.monotonic()];
      let look: Timer;
      const finish = (end: 'ended' | { readonly dead: number }): void => {
        look.cancel();
        off();
        resolve(end);
      };
      // A lease that was given back at once is never heard of by the view: only its mark is left when it looks.
      const ask = (): void => {
        this.#bucket.get(key).then(
          (stored) => {
            if (stored === undefined) finish('ended');
          },
          () => undefined,
        );
      };
      const off = this.#leases.onChange((change) => {
        if (change.key !== key) return;
        // An end that is told late may be that of an earlier flight: the store says whether there is one now.
        if (change.kind === 'removed') ask();
        else if (change.revision > last) {
          [holder, last, seenAt] = [change.value.node, change.revision, clock.monotonic()];
        }
      });
      const lookMs = Math.min(LOOK_MS, patienceMs / 3);
      let due = clock.monotonic() + lookMs;
      const check = (): void => {
        // While this process stood still it heard nobody: that time says nothing about the holder.
        seenAt += Math.max(0, clock.monotonic() - due);
        if (!isAlive(holder) || clock.monotonic() - seenAt >= patienceMs) {
          finish({ dead: last });
          return;
        }
        if (this.#leases.get(key) === undefined) ask();
        due = clock.monotonic() + lookMs;
        look = clock.setTimer(lookMs, check);
      };
      look = clock.setTimer(lookMs, check);
      ask();
    });
  }

  async #lead(key: string, taken: number, work: () => Promise<void>): Promise<void> {
    const { bus, node, patienceMs } = this.#options;
    let revision = taken;
    let beat = 0;
    let renewing: Promise<void> = Promise.resolve();
    let timer: Timer;
    const renew = (): void => {
      beat += 1;
      renewing = this.#bucket.update(key, { node, beat }, revision).then(
        (next) => {
          revision = next;
        },
        async () => {
          // The answer may have been lost, not the renewal.
          const stored = await this.#bucket.get(key).catch(() => undefined);
          if (stored?.value.node === node) revision = stored.revision;
        },
      );
      timer = bus.clock.setTimer(patienceMs / 3, renew);
    };
    timer = bus.clock.setTimer(patienceMs / 3, renew);
    try {
      await work();
    } finally {
      timer.cancel();
      await renewing;
      await this.#bucket.delete(key, revision).catch((error: unknown) => {
        // Somebody took over, or the store is away: the lease runs out.
        bus.log.debug({ reason: describeError(error) }, 'media: a lease could not be given back');
      });
    }
  }
}

async function unlessConflict(write: Promise<number>): Promise<number | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof KvError && error.reason === 'conflict') return undefined;
    throw error;
  }
}
