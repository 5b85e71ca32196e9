import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';

/** Of an event in its account's stream: docs/spec/hub-protocol.md section 5. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * What happened, as the clients and the test saw it; one JSON object a line. `at` is milliseconds of one monotonic clock.
 * A `session` is a client that goes on over many connections.
 */
export type Entry = { readonly at: number } & (
  | { readonly kind: 'attempt'; readonly topic: string; readonly id: string }
  | { readonly kind: 'ack'; readonly topic: string; readonly id: string; readonly position: Position }
  | { readonly kind: 'connected'; readonly session: string; readonly connection: string; readonly node: string }
  | { readonly kind: 'closed'; readonly session: string; readonly code: number }
  | { readonly kind: 'subscribe'; readonly session: string; readonly pattern: string; readonly position?: Position }
  | {
      readonly kind: 'subscribed';
      readonly session: string;
      readonly pattern: string;
      /** Where the events begin: `start` of a rewind, else `position`. */
      readonly position: Position;
      /** Where live delivery begins: what lies between is brought from the past. */
      readonly head?: Position;
      readonly recovered: boolean;
    }
  | { readonly kind: 'unsubscribed'; readonly session: string; readonly pattern: string }
  | {
      readonly kind: 'event';
      readonly session: string;
      readonly topic: string;
      readonly position: Position;
      readonly id: string;
      readonly type: string;
      /** Of presence events: whose. */
      readonly member?: string;
    }
  | {
      readonly kind: 'gap';
      readonly session: string;
      readonly pattern: string;
      readonly position: Position;
      readonly recovered: boolean;
    }
  /** From here on (or `graceMs` later) nothing that matches a pattern may come, until `granted`. */
  | {
      readonly kind: 'ended-rights';
      readonly session: string;
      readonly why: string;
      readonly patterns: readonly string[];
    }
  | { readonly kind: 'granted'; readonly session: string; readonly patterns: readonly string[] }
  /** Something was done to the system. `until` where it lasted. */
  | { readonly kind: 'fault'; readonly what: Fault; readonly target?: string; readonly until?: number }
  /** All faults are over and the session had time to catch up: everything acknowledged has to be there. */
  | { readonly kind: 'end'; readonly session: string; readonly patterns: readonly string[] }
  | {
      readonly kind: 'presence';
      readonly topic: string;
      readonly listed: readonly string[];
      readonly present: readonly string[];
    }
  /** Another account published an event on a topic of the same name. */
  | { readonly kind: 'canary'; readonly id: string }
  /** A client of the other account was given one. */
  | { readonly kind: 'canary-event'; readonly session: string; readonly id: string }
  /** The same load as with slow clients, without them: what to compare with. */
  | { readonly kind: 'control'; readonly from: number; readonly until: number }
  | { readonly kind: 'memory'; readonly process: string; readonly grownBytes: number; readonly allowedBytes: number }
);

export type Fault =
  | 'client.dropped'
  | 'client.resubscribed'
  | 'client.held'
  | 'link.disturbed'
  | 'gateway.paused'
  | 'gateway.killed'
  | 'gateway.clock-stepped'
  | 'nats.killed'
  | 'nats.paused'
  | 'stream.recreated'
  | 'stream.purged';

type Fields<E> = E extends Entry ? Omit<E, 'at'> : never;
export type NewEntry = Fields<Entry>;

/** Takes entries in the order in which they happen, and writes them to a file where there is one. */
export class History {
  readonly entries: Entry[] = [];
  readonly #file: WriteStream | undefined;

  constructor(path?: string) {
    this.#file = path === undefined ? undefined : createWriteStream(path);
  }

  now(): number {
    return performance.now();
  }

  add(entry: NewEntry, at = this.now()): void {
    const whole = { at: Math.round(at * 10) / 10, ...entry } as Entry;
    this.entries.push(whole);
    this.#file?.write(`${JSON.stringify(whole)}\n`);
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await new Promise<void>((resolve) => {
      file.end(() => {
        resolve();
      });
    });
  }
}

/** @throws SyntaxError for a line that is no JSON */
export function parseHistory(text: string): Entry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}
