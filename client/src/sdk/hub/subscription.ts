import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter } from '../kit/index.ts';
import type { HookswitchError, Unsubscribe } from '../kit/index.ts';

/** An event as it was delivered. */
export interface Delivered {
  readonly event: HookswitchEvent;
  /** The topic it was published on (normalised). */
  readonly topic: string;
  readonly position: Position;
}

export interface SubscriptionEvents {
  event: Delivered;
  /** The server confirmed the subscription, first or again after a reconnect. `recovered: false`: events may be missing. */
  subscribed: { readonly position: Position; readonly recovered: boolean };
  /** Events were lost, or dropped because this side did not keep up: read the state anew from where it is kept. */
  gap: { readonly position: Position | undefined; readonly reason: 'not-recovered' | 'server' | 'slow-reader' };
  /** Refused by the server (for instance `notPermitted` after the token changed): this subscription has ended. */
  error: HookswitchError;
  /** Ended, by unsubscribe(), by an error or because the client closed. */
  closed: undefined;
}

/** Events an async iteration holds while the reader is busy; beyond it the oldest are dropped and `gap` is emitted. */
const MAX_BUFFERED = 1000;

/**
 * One interest in a topic or pattern. Lives until unsubscribe(), a refusal, or the client's close(); reconnects do not
 * end it. Iterate it with `for await`, or give a listener. Leaving the loop unsubscribes.
 */
export class Subscription implements AsyncIterable<Delivered> {
  /** Normalised. */
  readonly topic: string;
  readonly #emitter = new Emitter<SubscriptionEvents>();
  readonly #release: (subscription: Subscription) => void;
  readonly #ready = Promise.withResolvers<{ readonly recovered: boolean }>();
  #closed = false;

  constructor(topic: string, release: (subscription: Subscription) => void) {
    this.topic = topic;
    this.#release = release;
    // Who does not look at `ready` hears of the refusal by the `error` event.
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when the server confirmed it for the first time; rejects with its refusal. */
  get ready(): Promise<{ readonly recovered: boolean }> {
    return this.#ready.promise;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  on<K extends keyof SubscriptionEvents>(event: K, listener: (payload: SubscriptionEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Idempotent. */
  unsubscribe(): void {
    if (this.#closed) return;
    this.#release(this);
    this.end(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivered, void> {
    const buffer: Delivered[] = [];
    let wake = Promise.withResolvers<undefined>();
    let failure: HookswitchError | undefined;
    const offs = [
      this.on('event', (delivered) => {
        buffer.push(delivered);
        if (buffer.length > MAX_BUFFERED) {
          const dropped = buffer.shift();
          this.#emitter.emit('gap', { position: dropped?.position, reason: 'slow-reader' });
        }
        wake.resolve(undefined);
      }),
      this.on('error', (error) => (failure = error)),
      this.on('closed', () => {
        wake.resolve(undefined);
      }),
    ];
    try {
      for (;;) {
        for (let next = buffer.shift(); next !== undefined; next = buffer.shift()) yield next;
        if (failure !== undefined) throw failure as Error;
        if (this.#closed) return;
        wake = Promise.withResolvers();
        await wake.promise;
      }
    } finally {
      for (const off of offs) off();
      this.unsubscribe();
    }
  }

  /** For the hub client. */
  deliver(delivered: Delivered): void {
    this.#emitter.emit('event', delivered);
  }

  /** For the hub client. */
  confirmed(position: Position, recovered: boolean, first: boolean): void {
    this.#ready.resolve({ recovered });
    this.#emitter.emit('subscribed', { position, recovered });
    if (!recovered && !first) this.gap(position, 'not-recovered');
  }

  /** For the hub client. */
  gap(position: Position, reason: SubscriptionEvents['gap']['reason']): void {
    this.#emitter.emit('gap', { position, reason });
  }

  /** For the hub client. */
  end(error: HookswitchError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error !== undefined) {
      this.#ready.reject(error);
      this.#emitter.emit('error', error);
    }
    this.#emitter.emit('closed', undefined);
    this.#emitter.clear();
  }
}
