import type { Random } from '../../kernel/index.ts';
import { poisson, weekFactors } from './week-trace.ts';
import type { WeekShape } from './week-trace.ts';

/** What comes from a minute on, until the next phase. */
export interface LoadPhase {
  readonly fromMinute: number;
  /** Calls a second from outside, which are refused where there is no channel. */
  readonly inboundPerSecond: number;
  /** Calls a second that tenants ask for, which wait. */
  readonly queuedPerSecond: number;
}

/** Calls that tenants asked for ahead of their time. */
export interface Campaign {
  readonly knownMinute: number;
  readonly startMinute: number;
  readonly calls: number;
  /** The calls are shared out over as many tenants. */
  readonly tenants: number;
}

export interface LoadTrace {
  readonly minutes: number;
  readonly phases: readonly LoadPhase[];
  /** Given: what the phases say is what comes at the busiest hour of a working day of the first week. */
  readonly week?: WeekShape | undefined;
  readonly campaigns?: readonly Campaign[] | undefined;
}

/** What comes when, drawn at random as a trace says. */
export class Arrivals {
  readonly #trace: LoadTrace;
  readonly #random: Random;
  readonly #factors: Float64Array | undefined;
  readonly #campaigns: ReadonlyMap<number, readonly Campaign[]>;

  constructor(trace: LoadTrace, random: Random) {
    this.#trace = trace;
    this.#random = random;
    this.#factors = trace.week === undefined ? undefined : weekFactors(trace.minutes, trace.week, random);
    this.#campaigns = Map.groupBy(trace.campaigns ?? [], ({ knownMinute }) => knownMinute * 60);
  }

  /** Calls that come within a second of the trace. */
  at(second: number): { readonly inbound: number; readonly queued: number } {
    const phase = this.#trace.phases.findLast(({ fromMinute }) => fromMinute * 60 <= second);
    const factor = this.#factors === undefined ? 1 : (this.#factors[Math.floor(second / 60)] ?? 0);
    return {
      inbound: poisson((phase?.inboundPerSecond ?? 0) * factor, this.#random),
      queued: poisson((phase?.queuedPerSecond ?? 0) * factor, this.#random),
    };
  }

  /** Campaigns that become known in a second of the trace. */
  campaignsAt(second: number): readonly Campaign[] {
    return this.#campaigns.get(second) ?? [];
  }
}
