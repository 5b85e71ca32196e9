import type { Position, ServerFrame } from '@hookswitch/shared';
import {
  Emitter,
  clientError,
  deferred,
  hubError,
  onAbort,
  systemClock,
  systemRandom,
  toHookswitchError,
} from '../kit/index.ts';
import type { Clock, HookswitchError, RandomFraction, Unsubscribe } from '../kit/index.ts';
import { Connection } from './connection.ts';
import type { ConnectionInfo, ConnectionState } from './connection-machine.ts';
import { MemberList } from './member-list.ts';
import type { PresenceOptions, PresencePage } from './presence.ts';
import { Publisher } from './publisher.ts';
import type { PublishOptions } from './publisher.ts';
import { Requests } from './requests.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import type { Delivered, Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { TokenRefresh } from './token-refresh.ts';
import { TokenSource } from './token-source.ts';
import type { TokenOption } from './token-source.ts';
import { webSocketTransport } from './transport.ts';
import type { Transport, WebSocketConstructor } from './transport.ts';

export interface HubOptions {
  /**
   * `wss://host/v1/hub`; in a page the default is the page's own host. Of several gateways one is taken at random, and
   * after a loss the next: any of them serves any client.
   */
  readonly url?: string | readonly string[];
  readonly token: TokenOption;
  /** Name of your program, shown to the server's operator. */
  readonly client?: string;
  /** How long before its expiry a token is renewed, milliseconds (default 10 000; the server asks 60 s before). */
  readonly tokenRefreshMs?: number;
  /** Where there is no global WebSocket (Node before 22): that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Instead of a WebSocket. */
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

/** Pause after a read of a list of members that failed for now. */
const MEMBERS_RETRY_MS = 1000;

type Listener = (event: Delivered['event'], delivered: Delivered) => void;

/**
 * A connection to the hub that stays up: it reconnects with jittered back-off, renews its token and resumes every
 * subscription where it stopped. Lifetime: from connect() to close().
 */
export class HubClient {
  readonly #clock: Clock;
  readonly #tokens: TokenSource;
  readonly #emitter = new Emitter<HubEvents>();
  readonly #extensions = new Emitter<Record<string, unknown>>();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #subscriptions: Subscriptions;
  readonly #publisher: Publisher;
  readonly #refresh: TokenRefresh;
  #state: HubState = 'idle';
  #info: ConnectionInfo | undefined;

