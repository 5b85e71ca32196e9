import { parseTopic, sidFromHex } from '@hookswitch/shared';
import type { Position } from '@hookswitch/shared';
import type { Hub } from '../../hub/index.ts';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import { SinkError } from './errors.ts';
import type { DeadLetter, NewWebhook, SinkStore, TestOutcome, Webhook, WebhookPoster, Webhooks } from './ports.ts';
import { messageHeaders } from './message.ts';
import { isSecret, newSecret } from './signature.ts';

/** Sinks of one account. */
export const MAX_WEBHOOKS = 100;
const TEST_TIMEOUT_MS = 10_000;

/** Seals secrets for storage; `SecretBox` of tenants/ is one. */
export interface Sealing {
  seal(secret: string, context: string): string;
  open(sealed: string, context: string): string;
}

export interface WebhookServiceOptions {
  readonly store: SinkStore;
  readonly hub: Hub;
  readonly poster: WebhookPoster;
  readonly sealing: Sealing;
  readonly clock: Clock;
  readonly random: Random;
}

/** Asked for a position only. */
const DEAF = { hasRoom: true, room: () => Promise.resolve(), enqueue: () => undefined, flush: () => 0 };

/** Under what a secret is sealed: one that was moved to another sink does not open there. */
const contextOf = (sid: string): string => `webhook ${sid}`;

export function secretOf(sealing: Sealing, { sid, sealedSecret }: Pick<Webhook, 'sid' | 'sealedSecret'>): string {
  return sealing.open(sealedSecret, contextOf(sid));
}

export class WebhookService implements Webhooks {
  readonly #options: WebhookServiceOptions;

  constructor(options: WebhookServiceOptions) {
    this.#options = options;
  }

  async create(accountSid: string, wanted: NewWebhook): Promise<{ webhook: Webhook; secret: string }> {
    const { store, sealing, clock, random } = this.#options;
    if (this.list(accountSid).length >= MAX_WEBHOOKS) {
      throw new SinkError('limit', `an account has ${MAX_WEBHOOKS} webhooks at most: delete one first`);
    }
    const sid = sidFromHex('webhook', randomHex(random, 16));
    const { secret = newSecret(random), topics, filter, ...rest } = wanted;
    const now = clock.now();
    const webhook: Webhook = {
      ...rest,
      sid,
      accountSid,
      topics: normalised(topics),
      ...(filter === undefined ? {} : { filter }),
      sealedSecret: sealing.seal(checked(secret), contextOf(sid)),
      createdAt: now,
      updatedAt: now,
    };
    // Before it runs anywhere: it begins here, whenever that is.
    await store.saveCursor(sid, { position: await this.#now(accountSid, webhook.topics[0] ?? '>'), fence: 0 });
    await store.add(webhook);
    return { webhook, secret };
  }

  get(accountSid: string, sid: string): Webhook | undefined {
    const webhook = this.#options.store.get(sid);
    return webhook?.accountSid === accountSid ? webhook : undefined;
  }

  list(accountSid: string): Webhook[] {
    const own = [...this.#options.store.entries()].filter((webhook) => webhook.accountSid === accountSid);
    return own.sort((a, b) => b.createdAt - a.createdAt || (a.sid < b.sid ? 1 : -1));
  }

  update(webhook: Webhook, { secret, topics, ...changes }: Partial<NewWebhook>): Promise<Webhook> {
    const { sealing } = this.#options;
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    return this.#change(webhook, (now) => ({
      ...now,
      ...given,
      ...(topics === undefined ? {} : { topics: normalised(topics) }),
      ...(secret === undefined ? {} : { sealedSecret: sealing.seal(checked(secret), contextOf(webhook.sid)) }),
    }));
  }

  pause(webhook: Webhook): Promise<Webhook> {
    const pause = { reason: 'requested' as const, at: this.#options.clock.now(), detail: 'paused through the API' };
    return this.#change(webhook, (now) => (now.pause === undefined ? { ...now, pause } : now));
  }

  async resume(webhook: Webhook): Promise<Webhook> {
    const { store } = this.#options;
    const cursor = await store.cursor(webhook.sid);
    // Its receiver has a new chance, as long as the first one.
    if (cursor !== undefined) await store.saveCursor(webhook.sid, { position: cursor.position, fence: cursor.fence });
    return this.#change(webhook, (now) => ({ ...now, pause: undefined }));
  }

  remove(webhook: Webhook): Promise<void> {
    return this.#options.store.remove(webhook.sid);
  }

  async test(webhook: Webhook): Promise<TestOutcome> {
    const { clock, random, poster, sealing } = this.#options;
    const id = `msg_${randomHex(random, 12)}`;
    const event = {
      specversion: '1.0',
      id,
      source: '/webhooks',
      type: 'webhook.test',
      subject: webhook.sid,
      time: new Date(clock.now()).toISOString(),
      datacontenttype: 'application/json',
      accountsid: webhook.accountSid,
      data: { webhook: webhook.sid },
    };
    const body = JSON.stringify([event]);
    const from = clock.monotonic();
    const outcome = await poster.post({
      url: webhook.url,
      headers: messageHeaders(secretOf(sealing, webhook), { id, at: clock.now(), body }),
      body,
      timeoutMs: TEST_TIMEOUT_MS,
      signal: new AbortController().signal,
    });
    return { ...outcome, durationMs: Math.round(clock.monotonic() - from) };
  }

  deadLetters(webhook: Webhook): Promise<DeadLetter[]> {
    return this.#options.store.deadLetters(webhook.sid);
  }

  async redrive(webhook: Webhook): Promise<void> {
    const { clock, store } = this.#options;
    const again = (now: Webhook): Webhook => ({ ...now, redriveAt: Math.max(clock.now(), (now.redriveAt ?? 0) + 1) });
    if ((await store.update(webhook.sid, again)) === undefined) throw gone();
  }

  removeDeadLetter(webhook: Webhook, id: string): Promise<void> {
    return this.#options.store.removeDeadLetter(webhook.sid, id);
  }

  async #change(webhook: Webhook, change: (now: Webhook) => Webhook): Promise<Webhook> {
    const { store, clock } = this.#options;
    const changed = await store.update(webhook.sid, (now) => {
      // Rises even when the clock does not: it tells that something changed.
      return { ...change(now), updatedAt: Math.max(clock.now(), now.updatedAt + 1) };
    });
    if (changed === undefined) throw gone();
    return changed;
  }

  /** Where the account's events stand, of what this process has seen. */
  async #now(accountSid: string, topic: string): Promise<Position> {
    const delivery = this.#options.hub.openDelivery(accountSid, DEAF);
    try {
      return (await delivery.subscribe(topic)).position;
    } catch (error) {
      throw new SinkError('unavailable', 'events cannot be read at the moment; try again', { cause: error });
    } finally {
      delivery.close();
    }
  }
}

function gone(): SinkError {
  return new SinkError('invalid', 'the webhook was deleted meanwhile');
}

function checked(secret: string): string {
  if (isSecret(secret)) return secret;
  throw new SinkError('invalid', 'secret: whsec_ and the base64 of 24 to 64 random bytes, or leave it out');
}

function normalised(topics: readonly string[]): string[] {
  const out = new Set<string>();
  for (const topic of topics) {
    const parsed = parseTopic(topic, { wildcards: true });
    if (!parsed.ok) throw new SinkError('invalid', `topics: '${topic}': ${parsed.problem}`);
    out.add(parsed.topic);
  }
  return [...out];
}
