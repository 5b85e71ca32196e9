import type { Msg, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Bus } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import { noCounts } from './statistics.ts';
import type { MediaCounts, Statistics } from './statistics.ts';
import type { OtherCounts } from './statistics-shared.ts';

export interface NatsCountsOptions {
  readonly bus: Bus;
  /** This process. */
  readonly node: string;
  readonly statistics: Statistics;
  /** Processes that have a media layer now, with or without this one. */
  readonly nodes: () => readonly string[];
  /** Who has not answered then is left out, milliseconds (default 1000). */
  readonly waitMs?: number;
}

const SUBJECT = 'hs.media.counts';
const amount = z.number().nonnegative();
const schema: z.ZodType<MediaCounts> = z.object({
  ...{ hits: amount, misses: amount, revalidations: amount, stale: amount, failures: amount },
  ...{ bytes: amount, ageSeconds: amount, conversions: amount, conversionMs: amount },
});
const replySchema = z.object({ node: z.string(), counts: schema });

/** Counts of other processes, asked for when somebody wants to see them: one question to all, one answer from each. */
export class NatsCounts implements OtherCounts {
  readonly #options: NatsCountsOptions;
  readonly #subscription: Subscription;

  constructor(options: NatsCountsOptions) {
    this.#options = options;
    this.#subscription = options.bus.nc.subscribe(SUBJECT, {
      callback: (error, message) => {
        if (error === null) this.#answer(message);
      },
    });
  }

  async ask(accountSid: string): Promise<readonly MediaCounts[]> {
    const { bus, node, nodes, waitMs = 1000 } = this.#options;
    const wanted = new Set(nodes().filter((other) => other !== node));
    const found: MediaCounts[] = [];
    if (wanted.size === 0 || !bus.connected) return found;
    // This process answers too.
    const options = { maxWait: waitMs, maxMessages: wanted.size + 1, strategy: 'count' } as const;
    try {
      for await (const message of await bus.nc.requestMany(SUBJECT, JSON.stringify(accountSid), options)) {
        const reply = replySchema.safeParse(message.json()).data;
        if (reply !== undefined && wanted.delete(reply.node)) found.push(reply.counts);
        if (wanted.size === 0) break;
      }
    } catch (error) {
      bus.log.debug({ reason: describeError(error) }, 'media: other processes could not be asked for what they did');
    }
    return found;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
  }

  #answer(message: Msg): void {
    const { bus, node, statistics } = this.#options;
    try {
      const accountSid = z.string().parse(message.json());
      const counts = statistics.all().get(accountSid) ?? noCounts();
      message.respond(JSON.stringify({ node, counts }));
    } catch (error) {
      bus.log.warn({ reason: describeError(error) }, 'media: a question for what was done could not be answered');
    }
  }
}
