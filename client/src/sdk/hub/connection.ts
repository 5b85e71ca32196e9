import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';
import { Runner, Timers } from '../kit/index.ts';
import type { Clock, HookswitchError, RandomFraction } from '../kit/index.ts';
import { toHookswitchError } from '../kit/index.ts';
import { stepConnection } from './connection-machine.ts';
import type {
  ConnectionEffect,
  ConnectionInfo,
  ConnectionInput,
  ConnectionState,
  ConnectionTimer,
} from './connection-machine.ts';
import { decodeFrame, encodeFrame } from './frame-codec.ts';
import type { TokenSource } from './token-source.ts';
import type { Transport, TransportLink } from './transport.ts';

export interface ConnectionOptions {
  /** Of the gateways; at least one. */
  readonly urls: readonly string[];
  readonly transport: Transport;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly random: RandomFraction;
  /** Shown to the server's operator. */
  readonly client: string;
}

export interface ConnectionHandlers {
  up(info: ConnectionInfo): void;
  /** The authenticated connection is gone. */
  down(error: HookswitchError): void;
  /** After every change of phase. */
  changed(state: ConnectionState): void;
  frame(frame: ServerFrame): void;
  /** A frame that is not understood; `id` when it was the answer to a command. */
  unreadable(id: number | undefined, problem: string): void;
}

/** Id of the connect command; all others count from 1. */
const CONNECT_ID = 0;
/**
 * The server keeps registrations and calls of a lost connection for 30 s: after an outage that is shorter than that by
 * more than `maxMs`, a client is back in time. A server that is overloaded asks for longer waits (`retryAfterMs`).
 */
const BACKOFF = { baseMs: 250, maxMs: 8_000 } as const;

/** Carries out what the connection machine decides: sockets, timers, tokens. Knows nothing of subscriptions or calls. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #timers: Timers<ConnectionTimer>;
  readonly #runner: Runner<ConnectionState, ConnectionInput, ConnectionEffect>;
  #link: TransportLink | undefined;
  #lastTraffic = 0;
  /** Which of the gateways is next. */
  #gateway: number;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#timers = new Timers(options.clock);
    this.#gateway = options.urls.length > 1 ? Math.floor(options.random() * options.urls.length) : 0;
    this.#runner = new Runner<ConnectionState, ConnectionInput, ConnectionEffect>(
      stepConnection,
      { phase: 'idle' },
      (e) => {
        this.#perform(e);
      },
    );
  }

  get state(): ConnectionState {
    return this.#runner.state;
  }

  dispatch(input: ConnectionInput): void {
    const before = this.state.phase;
    this.#runner.dispatch(input);
    if (this.state.phase !== before) this.#handlers.changed(this.state);
  }

  /** @returns false when there is no authenticated connection */
  send(frame: ClientFrameInput): boolean {
    if (this.state.phase !== 'connected' || this.#link === undefined) return false;
    this.#link.send(encodeFrame(frame));
    return true;
  }

  #perform(effect: ConnectionEffect): void {
    switch (effect.kind) {
      case 'get-token':
        this.#getToken(effect.fresh);
        return;
      case 'open':
        this.#open();
        return;
      case 'send-connect':
        this.#link?.send(
          encodeFrame({ type: 'connect', id: CONNECT_ID, token: effect.token, client: this.#options.client }),
        );
        return;
      case 'send-pong':
        this.#link?.send(encodeFrame({ type: 'pong', ...(effect.n === undefined ? {} : { n: effect.n }) }));
        return;
      case 'close-socket':
        this.#link?.close(effect.code, effect.reason);
        this.#link = undefined;
        return;
      case 'up':
        this.#handlers.up(effect.info);
        return;
      case 'down':
        this.#handlers.down(effect.error);
        return;
      case 'back-off':
        this.#startTimer('backoff', effect.atLeastMs + this.#jitter(effect.attempt));
        return;
      case 'start-timer':
        this.#startTimer(effect.name, effect.delayMs);
        return;
      case 'stop-timers':
        this.#timers.stopAll();
        return;
    }
  }

  /** Full jitter: a crowd that was cut off together does not come back together. */
  #jitter(attempt: number): number {
    return this.#options.random() * Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** attempt);
  }

  #startTimer(name: ConnectionTimer, delayMs: number): void {
    if (name === 'silence') this.#watchSilence(delayMs, delayMs);
    else {
      this.#timers.start(name, delayMs, () => {
        this.dispatch({ kind: 'timer', name });
      });
    }
  }

  /** Traffic only notes its time; the timer is set again for what is left when it fires. */
  #watchSilence(limitMs: number, delayMs: number): void {
    this.#timers.start('silence', delayMs, () => {
      const idle = this.#options.clock.now() - this.#lastTraffic;
      if (idle >= 0 && idle < limitMs) this.#watchSilence(limitMs, limitMs - idle);
      else this.dispatch({ kind: 'timer', name: 'silence' });
    });
  }

  #getToken(fresh: boolean): void {
    this.#options.tokens.get(fresh).then(
      (token) => {
        this.dispatch({ kind: 'token', token });
      },
      (error: unknown) => {
        this.dispatch({ kind: 'token-failed', error: toHookswitchError(error, 'tokenProviderFailed') });
      },
    );
  }

  #open(): void {
    this.#link?.close(1000, 'replaced');
    const { urls } = this.#options;
    const url = urls[this.#gateway++ % urls.length] ?? '';
    const link = this.#options.transport(url, {
      opened: () => {
        if (this.#link === link) this.dispatch({ kind: 'opened' });
      },
      text: (text) => {
        if (this.#link === link) this.#received(text);
      },
      closed: (code, reason) => {
        if (this.#link === link) this.#disconnected({ code, reason });
      },
    });
    this.#link = link;
  }

  #disconnected({
    code,
    reason,
    retryAfterMs,
  }: {
    code: number;
    reason: string;
    retryAfterMs?: number | undefined;
  }): void {
    const { canRefresh } = this.#options.tokens;
    this.dispatch({ kind: 'disconnect', code, reason, retryAfterMs, canRefresh });
  }

  #received(text: string): void {
    this.#lastTraffic = this.#options.clock.now();
    const decoded = decodeFrame(text);
    if (!decoded.ok) {
      this.#handlers.unreadable(decoded.id, decoded.problem);
      return;
    }
    const { frame } = decoded;
    switch (frame.type) {
      case 'connected':
        this.dispatch({ kind: 'connected', info: { ...frame, identity: frame.identity } });
        return;
      case 'ping':
        this.dispatch({ kind: 'ping', n: frame.n });
        return;
      case 'disconnect':
        this.#disconnected(frame);
        return;
      case 'error':
        if (this.state.phase !== 'authenticating') this.#handlers.frame(frame);
        else this.dispatch({ ...frame, kind: 'refused', canRefresh: this.#options.tokens.canRefresh });
        return;
      default:
        this.#handlers.frame(frame);
    }
  }
}
