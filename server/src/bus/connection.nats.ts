import { connect } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { Emitter, backoffDelay, describeError } from '../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../kernel/index.ts';
import { AskAgain } from './ask-again.nats.ts';
import { BusError } from './errors.ts';

export interface BusOptions {
  /** `nats://user:password@host:port`, several separated by commas (the first one's credentials serve all). */
  readonly url: string;
  /** Shown by the server's monitoring, e.g. `hookswitch <node>`. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Longest wait for the first connection, milliseconds (default 30 000). Later ones are retried for ever. */
  readonly connectTimeoutMs?: number;
}

export interface BusEvents {
  /** The connection is lost; the client library reconnects by itself. Subscriptions and watches come back by themselves. */
  disconnected: undefined;
  /** Connected again. What was published by others meanwhile was not delivered: re-read it. */
  reconnected: undefined;
  /** The server drops messages for a subscription that is read too slowly: re-read it. */
  'slow-consumer': { readonly subject: string };
}

/** Options of a NATS connection for a URL that may hold credentials. @throws BusError `bad-url` */
export function natsOptions(url: string): NodeConnectionOptions & { servers: string[] } {
  const servers: string[] = [];
  let credentials: { user?: string; pass?: string; token?: string } = {};
  for (const part of url.split(',')) {
    let parsed: URL;
    try {
      parsed = new URL(part.trim());
    } catch {
      throw new BusError('bad-url', `'${part.trim()}' is not a NATS URL: expected nats://[user:password@]host[:port]`);
    }
    if (parsed.username !== '' && Object.keys(credentials).length === 0) {
      const user = decodeURIComponent(parsed.username);
      credentials = parsed.password === '' ? { token: user } : { user, pass: decodeURIComponent(parsed.password) };
    }
    servers.push(`${parsed.protocol}//${parsed.host}`);
  }
  return { servers, ...credentials };
}

/** One server closer to death is noticed: a ping every 10 s, two unanswered ones close the connection. */
export const LIVENESS = { pingInterval: 10_000, maxPingOut: 2 } as const;

/**
 * Waits of 50 to 450 ms between attempts to connect. The library's own waiting compares times of day: an attempt before the
 * machine's clock was set back would keep the next one waiting for as long as it was set back. So it is told that it never
 * has to wait, and to dial after a delay, which is a timer.
 */
function reconnectPace(random: Random): Pick<NodeConnectionOptions, 'reconnectDelayHandler' | 'reconnectToServer'> {
  let first = true;
  return {
    reconnectDelayHandler: () => Number.MIN_SAFE_INTEGER,
    reconnectToServer: ([next]) => {
      const delay = first ? 0 : 50 + random.int(400);
      first = false;
      return next === undefined ? null : { server: next, delay };
    },
  };
}

/**
 * The process's connection to NATS for everything but the event outbox (which has its own). Reconnects for ever with
 * jitter. Owner: whoever called {@link Bus.connect}; `close()` drains and never rejects.
 */
export class Bus {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly #questions: AskAgain;
  readonly #emitter: Emitter<BusEvents>;
  #connected = true;
  #connectedSince: number;

  private constructor(
    options: BusOptions,
    { nc, jsm, questions }: { nc: NatsConnection; jsm: JetStreamManager; questions: AskAgain },
  ) {
    this.nc = nc;
    this.js = jetstream(nc);
    this.jsm = jsm;
    this.#questions = questions;
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.#connectedSince = this.clock.monotonic();
    this.#emitter = new Emitter((error, event) => {
      this.log.error({ err: error, event }, 'a listener of the bus connection failed');
    });
    void this.#watchStatus();
  }

  /** @throws BusError `unreachable` when no server answered in time, `bad-url` */
  static async connect(options: BusOptions): Promise<Bus> {
    const { clock, random, log, connectTimeoutMs = 30_000 } = options;
    const target = natsOptions(options.url);
    const deadline = clock.monotonic() + connectTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      let nc: NatsConnection | undefined;
      try {
        nc = await connect({
          ...target,
          ...LIVENESS,
          name: options.name,
          // An error with a stack for every request costs as much as the request.
          noAsyncTraces: true,
          timeout: 5000,
          maxReconnectAttempts: -1,
          ...reconnectPace(random),
        });
        const jsm = await jetstreamManager(nc, { timeout: 5000 });
        return new Bus(options, { nc, jsm, questions: await AskAgain.over(nc, clock) });
      } catch (error) {
        await nc?.close();
        const wait = 50 + backoffDelay(attempt, random, { baseMs: 100, maxMs: 2000 });
        if (clock.monotonic() + wait > deadline) {
          throw new BusError(
            'unreachable',
            `NATS with JetStream did not answer at ${target.servers.join(', ')} within ${connectTimeoutMs} ms: ${describeError(error)}. ` +
              'Check NATS_URL, its credentials and that the server runs with JetStream.',
            { cause: error },
          );
        }
        log.debug({ err: error, attempt }, 'NATS is not reachable yet');
        await new Promise<void>((resolve) => {
          clock.setTimer(wait, resolve);
        });
      }
    }
  }

  get connected(): boolean {
    return this.#connected && !this.nc.isClosed();
  }

  /** `clock.monotonic()` of the latest connect; undefined while disconnected. */
  get connectedSince(): number | undefined {
    return this.connected ? this.#connectedSince : undefined;
  }

  /**
   * Asks JetStream what does no harm when it is done twice: asked again when the server loses it (`AskAgain`).
   * @throws whatever the client library throws, after 5 s without an answer
   */
  ask<T>(question: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    return this.#questions.ask(question);
  }

  on<K extends keyof BusEvents>(event: K, listener: (payload: BusEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Sends what is queued, ends subscriptions, closes; gives up the draining after 2 s or when not connected. Idempotent. */
  async close(): Promise<void> {
    this.#emitter.clear();
    if (this.nc.isClosed()) return;
    if (this.#connected) {
      const timer = this.clock.setTimer(2000, () => void this.nc.close());
      await this.nc.drain().catch((error: unknown) => {
        this.log.debug({ err: error }, 'draining the NATS connection failed');
      });
      timer.cancel();
    }
    await this.nc.close();
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.nc.status()) {
      switch (status.type) {
        case 'disconnect':
          if (!this.#connected) break;
          this.#connected = false;
          this.log.warn({ server: status.server }, 'connection to NATS lost, reconnecting');
          this.#emitter.emit('disconnected', undefined);
          break;
        case 'reconnect':
          this.#connected = true;
          this.#connectedSince = this.clock.monotonic();
          this.log.info({ server: status.server }, 'connected to NATS again');
          this.#emitter.emit('reconnected', undefined);
          break;
        case 'slowConsumer':
          this.log.warn(
            { subject: status.sub.getSubject() },
            'slow consumer: messages of this subscription were dropped',
          );
          this.#emitter.emit('slow-consumer', { subject: status.sub.getSubject() });
          break;
        case 'error':
          this.log.warn({ err: status.error }, 'NATS reported an error');
          break;
        default:
          break;
      }
    }
  }
}
