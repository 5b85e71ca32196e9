import { KvBucket, kvKey, parseKvKey } from '../bus/index.ts';
import type { Bus, KvMirror } from '../bus/index.ts';
import { backoffDelay, describeError } from '../kernel/index.ts';
import type { Log, Timer } from '../kernel/index.ts';
import { DirectoryView } from './directory-view.ts';
import type { Directory, TenantMirror, TenantRepository } from './ports.ts';
import { tenantRecordSchema } from './records.ts';
import type { TenantKind, TenantRecord } from './records.ts';
import type { SecretBox } from './secret-box.ts';
import { allRecords } from './store.ts';

const keyOf = (kind: TenantKind, sid: string): string => kvKey(kind, sid);

function openBucket(bus: Bus): Promise<KvBucket<TenantRecord>> {
  return KvBucket.open(bus, { name: 'tenants', schema: tenantRecordSchema });
}

/**
 * Copies committed records from SQL to the KV bucket `tenants`, secrets sealed as they are. Rebuilt from SQL at start,
 * after every reconnect and after a copy that failed; a newer copy is never replaced by an older one.
 */
export class KvTenantMirror implements TenantMirror {
  readonly #bus: Bus;
  readonly #bucket: KvBucket<TenantRecord>;
  readonly #held: KvMirror<TenantRecord>;
  readonly #repository: TenantRepository;
  readonly #stopListening: () => void;
  #rebuilding: Promise<void> | undefined;
  #repair: Timer | undefined;
  #failures = 0;
  #closed = false;

  private constructor(bus: Bus, bucket: KvBucket<TenantRecord>, repository: TenantRepository) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#held = bucket.mirror();
    this.#repository = repository;
    this.#stopListening = bus.on('reconnected', () => {
      this.#scheduleRepair();
    });
    this.#held.onChange((change) => {
      if (change.kind === 'removed' && change.why === 'lost') this.#scheduleRepair();
    });
  }

  /** Resolves when the bucket holds what SQL holds. */
  static async open(bus: Bus, repository: TenantRepository): Promise<KvTenantMirror> {
    const mirror = new KvTenantMirror(bus, await openBucket(bus), repository);
    try {
      await mirror.rebuild();
    } catch (error) {
      mirror.close();
      throw error;
    }
    return mirror;
  }

  async put(record: TenantRecord): Promise<void> {
    try {
      await this.#putNewer(record);
    } catch (error) {
      this.#failed(error);
    }
  }

  async remove(kind: TenantKind, sid: string): Promise<void> {
    try {
      await this.#bucket.delete(keyOf(kind, sid));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Makes the bucket equal to SQL. Calls at the same time share one run. */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined;
    });
    return this.#rebuilding;
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#repair?.cancel();
    this.#held.close();
  }

  async #rebuild(): Promise<void> {
    await this.#held.ready;
    // The bucket is read before SQL: whatever it holds was committed, so that what SQL lacks afterwards was deleted.
    const before = new Map(this.#held.entries());
    const wanted = await allRecords(this.#repository);
    for (const record of wanted) {
      const key = keyOf(record.kind, record.sid);
      if ((before.get(key)?.revision ?? -1) < record.revision) await this.#putNewer(record);
      before.delete(key);
    }
    for (const key of before.keys()) await this.#bucket.delete(key);
  }

  async #putNewer(record: TenantRecord): Promise<void> {
    const key = keyOf(record.kind, record.sid);
    for (let attempt = 0; ; attempt++) {
      const held = await this.#bucket.get(key);
      if (held !== undefined && held.value.revision >= record.revision) return;
      try {
        await (held === undefined ? this.#bucket.create(key, record) : this.#bucket.update(key, record, held.revision));
        return;
      } catch (error) {
        if (attempt >= 5) throw error;
      }
    }
  }

  #failed(error: unknown): void {
    this.#bus.log.warn(
      { reason: describeError(error) },
      'a configuration change did not reach the bus yet, it will be repeated',
    );
    this.#scheduleRepair();
  }

  #scheduleRepair(): void {
    if (this.#closed || this.#repair !== undefined) return;
    const wait = 200 + backoffDelay(this.#failures, this.#bus.random, { baseMs: 200, maxMs: 10_000 });
    this.#repair = this.#bus.clock.setTimer(wait, () => {
      this.#repair = undefined;
      this.rebuild().then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => {
          this.#failures++;
          if (!this.#closed) this.#failed(error);
        },
      );
    });
  }
}

/** The directory of this process, fed from the KV bucket. The caller closes it. */
export async function openKvDirectory(parts: { bus: Bus; secrets: SecretBox; log: Log }): Promise<Directory> {
  const bucket = await openBucket(parts.bus);
  const mirror = bucket.mirror();
  const view = new DirectoryView({
    secrets: parts.secrets,
    log: parts.log,
    ready: mirror.ready,
    release: () => {
      mirror.close();
    },
  });
  mirror.onChange((change) => {
    if (change.kind === 'set') {
      view.apply(change.value);
      return;
    }
    // A bucket that vanished says nothing about its records: keep what is known until it is rebuilt.
    if (change.why === 'lost') return;
    const [kind, sid] = parseKvKey(change.key) ?? [];
    if (kind !== undefined && sid !== undefined) view.remove(change.value.kind, sid);
  });
  await view.ready;
  return view;
}
