import { z } from 'zod';
import {
  HUB_LIMITS,
  compileFilter,
  filterSchema,
  isApplicationTopic,
  parseTopic,
  positionSchema,
} from '@hookswitch/shared';
import type { HookswitchEvent } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type { Hub } from './hub.ts';

const publishSchema = z.object({
  type: z
    .string()
    .regex(/^[a-z][a-z0-9.-]{0,99}$/)
    .default('app.message'),
  data: z.unknown().optional(),
  id: z.string().min(1).max(128).optional(),
});
const historySchema = z.object({
  topic: z.string().max(512).default('>'),
  filter: filterSchema.optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  limit: z.number().int().min(1).max(1000).default(100),
  since: z.number().optional(),
  until: z.number().optional(),
  from: positionSchema.optional(),
});

export interface TenantRequestsOptions {
  readonly hub: Pick<Hub, 'publish' | 'history'>;
  readonly isActive: (accountSid: string) => boolean;
  /** Takes an event with so many bytes of data of the account's rates; a refusal says why and when to try again. */
  readonly takeQuota?: (
    accountSid: string,
    bytes: number,
  ) => { readonly message: string; readonly retryAfterMs: number } | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const refusal = (name: string, message: string, retryAfterMs?: number): object => ({
  error: { name, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
});

/** What trusted backends of a tenant may ask for beside its events: publishing under `app.` and history (docs/nats.md). */
export class HubTenantRequests {
  readonly #options: TenantRequestsOptions;

  constructor(options: TenantRequestsOptions) {
    this.#options = options;
  }

  /** Answers when the event is stored. */
  publish(accountSid: string, topic: string, body: unknown): Promise<object> {
    return this.#guarded(accountSid, publishSchema, body, async (request) => {
      const parsed = parseTopic(topic, { wildcards: false });
      if (!parsed.ok) return refusal('badTopic', parsed.problem);
      if (!isApplicationTopic(parsed.topic)) return refusal('notPermitted', 'backends publish under app. only');
      const data = request.data ?? null;
      const bytes = Buffer.byteLength(JSON.stringify(data));
      if (bytes > HUB_LIMITS.maxPublishBytes) {
        return refusal('payloadTooLarge', `data is at most ${HUB_LIMITS.maxPublishBytes} bytes of JSON`);
      }
      const { clock, random, hub, takeQuota } = this.#options;
      const over = takeQuota?.(accountSid, bytes);
      if (over !== undefined) return refusal('limitExceeded', over.message, over.retryAfterMs);
      const event: HookswitchEvent = {
        specversion: '1.0',
        id: request.id ?? randomHex(random, 16),
        source: '/nats',
        type: request.type,
        time: new Date(clock.now()).toISOString(),
        datacontenttype: 'application/json',
        accountsid: accountSid,
        data,
      };
      const position = await hub.publish(accountSid, parsed.topic, event, bytes);
      return { id: event.id, topic: parsed.topic, position };
    });
  }

  history(accountSid: string, body: unknown): Promise<object> {
    return this.#guarded(accountSid, historySchema, body, async (request) => {
      const { topic, filter, since, until, from, order, limit } = request;
      const parsed = parseTopic(topic, { wildcards: true });
      if (!parsed.ok) return refusal('badTopic', parsed.problem);
      const accepts = filter === undefined ? undefined : compileFilter(filter);
      const page = await this.#options.hub.history({
        accountSid,
        pattern: parsed.topic,
        order,
        limit,
        ...(accepts === undefined ? {} : { accepts: ({ event }) => accepts(event) }),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        ...(from === undefined ? {} : { from }),
      });
      const events = page.events.map(({ topic: on, position, event }) => ({ topic: on, position, event }));
      return { events, next: page.next ?? null, complete: page.complete };
    });
  }

  async #guarded<T>(
    accountSid: string,
    schema: z.ZodType<T>,
    body: unknown,
    work: (request: T) => Promise<object>,
  ): Promise<object> {
    if (!this.#options.isActive(accountSid)) return refusal('accountInactive', 'the account is not active');
    const parsed = schema.safeParse(body);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return refusal('badFrame', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
    }
    try {
      return await work(parsed.data);
    } catch (error) {
      if (!(error instanceof EventLogError)) throw error;
      if (error.reason === 'invalid') return refusal('badFrame', error.message);
      return refusal('unavailable', 'events cannot be stored or read at the moment; try again');
    }
  }
}
