import type { Clock, Log } from '../../kernel/index.ts';
import type { Membership, ShardedTask } from '../membership/ports.ts';
import type { Placement } from '../placement/ports.ts';
import type { CallRequestStore, PlaceOutcome, StoredRequest } from '../ports.ts';
import type { DispatchLimits, QueueForecast } from '../scheduler/index.ts';
import type { ApplicationView } from './application-habits.ts';
import { Round } from './round.ts';
import type { RoundFacts } from './round-facts.ts';
import type { TrunkView } from './trunk-openings.ts';

export interface SchedulerOptions {
  readonly store: CallRequestStore;
  readonly cluster: Pick<Membership, 'members' | 'isAlive' | 'on'>;
  /** Which node has room for a call now. Default: all call nodes in turn. */
  readonly placement?: Pick<Placement, 'pick' | 'returned' | 'ended' | 'onRoom'> | undefined;
  /** Hands a claimed request to its node. Rejects when the node does not answer. */
  readonly place: (
    node: string,
    request: StoredRequest,
    how: { readonly takesChannel: boolean },
  ) => Promise<PlaceOutcome>;
  /** Calls wait while the trunks that would carry them are full. Default: they are placed, and fail. */
  readonly trunks?: TrunkView | undefined;
  /** Tells calls apart by what they do. Default: all are alike, and nothing is learnt. */
  readonly applications?: ApplicationView | undefined;
  /** A request whose node died while it was dialling: its call is over. */
  readonly failed: (request: StoredRequest) => void;
  /** A request that waited until its time was over. May be told twice of one after a crash. */
  readonly expired: (request: StoredRequest) => void;
  /** What an account may do now. */
  readonly limitsOf: (accountSid: string) => DispatchLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Places calls on the live call nodes that have room: accounts by weighted deficit round robin and within their limits, calls of
 * an account by priority, then by age, not before their start time and not after their expiry. One doer in the cluster,
 * which builds what it knows from the stored requests; what is claimed for a node that dies before it dials is claimed
 * anew, what was being dialled is over: nothing is dialled twice.
 *
 * `task` is to be offered to the cluster.
 */
export class FairScheduler {
  readonly task: ShardedTask;
  #round: Round | undefined;

  constructor(options: SchedulerOptions) {
    this.task = {
      name: 'call-requests',
      shards: 1,
      run: async (duty) => {
        const round = new Round(options, duty.signal);
        this.#round = round;
        try {
          await round.run();
        } finally {
          this.#round = undefined;
        }
      },
    };
  }

  /** What waits and what runs, for people to look at. Undefined: another process schedules. */
  facts(): RoundFacts | undefined {
    return this.#round?.facts();
  }

  /** Calls of the account that wait. Undefined: not known, or another process schedules. */
  lengthOf(accountSid: string): number | undefined {
    return this.#round?.lengthOf(accountSid);
  }

  /**
   * Where calls stand; null in the place of one that does not wait. Undefined: another process schedules, or not everything
   * that is stored was read yet.
   */
  forecasts(callSids: readonly string[]): (QueueForecast | null)[] | undefined {
    return this.#round?.forecasts(callSids);
  }

  /** Trunks or their limits are others now: they hold at once. Nothing when another process schedules. */
  trunksChanged(): void {
    this.#round?.trunksChanged();
  }

  /** Limits of accounts are others now: they hold at once. Nothing when another process schedules. */
  limitsChanged(): void {
    this.#round?.limitsChanged();
  }
}
