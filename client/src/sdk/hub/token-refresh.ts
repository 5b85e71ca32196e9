import { Timers, clientError, toHookswitchError } from '../kit/index.ts';
import type { Clock, HookswitchError } from '../kit/index.ts';
import type { Answer, Unsent } from './requests.ts';
import type { TokenSource } from './token-source.ts';

export interface TokenRefreshParts {
  readonly tokens: TokenSource;
  readonly request: (command: Unsent) => Promise<Answer>;
  readonly clock: Clock;
  /** How long before its expiry a token is renewed. */
  readonly earlyMs: number;
}

export interface TokenRefreshHandlers {
  /** The connection has a token that is good until then (epoch milliseconds). */
  refreshed(expiresAt: number): void;
  /** There is no provider: the application has to give a new token. */
  expiring(expiresAt: number): void;
  failed(error: HookswitchError): void;
}

/** Waits longer than this are cut into pieces: the platform's timers hold 31 bits of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A clock that runs wrong must not make us renew all the time; short-lived tokens are announced by the server. */
const MIN_REFRESH_MS = 30_000;
const RETRY_MS = 5000;

/** Renews the token of a live connection before it expires. From `watch` to `stop`, for each connection. */
export class TokenRefresh {
  readonly #parts: TokenRefreshParts;
  readonly #handlers: TokenRefreshHandlers;
  readonly #timers: Timers<'token'>;
  #watching = false;

  constructor(parts: TokenRefreshParts, handlers: TokenRefreshHandlers) {
    this.#parts = parts;
    this.#handlers = handlers;
    this.#timers = new Timers(parts.clock);
  }

  watch(expiresAt: number): void {
    this.#watching = true;
    const inMs = expiresAt - this.#parts.earlyMs - this.#parts.clock.now();
    this.#timers.start('token', Math.min(Math.max(inMs, MIN_REFRESH_MS), MAX_TIMER_MS), () => {
      if (inMs > MAX_TIMER_MS) this.watch(expiresAt);
      else this.expiring(expiresAt);
    });
  }

  stop(): void {
    this.#watching = false;
    this.#timers.stopAll();
  }

  /** The token ends soon, by the clock or by the server's word. */
  expiring(expiresAt: number): void {
    this.#timers.stopAll();
    if (!this.#parts.tokens.canRefresh) {
      this.#handlers.expiring(expiresAt);
      return;
    }
    this.refresh(true).catch((error: unknown) => {
      const failure = toHookswitchError(error, 'tokenProviderFailed');
      if (failure.name === 'connectionLost') return;
      this.#handlers.failed(failure);
      if (failure.temporary && this.#watching) {
        this.#timers.start('token', RETRY_MS, () => {
          this.expiring(expiresAt);
        });
      }
    });
  }

  /** @throws HookswitchError when there is no new token, or the server refuses it; the old one stays in force */
  async refresh(fresh: boolean): Promise<void> {
    const token = await this.#parts.tokens.get(fresh);
    const answer = await this.#parts.request({ type: 'refresh', token });
    if (answer.type !== 'refreshed') throw clientError('badAnswer');
    this.#handlers.refreshed(answer.expiresAt);
    if (this.#watching) this.watch(answer.expiresAt);
  }
}
