import type { Log } from '../../kernel/index.ts';
import type { CapacityDecision, LoadSample } from '../capacity/index.ts';
import type { NodeLoad } from '../placement/index.ts';
import type { Analyst } from './allocator.ts';

/** Share of what a node can do that is planned for. */
export const ROLE_TARGET = 0.7;
/** A loop that is late by this much is as good as full, milliseconds: as for the placement of calls. */
const FULL_LAG_MS = 150;
/** The rise is taken over this long, milliseconds. */
const RISE_OVER_MS = 60_000;

/**
 * How much of a gateway or media node is used, in its own units: the most of its connections or conversions, its processor and its
 * event loop. More than its capacity when work waits.
 */
export function roleLoad({ channels, capacity, cpu, loopLagMs }: NodeLoad): number {
  return capacity * Math.max(capacity === 0 ? 0 : channels / capacity, cpu, Math.min(1, loopLagMs / FULL_LAG_MS));
}

export interface RoleAnalystOptions {
  readonly role: string;
  /** What its nodes have many of, for people: `connections`. */
  readonly unit: string;
  /** Between two decisions, milliseconds. */
  readonly everyMs: number;
  readonly log: Log;
}

/**
 * How many nodes a role needs whose work is not calls: what its nodes carry at {@link ROLE_TARGET} each, and what that will have
 * risen to when a node that is started now is ready. Only what lasted for two looks counts: one busy second starts nothing.
 */
export class RoleAnalyst implements Analyst {
  readonly policy: { readonly everyMs: number };
  readonly #options: RoleAnalystOptions;
  /** Of the last minute, the oldest first. */
  #seen: { readonly at: number; readonly load: number }[] = [];
  #before: number | undefined;
  #last: CapacityDecision | undefined;

  constructor(options: RoleAnalystOptions) {
    this.#options = options;
    this.policy = { everyMs: options.everyMs };
  }

  /** Looks at what is, and decides. Times must rise. */
  decide(sample: LoadSample): CapacityDecision {
    const { at, nodes, starting, startupMs, channelsPerNode } = sample;
    const load = Math.min(sample.load, this.#before ?? sample.load);
    this.#before = sample.load;
    this.#seen = [...this.#seen.filter((each) => at - each.at <= RISE_OVER_MS), { at, load }];
    const first = this.#seen[0] ?? { at, load };
    const perMs = at > first.at ? Math.max(0, (load - first.load) / (at - first.at)) : 0;
    const expected = load + perMs * (startupMs + this.policy.everyMs);
    const wanted = Math.ceil(expected / (channelsPerNode * ROLE_TARGET));
    const have = nodes + starting;
    const decision: CapacityDecision = {
      ...{ at, nodes, wanted, load, expected, error: 0, expectedAt: at + startupMs, wouldWait: 0 },
      action: wanted > have ? 'expand' : wanted < have ? 'contract' : 'hold',
      channels: Math.ceil(expected),
      reasons: [
        `${tenths(expected)} ${this.#options.unit} are provided for; ${tenths(channelsPerNode * ROLE_TARGET)} of a node's ${tenths(channelsPerNode)} are planned with`,
        `${tenths(load)} for two looks, by the most used of connections or conversions, processor and event loop`,
      ],
    };
    this.#tell(decision);
    return decision;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #tell(decision: CapacityDecision): void {
    const isNews = this.#last?.wanted !== decision.wanted;
    this.#last = decision;
    const { action, nodes, wanted, reasons } = decision;
    const { role, log } = this.#options;
    if (isNews && action !== 'hold') log.info({ role, action, nodes, wanted }, `capacity: ${reasons[0] ?? ''}`);
  }
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
