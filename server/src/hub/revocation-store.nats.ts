import type { Grants } from '@hookswitch/shared';
import { KvBucket, KvError, kvKey } from '../bus/index.ts';
import type { Bus, KvMirror } from '../bus/index.ts';
import { Emitter } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import { RevocationError } from './errors.ts';
import type { Revocation, RevocationStore } from './ports.ts';
import { REVOCATION_LIFE_MS, RevocationIndex, revocationSchema } from './revocations.ts';

export interface NatsRevocationOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Revocations in a bucket that every process mirrors. The bucket forgets each one when the tokens that it hits have
 * expired. The caller closes it.
 */
export class NatsRevocationStore implements RevocationStore {
  readonly ready: Promise<void>;
  readonly #bucket: KvBucket<Revocation>;
  readonly #mirror: KvMirror<Revocation>;
  readonly #index: RevocationIndex;
  readonly #emitter: Emitter<{ added: Revocation }>;

  private constructor(bucket: KvBucket<Revocation>, { clock, log }: NatsRevocationOptions) {
    this.#bucket = bucket;
    this.#index = new RevocationIndex(clock);
    this.#emitter = new Emitter((error) => {
      log.error({ err: error }, 'a listener of revocations failed');
    });
    this.#mirror = bucket.mirror();
    this.ready = this.#mirror.ready;
    this.#mirror.onChange((change) => {
      if (change.kind === 'set') this.#added(change.value);
      // A bucket that was lost took back nothing: what is known here stays in force until it expires.
      else if (change.why !== 'lost') this.#index.delete(change.value);
    });
  }

  /** Resolves when all that is stored is known. @throws KvError `unavailable` */
  static async open(options: NatsRevocationOptions): Promise<NatsRevocationStore> {
    const bucket = await KvBucket.open<Revocation>(options.bus, {
      name: 'revocations',
      schema: revocationSchema,
      ttlMs: REVOCATION_LIFE_MS,
    });
    const store = new NatsRevocationStore(bucket, options);
    await store.ready;
    return store;
  }

  async add(revocation: Revocation): Promise<void> {
    if (this.#index.isFull(revocation)) {
      throw new RevocationError('full', `account ${revocation.accountSid} has as many revocations as are kept`);
    }
    await this.#guard(() => this.#bucket.put(keyOf(revocation), revocation));
    this.#added(revocation);
  }

  async remove(accountSid: string, sid: string): Promise<boolean> {
    const found = this.#index.find(accountSid, sid);
    if (found === undefined) return false;
    await this.#guard(() => this.#bucket.delete(keyOf(found)));
    this.#index.delete(found);
    return true;
  }

  list(accountSid: string): Revocation[] {
    return this.#index.list(accountSid);
  }

  hit(grants: Grants): Revocation | undefined {
    return this.#index.hit(grants);
  }

  onAdded(listener: (revocation: Revocation) => void): () => void {
    return this.#emitter.on('added', listener);
  }

  close(): void {
    this.#mirror.close();
    this.#emitter.clear();
  }

  #added(revocation: Revocation): void {
    this.#index.set(revocation);
    this.#emitter.emit('added', revocation);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      throw new RevocationError('unavailable', 'revocations cannot be stored at the moment; try again', {
        cause: error,
      });
    }
  }
}

const keyOf = ({ accountSid, sid }: Revocation): string => kvKey(accountSid, sid);
