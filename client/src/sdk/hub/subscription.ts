import { compileFilter } from '@hookswitch/shared';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter, clientError, deferred, onAbort } from '../kit/index.ts';
import type { HookswitchError, Unsubscribe } from '../kit/index.ts';
import { EventQueue } from './event-queue.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import { isOfType } from './typed-event.ts';
import type { DataOf, EventName, TypedEvent } from './typed-event.ts';

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
  gap: {
    /** Where delivery goes on; undefined when the reader was too slow. */
    readonly position: Position | undefined;
    readonly reason: 'not-recovered' | 'server' | 'slow-reader';
  };
  /** Refused by the server (for instance `notPermitted` after the token changed): this subscription has ended. */
  error: HookswitchError;
  /** Ended, by unsubscribe(), by an error or because the client closed. */
  closed: undefined;
}

const OWN_EVENTS: ReadonlySet<string> = new Set<keyof SubscriptionEvents>([
  'event',
  'subscribed',
  'gap',
  'error',
  'closed',
]);
const MAX_BUFFERED = 1000;

/**
 * One interest in a topic or pattern. Lives until unsubscribe(), its signal, a refusal, or the client's close();
 * reconnects do not end it. Give a listener or iterate it with `for await`: until one of them is there, events are kept
 * for the iteration. Leaving the loop unsubscribes.
 */
export class Subscription<Own extends object = object> implements AsyncIterable<Delivered> {
  /** Normalised. */
  readonly topic: string;
  /** As it was made. */
  readonly options: SubscribeOptions;
  readonly #emitter = new Emitter<SubscriptionEvents>();
  readonly #release: (subscription: Subscription) => void;
  readonly #ready = deferred<{ readonly recovered: boolean }>();
  readonly #accepts: (event: HookswitchEvent) => boolean;
  readonly #queues = new Set<EventQueue<Delivered>>();
  /** Holds events for the first iteration; none once there is a listener. */
  #early: EventQueue<Delivered> | undefined;
  #earlyLost = false;
  #after: Position | undefined;
  #closed = false;
  #endWatch: () => void = () => undefined;

  constructor(topic: string, options: SubscribeOptions, release: (subscription: Subscription) => void) {
    this.topic = topic;
    this.options = options;
    this.#release = release;
    this.#accepts = options.filter === undefined ? () => true : compileFilter(options.filter);
    this.#early = this.#newQueue();
    // Who does not look at `ready` hears of the refusal by the `error` event.
    this.#ready.promise.catch(() => undefined);
    this.#endWatch = onAbort(options.signal, () => {
      this.unsubscribe();
    });
  }

  /** Resolves when the server confirmed it for the first time; rejects with its refusal, or `closed`. */
  get ready(): Promise<{ readonly recovered: boolean }> {
    return this.#ready.promise;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  on<K extends keyof SubscriptionEvents>(event: K, listener: (payload: SubscriptionEvents[K]) => void): Unsubscribe;
  /** Events of one type, `call.ringing` for example. Types of the server are not believed on topics under `app.`. */
  on<N extends EventName<Own>>(
    type: N,
    listener: (event: TypedEvent<N, DataOf<N, Own>>, delivered: Delivered) => void,
  ): Unsubscribe;
  on(name: string, listener: (payload: never, delivered: Delivered) => void): Unsubscribe {
    const isOwn = OWN_EVENTS.has(name);
    if (name === 'event' || !isOwn) this.#dropEarly();
    if (isOwn) return this.#emitter.on(name as keyof SubscriptionEvents, listener as (payload: unknown) => void);
    return this.#emitter.on('event', (delivered) => {
      if (isOfType(name, delivered.event, delivered.topic)) listener(delivered.event as never, delivered);
    });
  }

  /** Idempotent. */
  unsubscribe(): void {
    if (this.#closed) return;
    this.#release(this as unknown as Subscription);
    this.end(undefined);
  }

  /**
   * Events in order. When `maxBuffered` of them wait for the reader, `overflow` says what happens. Ends after
   * unsubscribe(); throws what ended the subscription otherwise.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Delivered, undefined> {
    const queue = this.#early ?? this.#newQueue();
    this.#early = undefined;
    if (this.#earlyLost) this.#overflowed();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => queue.next(),
      return: () => {
        this.unsubscribe();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** For the hub client: what comes up to this position is for others. */
  startAfter(position: Position): void {
    this.#after = position;
  }

  /** For the hub client. */
  deliver(delivered: Delivered): void {
    const { epoch, seq } = delivered.position;
    if (epoch === this.#after?.epoch && seq <= this.#after.seq) return;
    if (!this.#accepts(delivered.event)) return;
    const key = this.options.conflate === true ? delivered.topic : undefined;
    for (const queue of this.#queues) {
      if (!queue.push(delivered, key)) continue;
      // Perhaps nobody is ever going to iterate.
      if (queue === this.#early) this.#earlyLost = true;
      else this.#overflowed();
    }
    this.#emitter.emit('event', delivered);
  }

  /** For the hub client. */
  confirmed(position: Position, recovered: boolean): void {
    this.#ready.resolve({ recovered });
    this.#emitter.emit('subscribed', { position, recovered });
    if (!recovered) this.gap(position, 'not-recovered');
  }

  /** For the hub client. */
  gap(position: Position | undefined, reason: SubscriptionEvents['gap']['reason']): void {
    this.#emitter.emit('gap', { position, reason });
  }

  /** For the hub client. */
  end(error: HookswitchError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endWatch();
    this.#ready.reject(error ?? clientError('closed', { message: 'the subscription was ended' }));
    if (error !== undefined) this.#emitter.emit('error', error);
    this.#emitter.emit('closed', undefined);
    this.#emitter.clear();
    for (const queue of this.#queues) queue.end(error);
    this.#queues.clear();
  }

  #newQueue(): EventQueue<Delivered> {
    const queue = new EventQueue<Delivered>(this.options.maxBuffered ?? MAX_BUFFERED);
    if (this.#closed) queue.end();
    else this.#queues.add(queue);
    return queue;
  }

  #dropEarly(): void {
    if (this.#early !== undefined) this.#queues.delete(this.#early);
    this.#early = undefined;
    this.#earlyLost = false;
  }

  #overflowed(): void {
    this.#earlyLost = false;
    if (this.options.overflow !== 'fail') {
      this.gap(undefined, 'slow-reader');
      return;
    }
    this.#release(this as unknown as Subscription);
    this.end(clientError('readerTooSlow'));
  }
}
