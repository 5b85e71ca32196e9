import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../../kernel/index.ts';
import type { Clock } from '../../../kernel/index.ts';
import type { Hub } from '../../../hub/index.ts';
import { LongPolls, createGateway } from '../../index.ts';
import type { Gateway, GatewayOptions, PollLimits, Quotas } from '../../index.ts';
import { listenSocketIo } from '../../listener.socketio.ts';
import { listenWebSocket } from '../../listener.ws.ts';
import { hubHttp } from '../routes.fastify.ts';

export interface HttpFixture extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly polls: LongPolls;
  readonly port: number;
  readonly base: string;
}

export interface HttpFixtureOptions {
  readonly hub: Hub;
  readonly gateway?: Partial<GatewayOptions>;
  readonly limits?: Partial<PollLimits>;
  readonly quotas?: Quotas;
  readonly clock?: Clock;
}

/** A gateway with every transport on one free port. The hub is the caller's. */
export async function httpFixture(options: HttpFixtureOptions): Promise<HttpFixture> {
  const { hub, clock = systemClock, limits = {}, quotas } = options;
  const common = { hub, clock, metrics: createMetrics() };
  const gateway = createGateway({
    ...common,
    node: 'node-1',
    random: systemRandom,
    logger: silentLog,
    ...(quotas === undefined ? {} : { quotas }),
    ...options.gateway,
  });
  const polls = new LongPolls({ ...common, limits, ...(quotas === undefined ? {} : { quotas }) });
  const app = fastify({ forceCloseConnections: true });
  await app.register(hubHttp({ acceptor: () => gateway, polls, log: silentLog }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const listeners = [
    listenWebSocket({ server: app.server, gateway, logger: silentLog }),
    listenSocketIo({ server: app.server, gateway, logger: silentLog }),
  ];
  const { port } = app.server.address() as AddressInfo;
  return {
    gateway,
    polls,
    port,
    base: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      polls.close();
      await gateway.drain({ spreadMs: 0, deadlineMs: 1000 });
      for (const listener of listeners) await listener.close();
      await app.close();
    },
  };
}

/** One server-sent event as it came. */
export interface SseMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: unknown;
}

/** Reads an event stream by the rules of the HTML standard, comments counted. */
export class SseClient {
  readonly messages: SseMessage[] = [];
  comments = 0;
  status = 0;
  readonly ended: Promise<void>;
  readonly #abort = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  #waiters: (() => void)[] = [];
  #over = false;

  private constructor() {
    this.ended = this.#end.promise;
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
    const client = new SseClient();
    const response = await fetch(url, { headers, signal: client.#abort.signal });
    client.status = response.status;
    void client.#read(response);
    return client;
  }

  get lastId(): string | undefined {
    return this.messages.findLast(({ id }) => id !== undefined)?.id;
  }

  of(event: string): SseMessage[] {
    return this.messages.filter((message) => message.event === event);
  }

  async count(event: string, count: number): Promise<SseMessage[]> {
    while (this.of(event).length < count) {
      if (this.#over) throw new Error(`the stream ended: ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.of(event);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.ended;
  }

  async #read(response: Response): Promise<void> {
    let text = '';
    try {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString('utf8');
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
        this.#wake();
      }
    } catch {
      // Cut: told by `ended`.
    }
    this.#over = true;
    this.#end.resolve();
    this.#wake();
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) this.comments += 1;
      else fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    const data = fields.get('data');
    if (data === undefined) return;
    const { event = 'message', id, retry } = Object.fromEntries(fields) as Record<string, string>;
    this.messages.push({ event, id, retry, data: JSON.parse(data) });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
