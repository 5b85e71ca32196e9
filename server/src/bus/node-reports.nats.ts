import type { Subscription } from '@nats-io/transport-node';
import type { z } from 'zod';
import type { Unsubscribe } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';

export interface NodeReportsOptions<R> {
  /** Pattern that every node's subject matches. */
  readonly all: string;
  readonly subjectOf: (node: string) => string;
  readonly schema: z.ZodType<R>;
  /** What is reported, for the log: "the load of this node". */
  readonly what: string;
}

/**
 * Short facts that each node tells all others now and then, as JSON on a core NATS subject of its own, in no stream: who
 * joins hears all of them with the next round. One that cannot be sent is not sent later: the next one says more.
 */
export class NodeReports<R extends { readonly node: string }> {
  readonly #bus: Bus;
  readonly #options: NodeReportsOptions<R>;
  readonly #subscription: Subscription;
  readonly #listeners = new Set<(report: R) => void>();

  constructor(bus: Bus, options: NodeReportsOptions<R>) {
    this.#bus = bus;
    this.#options = options;
    this.#subscription = bus.nc.subscribe(options.all, {
      callback: (error, message) => {
        if (error === null) this.#heard(message.string());
      },
    });
  }

  publish(report: R): void {
    if (!this.#bus.connected) return;
    try {
      this.#bus.nc.publish(this.#options.subjectOf(report.node), JSON.stringify(report));
    } catch (error) {
      this.#bus.log.debug({ err: error, what: this.#options.what }, 'a report to the other nodes was not sent');
    }
  }

  onReport(listener: (report: R) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Idempotent. */
  close(): void {
    this.#listeners.clear();
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
  }

  #heard(text: string): void {
    let report: R;
    try {
      report = this.#options.schema.parse(JSON.parse(text));
    } catch (error) {
      const { what } = this.#options;
      this.#bus.log.warn({ err: error, what }, 'a report is not well-formed: does a node of another version run?');
      return;
    }
    for (const listener of [...this.#listeners]) listener(report);
  }
}
