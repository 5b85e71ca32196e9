import { deviceStateSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { KvBucket, KvError, kvKey } from '../bus/index.ts';
import type { Bus, KvChange, KvMirror } from '../bus/index.ts';
import { describeError, toError } from '../kernel/index.ts';
import { targetMatches } from './registration-match.ts';
import type { Registration, RegistrationChange, RegistrationKey, Registrations } from './ports.ts';

const registrationSchema = z.object({
  accountSid: z.string(),
  identity: z.string(),
  registration: z.string(),
  node: z.string(),
  connection: z.string(),
  device: z.string().optional(),
  since: z.number(),
  state: deviceStateSchema.optional(),
});
type Stored = z.infer<typeof registrationSchema>;

export interface NatsRegistrationsOptions {
  readonly bus: Bus;
  /** The node whose front writes through this store. */
  readonly node: string;
  /** Whether that node's lease is alive: registrations of dead nodes are not found. */
  readonly isAlive: (node: string) => boolean;
}

/** How long a write waits to be seen by this process's own reads, milliseconds. */
const SEEN_MS = 2_000;

/**
 * Registrations in a KV bucket, read from a mirror in memory. Each one belongs to the lease of its node: those of dead
 * nodes are ignored until the sweeper has them forgotten, and `open` deletes what an earlier life of this node left. The
 * caller closes it.
 */
export class NatsRegistrations implements Registrations {
  readonly #options: NatsRegistrationsOptions;
  readonly #bucket: KvBucket<Stored>;
  readonly #mirror: KvMirror<Stored>;
  /** What this node has written and not removed: written again when the server lost it. */
  readonly #own = new Map<string, Stored>();

  private constructor(options: NatsRegistrationsOptions, bucket: KvBucket<Stored>) {
    this.#options = options;
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
    this.#mirror.onChange((change) => {
      this.#restore(change);
    });
  }

  /** @throws KvError */
  static async open(options: NatsRegistrationsOptions): Promise<NatsRegistrations> {
    const bucket = await KvBucket.open(options.bus, { name: 'registrations', schema: registrationSchema });
    const store = new NatsRegistrations(options, bucket);
    await store.#mirror.ready;
    for (const [key, held] of [...store.#mirror.entries()]) {
      if (held.node === options.node) await bucket.delete(key);
    }
    return store;
  }

  async put(registration: Registration): Promise<void> {
    const key = keyOf(registration);
    const { device, state, ...rest } = registration;
    const stored: Stored = {
      ...rest,
      ...(device === undefined ? {} : { device }),
      ...(state === undefined ? {} : { state }),
    };
    if (registration.node === this.#options.node) this.#own.set(key, stored);
    const revision = await this.#bucket.put(key, stored);
    await this.#seen(() => (this.#mirror.revision(key) ?? 0) >= revision);
  }

  async get(key: RegistrationKey): Promise<Registration | undefined> {
    const found = await this.#bucket.get(keyOf(key));
    return found === undefined || !this.#options.isAlive(found.value.node) ? undefined : registrationOf(found.value);
  }

  async remove(key: RegistrationKey, connection: string): Promise<boolean> {
    const at = keyOf(key);
    if (this.#own.get(at)?.connection === connection) this.#own.delete(at);
    const found = await this.#bucket.get(at);
    if (found?.value.connection !== connection) return false;
    try {
      await this.#bucket.delete(at, found.revision);
    } catch (error) {
      // Somebody wrote in between: the device has moved on, or changed its name on the way out.
      if (error instanceof KvError && error.reason === 'conflict') return this.remove(key, connection);
      throw error;
    }
    await this.#seen(() => (this.#mirror.revision(at) ?? 0) !== found.revision);
    return true;
  }

  find(accountSid: string, target: string): Promise<readonly Registration[]> {
    return Promise.resolve(this.#living(accountSid, (identity) => targetMatches(target, identity)));
  }

  list(accountSid: string, prefix: string): Promise<readonly Registration[]> {
    return Promise.resolve(this.#living(accountSid, (identity) => identity.startsWith(prefix)));
  }

  watch(
    accountSid: string,
    target: string,
    listener: (change: RegistrationChange) => void,
  ): { readonly ready: Promise<void>; close(): void } {
    const close = this.#mirror.onChange((change) => {
      const { value } = change;
      if (value.accountSid !== accountSid || !targetMatches(target, value.identity)) return;
      // Lost with its server, not given up: it is written again at once.
      if (change.kind === 'removed' && change.why !== 'deleted') return;
      const registration = registrationOf(value);
      listener(change.kind === 'set' ? { kind: 'put', registration } : { kind: 'removed', registration });
    });
    return { ready: this.#mirror.ready, close };
  }

  /** Nodes that hold registrations, dead or alive. */
  owners(): Iterable<string> {
    return new Set([...this.#mirror.entries()].map(([, held]) => held.node));
  }

  /** Removes what a dead node held, but not what has moved to another one meanwhile. @returns what was removed */
  async forget(node: string): Promise<readonly Registration[]> {
    const removed: Registration[] = [];
    for (const [key, held] of [...this.#mirror.entries()]) {
      if (held.node !== node) continue;
      try {
        await this.#bucket.delete(key, this.#mirror.revision(key));
        removed.push(registrationOf(held));
      } catch (error) {
        if (!(error instanceof KvError) || error.reason !== 'conflict') throw error;
      }
    }
    return removed;
  }

  close(): void {
    this.#mirror.close();
  }

  #living(accountSid: string, matches: (identity: string) => boolean): Registration[] {
    const found: Registration[] = [];
    for (const [, held] of this.#mirror.entries()) {
      if (held.accountSid !== accountSid || !matches(held.identity)) continue;
      if (this.#options.isAlive(held.node)) found.push(registrationOf(held));
    }
    return found.sort((a, b) => a.since - b.since);
  }

  #restore(change: KvChange<Stored>): void {
    if (change.kind !== 'removed' || change.why === 'deleted') return;
    const own = this.#own.get(change.key);
    if (own === undefined) return;
    this.#bucket.put(change.key, own).catch((error: unknown) => {
      this.#options.bus.log.error({ err: toError(error) }, `a registration is lost: ${describeError(error)}`);
    });
  }

  /** Waits until the mirror shows a write of ours; not for ever, as a mirror may be behind an outage. */
  #seen(isSeen: () => boolean): Promise<void> {
    if (isSeen()) return Promise.resolve();
    const seen = Promise.withResolvers<void>();
    const timer = this.#options.bus.clock.setTimer(SEEN_MS, seen.resolve);
    const off = this.#mirror.onChange(() => {
      if (isSeen()) seen.resolve();
    });
    return seen.promise.finally(() => {
      timer.cancel();
      off();
    });
  }
}

function registrationOf(stored: Stored): Registration {
  return { ...stored, device: stored.device };
}

/** The identity is one token: prefixes are matched on the value, so that any depth of levels fits. */
function keyOf(key: RegistrationKey): string {
  return kvKey(key.accountSid, key.identity, key.registration);
}