  constructor(options: HubOptions) {
    const clock = (this.#clock = options.clock ?? systemClock);
    this.#tokens = new TokenSource(options.token);
    this.#requests = new Requests((frame) => this.#connection.send(frame), clock);
    const request = this.#requests.request.bind(this.#requests);
    this.#subscriptions = new Subscriptions(request, clock);
    this.#publisher = new Publisher({ request, online: (signal) => this.#online(signal), clock });
    this.#refresh = new TokenRefresh(
      { tokens: this.#tokens, request, clock, earlyMs: options.tokenRefreshMs ?? 10_000 },
      {
        refreshed: (expiresAt) => {
          if (this.#info !== undefined) this.#info = { ...this.#info, expiresAt };
        },
        expiring: (expiresAt) => {
          this.#emitter.emit('tokenWillExpire', { expiresAt });
        },
        failed: (error) => {
          this.#emitter.emit('error', error);
        },
      },
    );
    this.#connection = new Connection(
      {
        urls: typeof options.url === 'string' ? [options.url] : (options.url ?? [defaultHubUrl()]),
        transport: options.transport ?? webSocketTransport(options.WebSocket),
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
   * @param signal ends the waiting, not the connecting
   * @throws HookswitchError when the server or the token says that trying is pointless, or close() was called
   */
  connect(signal?: AbortSignal): Promise<ConnectionInfo> {
    this.#connection.dispatch({ kind: 'connect' });
    return this.#online(signal);
  }

  /**
   * Works at any time, connected or not. With a listener events are handed to it; without one iterate the result, or give
   * it listeners by type. Subscriptions of one client to the same topic share one on the wire.
   * @throws HookswitchError `badTopic`; `invalidState` for the past of a topic that is subscribed already
   */
  subscribe<Own extends object = object>(topic: string, options?: SubscribeOptions): Subscription<Own>;
  subscribe<Own extends object = object>(
    topic: string,
    listener?: Listener,
    options?: SubscribeOptions,
  ): Subscription<Own>;
  subscribe(topic: string, first?: Listener | SubscribeOptions, options: SubscribeOptions = {}): Subscription {
    const subscription = this.#subscriptions.add(topic, typeof first === 'object' ? first : options);
    if (typeof first === 'function') {
      subscription.on('event', (delivered) => {
        first(delivered.event, delivered);
      });
    }
    return subscription;
  }

  /**
   * Publishes one event of yours on a topic under `app.`. Resolves when it is stored, with its position. While the
   * connection is lost it waits, and repeats what got no answer: the event is stored once, since it has an id.
   * @throws HookswitchError
   */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<Position> {
    return this.#publisher.publish(topic, data, options);
  }

  /** Who is on a topic now, a page of them (grant `hub.presence`). @throws HookswitchError */
  async presence(topic: string, { after, limit, signal }: PresenceOptions = {}): Promise<PresencePage> {
    const page = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
    const answer = await this.#requests.request({ type: 'presence', topic, ...page }, undefined, signal);
    if (answer.type !== 'presence') throw clientError('badAnswer');
    const { members, occupancy, next } = answer;
    return { members, occupancy, next };
  }

  /**
   * Who is on a topic, kept up to date (grants `hub.presence` for the topic, `hub.subscribe` for `presence.<topic>.*`).
   * @throws HookswitchError `badTopic`
   */
  members(topic: string): MemberList {
    return new MemberList({
      topic,
      changes: this.subscribe(`presence.${topic}.*`),
      page: (of, options) => this.presence(of, options),
      toError: (error) => toHookswitchError(error, 'badAnswer'),
      pause: () => {
        const wait = deferred<undefined>();
        this.#clock.setTimer(MEMBERS_RETRY_MS, () => {
          wait.resolve(undefined);
        });
        return wait.promise;
      },
    });
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
    else await this.#refresh.refresh(false);
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
    this.#refresh.stop();
    this.#requests.failAll(clientError('closed'));
    this.#connection.dispatch({ kind: 'close' });
    this.#subscriptions.close();
  }

  #up(info: ConnectionInfo): void {
    this.#info = info;
    this.#refresh.watch(info.expiresAt);
    this.#subscriptions.connected();
    this.#setState('connected');
    this.#emitter.emit('connected', info);
  }

  #down(error: HookswitchError): void {
    this.#info = undefined;
    this.#refresh.stop();
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
        this.#refresh.expiring(frame.expiresAt);
        return;
      case 'error':
        if (!this.#requests.settle(frame)) this.#told(frame);
        return;
      case 'connected':
      case 'disconnect':
      case 'ping':
        return;
      default:
        this.#requests.settle(frame);
    }
  }

  /** An error that answers nothing: of a subscription that ended, or of the connection. */
  #told(frame: Extract<ServerFrame, { type: 'error' }>): void {
    const error = hubError(frame);
    if (frame.topic !== undefined && this.#subscriptions.ended(frame.topic, error)) return;
    if (frame.id === undefined) this.#emitter.emit('error', error);
  }

  #online(signal?: AbortSignal): Promise<ConnectionInfo> {
    if (this.#info !== undefined) return Promise.resolve(this.#info);
    const { phase } = this.#connection.state;
    if (phase === 'idle') return Promise.reject(clientError('offline', { message: 'call connect() first' }));
    const outcome = deferred<ConnectionInfo>();
    const check = (): void => {
      const now = this.#connection.state;
      if (now.phase === 'stopped') outcome.reject(now.error);
      if (now.phase === 'idle') outcome.reject(clientError('closed'));
    };
    const ends = [this.on('connected', outcome.resolve), this.on('state', check), onAbort(signal, outcome.reject)];
    const cleanUp = (): void => {
      for (const end of ends) end();
    };
    outcome.promise.then(cleanUp, cleanUp);
    if (phase === 'stopped') check();
    return outcome.promise;
  }
}

/** The hub of the host that served the page. @throws HookswitchError outside a page, where `url` has to be given */
export function defaultHubUrl(): string {
  const { location } = globalThis as { location?: { protocol: string; host: string } };
  if (location === undefined) throw clientError('invalidState', { message: 'give the hub url: wss://HOST/v1/hub' });
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/hub`;
}
