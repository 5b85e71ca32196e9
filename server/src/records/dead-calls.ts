import type { Membership } from '../cluster/ports.ts';
import { delay, describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { OpenCall, RecordsWriter } from './ports.ts';

export interface DeadCallsOptions {
  readonly store: Pick<RecordsWriter, 'openNodes' | 'openCalls'>;
  readonly cluster: Pick<Membership, 'isAlive' | 'isFenced' | 'on' | 'standing'>;
  /** Shard that an account's events are in. */
  readonly shardOf: (accountSid: string) => number;
  /** Tells everybody of the call's end: event and status callback. */
  readonly end: (call: OpenCall) => void;
  readonly clock: Clock;
  readonly log: Log;
}
interface Progress {
  readonly shard: number;
  caughtUp(signal: AbortSignal): Promise<void>;
}

/** Between two looks while nobody is known to have died, milliseconds. */
const LOOK_MS = 5000;
/** A process that no lease tells of is given up after this time, milliseconds: its lease is long gone. */
const UNKNOWN_MS = 30_000;

/**
 * Gives the calls of dead processes their end. What a process had is known from its own events: the one that keeps the
 * records of a shard waits until it has read all that there is, and ends what is open then. The ends are events like any
 * other, and come into the records by the same way.
 */
export class DeadCalls {
  readonly #options: DeadCallsOptions;

  constructor(options: DeadCallsOptions) {
    this.#options = options;
  }

  /** Looks after one shard until the signal aborts. */
  async tidy(progress: Progress, signal: AbortSignal): Promise<void> {
    const { cluster, clock, log } = this.#options;
    const told = new Set<string>();
    const unknown = new Map<string, number>();
    while (!signal.aborted) {
      const woken = Promise.withResolvers<void>();
      const stop = cluster.on('left', () => {
        woken.resolve();
      });
      try {
        const dead = await this.#deadNodes(unknown);
        if (dead.length > 0) {
          await progress.caughtUp(signal);
          for (const node of dead) await this.#endCalls(node, progress.shard, told);
        } else told.clear();
      } catch (error) {
        if (!isOver(signal)) log.warn({ reason: describeError(error) }, 'calls of dead processes have to wait');
      }
      const wait = new AbortController();
      const abort = (): void => {
        wait.abort();
      };
      signal.addEventListener('abort', abort, { once: true });
      await Promise.race([woken.promise, delay(clock, LOOK_MS, wait.signal)]).catch(() => undefined);
      signal.removeEventListener('abort', abort);
      wait.abort();
      stop();
    }
  }

  async #deadNodes(unknown: Map<string, number>): Promise<string[]> {
    const { store, cluster, clock } = this.#options;
    if (cluster.standing !== 'held') return [];
    const now = clock.monotonic();
    const gone = (await store.openNodes()).filter(({ node }) => !cluster.isAlive(node));
    for (const node of unknown.keys()) if (!gone.some((each) => each.node === node)) unknown.delete(node);
    return gone
      .filter(({ node, fence }) => {
        const since = unknown.get(node) ?? now;
        unknown.set(node, since);
        return cluster.isFenced(node, fence) || now - since >= UNKNOWN_MS;
      })
      .map(({ node }) => node);
  }

  async #endCalls(node: string, shard: number, told: Set<string>): Promise<void> {
    const { store, shardOf, end, log } = this.#options;
    const calls = (await store.openCalls(node)).filter(
      ({ accountSid, sid }) => shardOf(accountSid) === shard && !told.has(sid),
    );
    if (calls.length === 0) return;
    log.warn({ node, calls: calls.length }, 'a process died with calls up: their end is told in its place');
    for (const call of calls) {
      told.add(call.sid);
      end(call);
    }
  }
}

/** It may have aborted since it was looked at. */
const isOver = ({ aborted }: AbortSignal): boolean => aborted;
