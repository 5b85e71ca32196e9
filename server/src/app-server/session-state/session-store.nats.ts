import { z } from 'zod';
import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import type { SessionRecord, SessionScope, SessionStore, TrackingLink, TrackingLinkStore } from './ports.ts';
import { scopeOfParts, scopeParts } from './scope.ts';
import { SessionError } from './session-error.ts';

const cookie = z.object({
  name: z.string(),
  value: z.string(),
  domain: z.string(),
  path: z.string(),
  secure: z.boolean(),
  httpOnly: z.boolean(),
  origin: z.string().optional(),
  expiresAt: z.number().optional(),
  createdAt: z.number(),
  seq: z.number(),
  removed: z.boolean().optional(),
});
const record = z.object({
  scope: z.union([
    z.object({ kind: z.literal('pair'), accountSid: z.string(), from: z.string(), to: z.string() }),
    z.object({ kind: z.literal('call'), accountSid: z.string(), callSid: z.string() }),
  ]),
  createdAt: z.number(),
  usedAt: z.number(),
  cookies: z.array(cookie),
  visits: z.array(z.object({ id: z.string(), linkSid: z.string(), webSession: z.string(), at: z.number() })),
});
const link = z.object({
  sid: z.string(),
  accountSid: z.string(),
  from: z.string(),
  to: z.string(),
  callSid: z.string().optional(),
  url: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
});

/** Sessions in a KV bucket whose values go by themselves when nobody uses them. */
export class NatsSessionStore implements SessionStore {
  readonly #bucket: KvBucket<z.infer<typeof record>>;

  private constructor(bucket: KvBucket<z.infer<typeof record>>) {
    this.#bucket = bucket;
  }

  /** @param idleMs life of a session after it was last written */
  static async open(bus: Bus, idleMs: number): Promise<NatsSessionStore> {
    // The time of last use is written late by up to an eighth of the idle time.
    const ttlMs = Math.ceil(idleMs * 1.125);
    return new NatsSessionStore(await KvBucket.open(bus, { name: 'session-state', schema: record, ttlMs }));
  }

  async get(scope: SessionScope): ReturnType<SessionStore['get']> {
    const held = await run(() => this.#bucket.get(keyOf(scope)));
    return held === undefined ? undefined : { record: held.value, revision: held.revision };
  }

  async put(session: SessionRecord, revision: number | undefined): Promise<void> {
    const key = keyOf(session.scope);
    const value = { ...session, cookies: [...session.cookies], visits: [...session.visits] };
    await run(() =>
      revision === undefined ? this.#bucket.create(key, value) : this.#bucket.update(key, value, revision),
    );
  }

  async remove(scope: SessionScope): Promise<void> {
    await run(() => this.#bucket.delete(keyOf(scope)));
  }

  async scopes(accountSid: string): Promise<readonly SessionScope[]> {
    const keys = await run(() => this.#bucket.keys(`${kvKey(accountSid)}.>`));
    return keys.flatMap((key) => scopeOfParts(parseKvKey(key) ?? []) ?? []);
  }
}

/** Tracking links in a KV bucket. */
export class NatsTrackingLinkStore implements TrackingLinkStore {
  readonly #bucket: KvBucket<TrackingLink>;

  private constructor(bucket: KvBucket<TrackingLink>) {
    this.#bucket = bucket;
  }

  /** @param keepMs the longest that a link lives */
  static async open(bus: Bus, keepMs: number): Promise<NatsTrackingLinkStore> {
    return new NatsTrackingLinkStore(await KvBucket.open(bus, { name: 'tracking-links', schema: link, ttlMs: keepMs }));
  }

  async put(opaque: string, made: TrackingLink): Promise<void> {
    await run(() => this.#bucket.put(kvKey(opaque), made));
  }

  async get(opaque: string): Promise<TrackingLink | undefined> {
    return (await run(() => this.#bucket.get(kvKey(opaque))))?.value;
  }
}

function keyOf(scope: SessionScope): string {
  return kvKey(...scopeParts(scope));
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const reason = error.reason === 'conflict' ? 'conflict' : 'unavailable';
    throw new SessionError(reason, error.message, { cause: error });
  }
}
