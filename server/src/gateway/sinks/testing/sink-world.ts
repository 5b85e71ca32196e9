import { createMetrics, seededRandom, silentLog } from '../../../kernel/index.ts';
import { FakeClock, settle } from '../../../kernel/clock.fake.ts';
import { ACCOUNT, event, hubFixture } from '../../../hub/testing/fixtures.ts';
import type { PostOutcome, SinkEvents, WebhookPost, WebhookPoster } from '../ports.ts';
import { SINK_LIMITS } from '../sink-runner.ts';
import type { SinkContext, SinkLimits } from '../sink-runner.ts';
import { sinkTask } from '../sink-shards.ts';
import { MemorySinkStore } from '../sink-store.memory.ts';
import { webhookRecord } from '../sink-store.conformance.ts';
import { WebhookService } from '../webhook-service.ts';

export interface Received {
  readonly url: string;
  readonly id: string;
  readonly topics: string[];
  readonly seqs: number[];
}

/** A receiver whose answers the test decides; without a decision it takes everything. */
export class FakeReceiver implements WebhookPoster {
  readonly taken: Received[] = [];
  readonly asked: Received[] = [];
  /** Requests under way, most at once. */
  most = 0;
  #open = 0;
  answer: (received: Received) => PostOutcome | Promise<PostOutcome> = () => ({ status: 200, problem: undefined });

  async post({ url, headers, body, signal }: WebhookPost): Promise<PostOutcome> {
    const events = JSON.parse(body) as { topic: string; position?: string }[];
    const received: Received = {
      url,
      id: headers['webhook-id'] ?? '',
      topics: events.map(({ topic }) => topic),
      seqs: events.map(({ position = '' }) => Number(position.split(':').at(-1))),
    };
    this.asked.push(received);
    this.most = Math.max(this.most, ++this.#open);
    const aborted = new Promise<PostOutcome>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve({ status: undefined, problem: 'given up' });
      });
    });
    const outcome = await Promise.race([Promise.resolve(this.answer(received)), aborted]);
    this.#open -= 1;
    if (outcome.problem === undefined) this.taken.push(received);
    return outcome;
  }

  /** Sequences taken, in the order in which they were. */
  get seqs(): number[] {
    return this.taken.flatMap(({ seqs }) => seqs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Sinks of one process on a clock of the test's own. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- what it offers is what it returns
export function sinkWorld(limits: Partial<SinkLimits> = {}) {
  const clock = new FakeClock();
  const { hub, log } = hubFixture(clock, 0);
  const store = new MemorySinkStore();
  const receiver = new FakeReceiver();
  const happened: Parameters<SinkEvents>[0][] = [];
  const inactive = new Set<string>();
  const random = seededRandom(7);
  const context: SinkContext = {
    hub,
    store,
    poster: receiver,
    secretOf: ({ sealedSecret }) => sealedSecret,
    isActive: (sid) => !inactive.has(sid),
    events: (one) => happened.push(one),
    limits: { ...SINK_LIMITS, ...limits },
    sent: createMetrics().counter('sent', 'sent', ['outcome']),
    clock,
    random,
    log: silentLog,
  };
  const sealing = { seal: (secret: string) => secret, open: (sealed: string) => sealed };
  const service = new WebhookService({ store, hub, poster: receiver, sealing, clock, random });
  let fence = 0;
  let stopDoing: (() => Promise<void>) | undefined;
  const start = (): void => {
    const task = sinkTask(context);
    const abort = new AbortController();
    fence += 1;
    const runs = Array.from({ length: task.shards }, (_, shard) => task.run({ shard, fence, signal: abort.signal }));
    stopDoing = async () => {
      abort.abort();
      await clock.advanceAsync(0);
      await Promise.all(runs);
    };
  };
  const stop = async (): Promise<void> => {
    await stopDoing?.();
    stopDoing = undefined;
  };
  return {
    clock,
    hub,
    log,
    store,
    service,
    receiver,
    happened,
    inactive,
    start,
    /** As when the process hands its shards on. */
    stop,
    create: async (options: Partial<ReturnType<typeof webhookRecord>> = {}) => {
      const { url, name, topics, filter, batchEvents, batchWindowMs, orderBy } = webhookRecord(options);
      const made = await service.create(ACCOUNT, { url, name, topics, filter, batchEvents, batchWindowMs, orderBy });
      await settle();
      return made.webhook;
    },
    publish: async (topic = 'app.a', data: unknown = {}) => {
      await hub.publish(ACCOUNT, topic, event(data));
      await settle();
    },
    close: async () => {
      await stop();
      await clock.advanceAsync(60_000);
      await hub.close();
      if (log.subscriptions !== 0 || clock.pendingTimers !== 0) throw new Error('something of a sink is still open');
    },
  };
}
