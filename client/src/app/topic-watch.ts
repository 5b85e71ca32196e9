import type { HubClient, HubState } from '../sdk/hub.ts';
import { EventLog } from './event-log.ts';
import { TopicRates } from './topic-rates.ts';
import type { RatesSnapshot } from './topic-rates.ts';

export interface WatchSnapshot {
  readonly state: HubState;
  readonly topic: string;
  readonly rates: RatesSnapshot;
  /** Why nothing comes. */
  readonly problem: string | undefined;
}

const SHOW_EVERY_MS = 1000;

/** Watches one topic or pattern: the last events, events a second, events of each topic. Until close(). */
export class TopicWatch {
  readonly topic: string;
  readonly log = new EventLog();
  readonly #hub: HubClient;
  readonly #rates = new TopicRates();
  readonly #listeners = new Set<() => void>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #abort = new AbortController();
  #problem: string | undefined;
  #snapshot: WatchSnapshot;

  /** @param types event types, `call.*` for all that begin so; none: all */
  constructor(hub: HubClient, topic: string, types: readonly string[]) {
    this.#hub = hub;
    this.topic = topic;
    this.#subscribe(types);
    this.#snapshot = this.#view();
    this.#timer = setInterval(() => {
      this.#show();
    }, SHOW_EVERY_MS);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): WatchSnapshot => this.#snapshot;

  close(): void {
    clearInterval(this.#timer);
    this.#abort.abort();
  }

  #subscribe(types: readonly string[]): void {
    const { signal } = this.#abort;
    const options = types.length === 0 ? { signal } : { signal, filter: { type: [...types] } };
    try {
      const subscription = this.#hub.subscribe(
        this.topic,
        (_event, delivered) => {
          this.#rates.add(delivered.topic, Date.now());
          this.log.add(delivered);
        },
        options,
      );
      subscription.on('gap', () => {
        this.log.markGap();
      });
      subscription.on('error', ({ message }) => {
        this.#problem = message;
        this.#show();
      });
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
  }

  #view(): WatchSnapshot {
    const { state } = this.#hub;
    return { state, topic: this.topic, rates: this.#rates.snapshot(Date.now()), problem: this.#problem };
  }

  #show(): void {
    this.#snapshot = this.#view();
    for (const listener of this.#listeners) listener();
  }
}
