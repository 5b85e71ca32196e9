import type { CallQueue, QueuedAccount, Waiting } from '../scheduler/index.ts';
import type { ApplicationHabits, CallNeeds } from './application-habits.ts';
import type { TrunkOpenings } from './trunk-openings.ts';

/** Accounts that are told of. */
const MAX_ACCOUNTS = 2000;
/** Minutes with starts that are told of: nodes are made within minutes. */
const MAX_STARTS = 240;

/** What a doer knows of the queue. Times are epoch milliseconds. */
export interface RoundFacts {
  /** Calls that wait for their turn, for their time, and that were handed out and are not over. */
  readonly waiting: number;
  /**
   * Of those that wait for their turn: they would begin if there were room on the nodes. The others wait for calls of their account to
   * end, or for a channel of a trunk.
   */
  readonly ready: number;
  readonly scheduled: number;
  /** What a call that waits will take, on average; null: none waits. */
  readonly perCall: CallNeeds | null;
  readonly running: number;
  readonly startedLastMinute: number;
  /** Null: none waits. */
  readonly oldestQueuedAt: number | null;
  readonly nextStartAt: number | null;
  /**
   * Calls that wait for their time, by the minute in which it comes; the first 240 of those. Of an account no more in each than it
   * may have at a time.
   */
  readonly starts: readonly { readonly at: number; readonly calls: number }[];
  /** Most waiting first. */
  readonly accounts: readonly QueuedAccount[];
  /** Accounts that are left out. */
  readonly moreAccounts: number;
}

/**
 * @param known what is known of channels that calls wait for, and of what calls take
 * @param rest what the queue does not know
 */
export function factsOf(
  queue: Pick<
    CallQueue<Waiting>,
    'size' | 'ready' | 'queued' | 'oldestQueuedAt' | 'nextStartAt' | 'starts' | 'applications'
  >,
  {
    openings,
    habits,
  }: { readonly openings: Pick<TrunkOpenings, 'left'>; readonly habits: Pick<ApplicationHabits, 'ofAll'> },
  rest: Pick<RoundFacts, 'running' | 'startedLastMinute'>,
): RoundFacts {
  const accounts = [...queue.queued()].sort((a, b) => b.waiting - a.waiting || b.scheduled - a.scheduled);
  return {
    ...queue.size,
    ...rest,
    ready: readyOf(queue.ready(), openings),
    perCall: habits.ofAll(queue.applications) ?? null,
    oldestQueuedAt: queue.oldestQueuedAt ?? null,
    nextStartAt: queue.nextStartAt ?? null,
    starts: queue.starts(MAX_STARTS),
    accounts: accounts.slice(0, MAX_ACCOUNTS),
    moreAccounts: Math.max(0, accounts.length - MAX_ACCOUNTS),
  };
}

function readyOf(byPool: ReadonlyMap<string, number>, openings: Pick<TrunkOpenings, 'left'>): number {
  let ready = 0;
  for (const [pool, calls] of byPool) ready += Math.min(calls, openings.left(pool));
  return ready;
}
