import type { Position, ServerFrame } from '@hookswitch/shared';
import { Emitter, Timers, clientError, systemClock, systemRandom, toHookswitchError } from '../kit/index.ts';
import type { Clock, HookswitchError, RandomFraction, Unsubscribe } from '../kit/index.ts';
import { Connection } from './connection.ts';
import type { ConnectionInfo, ConnectionState } from './connection-machine.ts';
import { Requests } from './requests.ts';
import type { Delivered, Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { TokenSource } from './token-source.ts';
import type { TokenOption } from './token-source.ts';
import { webSocketTransport } from './transport.ts';
import type { Transport } from './transport.ts';

export interface HubOptions {
  /** `wss://host/v1/hub`; in a page the default is the page's own host. */
  readonly url?: string;
  readonly token: TokenOption;
  /** Name of your program, shown to the server's operator. */
  readonly client?: string;
  /** How long before its expiry a token is renewed, milliseconds (default 10 000). */
  readonly tokenRefreshMs?: number;
  /** Default: the platform's WebSocket. */
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: RandomFraction;
}

/** What an application can tell its user about the connection. */
export type HubState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'stopped';

export interface HubEvents {
  state: HubState;
  /** Authenticated, first or again. */
  connected: ConnectionInfo;
  /** The connection was lost; it is being re-established unless the state is `stopped`. */
  disconnected: HookswitchError;
  /** Something went wrong that no call reports: a refused token, a failing token provider, a server that says stop. */
  error: HookswitchError;
  /** The token expires at this time (epoch milliseconds) and there is no provider: call updateToken(). */
  tokenWillExpire: { readonly expiresAt: number };
}

export interface PublishOptions {
  /** CloudEvents type (default `app.message`). */
  readonly type?: string;
  /** Makes repeating the command harmless. */
  readonly eventId?: string;
}

/** Waits longer than this are cut into pieces: the platform's timers hold 31 bits of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A clock that runs wrong must not make us renew all the time; short-lived tokens are announced by the server. */
const MIN_REFRESH_MS = 30_000;

/**
 * A connection to the hub that stays up: it reconnects with jittered back-off, renews its token and resumes every
 * subscription where it stopped. Lifetime: from connect() to close().
 */
export class HubClient {
  readonly #options: HubOptions;
  readonly #clock: Clock;
  readonly #tokens: TokenSource;
  readonly #emitter = new Emitter<HubEvents>();
  readonly #extensions = new Emitter<Record<string, unknown>>();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #subscriptions: Subscriptions;
  readonly #timers: Timers<'token'>;
  #state: HubState = 'idle';
  #info: ConnectionInfo | undefined;

  constructor(options: HubOptions) {
    const clock = options.clock ?? systemClock;
    this.#options = options;
    this.#clock = clock;
    this.#timers = new Timers(clock);
    this.#tokens = new TokenSource(options.token);
    this.#requests = new Requests((frame) => this.#connection.send(frame), clock);
    this.#subscriptions = new Subscriptions((command) => this.#requests.request(command), clock);
    this.#connection = new Connection(
      {
        url: options.url ?? defaultHubUrl(),
        transport: options.transport ?? webSocketTransport(),
        tokens: this.#tokens,
        clock,
        random: options.random ?? systemRandom,
        client: options.client ?? 'hookswitch-js',
      },
      {
        up: (info) => {
          this.#up(info);
        },
        down: (error) => {
          this.#down(error);
        },
        changed: (state) => {
          this.#changed(state);
        },
        frame: (frame) => {
          this.#frame(frame);
        },
        unreadable: (id, problem) => {
          if (id !== undefined) this.#requests.fail(id, clientError('badAnswer', { message: `answer: ${problem}` }));
        },
      },
    );
  }

  get state(): HubState {
    return this.#state;
  }

  /** Of the present connection; undefined while there is none. */
  get info(): ConnectionInfo | undefined {
    return this.#info;
  }

  on<K extends keyof HubEvents>(event: K, listener: (payload: HubEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /**
   * Connects and stays connected. Resolves with the first connection; a connection that is down now keeps it waiting.
   * @throws HookswitchError when the server or the token says that trying is pointless, or close() was called
   */
  connect(): Promise<ConnectionInfo> {
    if (this.#info !== undefined) return Promise.resolve(this.#info);
    const outcome = Promise.withResolvers<ConnectionInfo>();
    const offs = [
      this.on('connected', outcome.resolve),
      this.on('state', (state) => {
        const now = this.#connection.state;
        if (now.phase === 'stopped') outcome.reject(now.error);
        if (state === 'idle') outcome.reject(clientError('closed'));
      }),
    ];
    const cleanUp = (): void => {
      for (const off of offs) off();
    };
    outcome.promise.then(cleanUp, cleanUp);
    this.#connection.dispatch({ kind: 'connect' });
    return outcome.promise;
  }

  /**
   * Works at any time, connected or not. With a listener events are handed to it; without one iterate the result.
   * @param position what came after it is delivered first (an earlier event's position)
   * @throws HookswitchError `badTopic`
   */
  subscribe(
    topic: string,
    listener?: (event: Delivered['event'], delivered: Delivered) => void,
    options: { readonly position?: Position } = {},
  ): Subscription {
    const subscription = this.#subscriptions.add(topic, options.position);
    if (listener !== undefined) {
      subscription.on('event', (delivered) => {
        listener(delivered.event, delivered);
      });
    }
    return subscription;
  }

  /**
   * Publishes one event of yours on a topic under `app.`. Resolves when it is stored.
   * @throws HookswitchError; after `connectionLost` repeat it with the same `eventId`
   */
  async publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Position> {
    const { type, eventId } = options;
    const answer = await this.#requests.request({
      type: 'publish',
      topic,
      data,
      ...(type === undefined ? {} : { event: type }),
      ...(eventId === undefined ? {} : { eventId }),
    });
    if (answer.type !== 'published') throw clientError('badAnswer');
    return answer.position;
  }

  /** A request to a message extension of the server. The answer's body is not checked here. @throws HookswitchError */
  async extension(extension: string, body: unknown, timeoutMs?: number): Promise<unknown> {
    const answer = await this.#requests.request({ type: 'extension', extension, body }, timeoutMs);
    if (answer.type !== 'result') throw clientError('badAnswer');
    return answer.body;
  }

  /** Messages that a message extension of the server pushes. */
  onExtension(extension: string, listener: (body: unknown) => void): Unsubscribe {
    return this.#extensions.on(extension, listener);
  }

  /** Replaces the token (or its provider) without losing the connection. @throws HookswitchError when it is refused */
  async updateToken(token: TokenOption): Promise<void> {
    this.#tokens.set(token);
    if (this.#info === undefined) this.#connection.dispatch({ kind: 'token-replaced' });
    else await this.#refresh();
  }

  /** The network came back: try at once instead of waiting, or check whether the connection still lives. */
  wakeUp(): void {
    this.#connection.dispatch({ kind: 'online' });
    if (this.#info === undefined) return;
    this.#requests.request({ type: 'ping' }, 4000).catch(() => {
      this.#connection.dispatch({ kind: 'timer', name: 'silence' });
    });
  }

  /** Ends everything: subscriptions, commands that wait, the connection. connect() begins anew. Idempotent. */
  close(): void {
    this.#timers.stopAll();
    this.#connection.dispatch({ kind: 'close' });
    this.#requests.failAll(clientError('closed'));
    this.#subscriptions.close();
  }

  #up(info: ConnectionInfo): void {
    this.#info = info;
    this.#watchExpiry(info.expiresAt);
    this.#subscriptions.connected();
    this.#setState('connected');
    this.#emitter.emit('connected', info);
  }

  #down(error: HookswitchError): void {
    this.#info = undefined;
    this.#timers.stopAll();
    this.#subscriptions.disconnected();
    this.#requests.failAll(clientError('connectionLost'));
    this.#emitter.emit('disconnected', error);
  }

  #changed(state: ConnectionState): void {
    if (state.phase === 'waiting' && state.error.name !== 'offline') this.#emitter.emit('error', state.error);
    if (state.phase === 'stopped') {
      this.#setState('stopped');
      this.#emitter.emit('error', state.error);
    } else if (state.phase === 'idle') this.#setState('idle');
    else if (state.phase !== 'connected') {
      const again = this.#state === 'connected' || this.#state === 'reconnecting' || state.phase === 'waiting';
      this.#setState(again ? 'reconnecting' : 'connecting');
    }
  }

  #setState(state: HubState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'event':
        this.#subscriptions.event(frame);
        return;
      case 'gap':
        this.#subscriptions.gap(frame);
        return;
      case 'extension':
        this.#extensions.emit(frame.extension, frame.body);
        return;
      case 'token-will-expire':
        this.#tokenWillExpire(frame.expiresAt);
        return;
      case 'error':
        if (!this.#requests.settle(frame)) {
          this.#emitter.emit('error', toHookswitchError(new Error(frame.message), 'badAnswer'));
        }
        return;
      case 'connected':
      case 'disconnect':
      case 'ping':
        return;
      default:
        this.#requests.settle(frame);
    }
  }

  #watchExpiry(expiresAt: number): void {
    const early = this.#options.tokenRefreshMs ?? 10_000;
    const inMs = expiresAt - early - this.#clock.now();
    this.#timers.start('token', Math.min(Math.max(inMs, MIN_REFRESH_MS), MAX_TIMER_MS), () => {
      if (inMs > MAX_TIMER_MS) this.#watchExpiry(expiresAt);
      else this.#tokenWillExpire(expiresAt);
    });
  }

  #tokenWillExpire(expiresAt: number): void {
    this.#timers.stop('token');
    if (!this.#tokens.canRefresh) {
      this.#emitter.emit('tokenWillExpire', { expiresAt });
      return;
    }
    this.#refresh(true).catch((error: unknown) => {
      const failure = toHookswitchError(error, 'tokenProviderFailed');
      if (failure.name === 'connectionLost') return;
      this.#emitter.emit('error', failure);
      if (failure.temporary && this.#info !== undefined) {
        this.#timers.start('token', 5000, () => {
          this.#tokenWillExpire(expiresAt);
        });
      }
    });
  }

  async #refresh(fresh = false): Promise<void> {
    const token = await this.#tokens.get(fresh);
    const answer = await this.#requests.request({ type: 'refresh', token });
    if (answer.type !== 'refreshed') throw clientError('badAnswer');
    if (this.#info !== undefined) this.#info = { ...this.#info, expiresAt: answer.expiresAt };
    this.#watchExpiry(answer.expiresAt);
  }
}

/** The hub of the host that served the page. @throws HookswitchError outside a page, where `url` has to be given */
export function defaultHubUrl(): string {
  const { location } = globalThis as { location?: { protocol: string; host: string } };
  if (location === undefined) throw clientError('invalidState', { message: 'give the hub url: wss://HOST/v1/hub' });
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/hub`;
}
