import { Objm } from '@nats-io/obj';
import type { ObjectStore } from '@nats-io/obj';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import type { Bus } from '../../bus/index.ts';
import { CacheError } from './cache-error.ts';
import type { BodyStore, StoredBody } from './ports.ts';

const BUCKET = 'hs-media';
const STREAM = `OBJ_${BUCKET}`;
/** A body whose parts do not come in this time is none, milliseconds. */
const READ_MS = 10_000;

/**
 * Bodies in the object store of NATS. The parts of a body are written first and the entry that names them last, so that whoever dies
 * on the way leaves parts that nobody sees; `sweep` drops those.
 */
export class NatsBodies implements BodyStore {
  readonly #bus: Bus;
  readonly #store: ObjectStore;

  private constructor(bus: Bus, store: ObjectStore) {
    this.#bus = bus;
    this.#store = store;
  }

  /** @throws CacheError `unavailable` @param replicas copies kept by a NATS cluster (default 1) */
  static async open(bus: Bus, replicas = 1): Promise<NatsBodies> {
    return new NatsBodies(bus, await reach(() => new Objm(bus.js).create(BUCKET, { replicas })));
  }

  async put(name: string, body: Uint8Array): Promise<void> {
    await reach(() => this.#store.putBlob({ name }, body));
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const found = await reach(() => this.#store.get(name));
    if (found === null) return undefined;
    found.error.catch(() => undefined);
    return await this.#read(found.data, found.info.size);
  }

  async remove(name: string): Promise<void> {
    const info = await reach(() => this.#store.info(name));
    if (info === null) return;
    // The entry first: nobody is to see it without its parts.
    await reach(() =>
      this.#purge(
        `M.${Buffer.from(name)
          .toString('base64url')
          .padEnd(4 * Math.ceil(name.length / 3), '=')}`,
      ),
    );
    await reach(() => this.#purge(`C.${info.nuid}`));
  }

  async list(): Promise<StoredBody[]> {
    const infos = await reach(() => this.#store.list());
    return infos
      .filter(({ deleted }) => !deleted)
      .map(({ name, size, mtime }) => ({ name, bytes: size, storedAt: Date.parse(mtime) }));
  }

  async sweep(olderThanMs: number): Promise<number> {
    return await reach(async () => {
      const before = this.#bus.clock.now() - olderThanMs;
      const filter = `$O.${BUCKET}.C.>`;
      const { state } = await this.#bus.ask((jsm) => jsm.streams.info(STREAM, { subjects_filter: filter }));
      // After the parts were counted: a body that became whole meanwhile is in the list.
      const named = new Set((await this.#store.list()).map(({ nuid }) => nuid));
      let dropped = 0;
      for (const subject of Object.keys(state.subjects ?? {})) {
        const nuid = subject.slice(filter.length - 1);
        if (named.has(nuid) || !(await this.#isOlder(subject, before))) continue;
        await this.#purge(`C.${nuid}`);
        dropped += 1;
      }
      return dropped;
    });
  }

  async #isOlder(subject: string, before: number): Promise<boolean> {
    const last = await this.#bus.ask((jsm) => jsm.streams.getMessage(STREAM, { last_by_subj: subject }));
    return last !== null && last.time.getTime() < before;
  }

  async #purge(subject: string): Promise<void> {
    await this.#bus.jsm.streams.purge(STREAM, { filter: `$O.${BUCKET}.${subject}` });
  }

  /** The client checks the digest; one whose parts are gone would never end. */
  async #read(data: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array | undefined> {
    const reader = data.getReader();
    const read = { isLate: false };
    const late = this.#bus.clock.setTimer(READ_MS, () => {
      read.isLate = true;
      reader.cancel().catch(() => undefined);
    });
    const parts: Uint8Array[] = [];
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    } catch {
      return undefined;
    } finally {
      late.cancel();
    }
    const body = Buffer.concat(parts);
    if (read.isLate && body.length > 0)
      throw CacheError.of('unavailable', 'is slow', `a body did not come in ${String(READ_MS)} ms`);
    return body.length === size ? body : undefined;
  }
}

async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound) return undefined as T;
    throw CacheError.of('unavailable', 'has no place for bodies', error);
  }
}
