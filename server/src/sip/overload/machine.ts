import type { Machine, Step } from '../../kernel/index.ts';

/** The documented numbers of overload control (docs/sip.md). */
export const OVERLOAD = {
  /** Between two looks at the load, milliseconds. */
  tickMs: 100,
  /**
   * What arrives waits so long before it is read, milliseconds: more comes than is done. Two fifths of T1, so that nobody
   * retransmits yet; a burst that is worked off in a second does not come so far.
   */
  highDelayMs: 200,
  /** Below it there is room for more calls, milliseconds. */
  lowDelayMs: 50,
  /** Where the delay is not known: share of its time that the event loop works. Above it, it never once had nothing to do. */
  highLoad: 0.995,
  /** Below it there is room for more calls. */
  lowLoad: 0.95,
  /** Looks in a row with a high load before calls are refused. */
  hotTicks: 5,
  /** A timer that fires so late or a message that waits so long, milliseconds, says the same at once. */
  lateMs: 400,
  /** New calls that nobody has answered in any way: as many as that say the same at once. */
  maxWaiting: 2000,
  /** As many as that, and no fewer, keep it so. */
  lowWaiting: 1500,
  /** As many new calls between two looks are always taken: fewer are not what keeps the process busy. */
  leastCalls: 5,
  /** Share of new calls taken when refusing starts. */
  firstShare: 0.7,
  /** The least share of those beyond {@link OVERLOAD.leastCalls}. */
  leastShare: 0.05,
  /** The share times this, at each look with a high load. */
  less: 0.85,
  /** The share and this, at each look with a low load. */
  more: 0.03,
  /** Looks in a row with every call taken and no high load before it is over. */
  calmTicks: 30,
  /** Looks between two reports while it lasts. */
  reportTicks: 100,
};
export type OverloadLimits = { readonly [K in keyof typeof OVERLOAD]: number };

export type OverloadState =
  | { readonly name: 'normal'; readonly hot: number }
  | {
      readonly name: 'overloaded';
      /** Of new calls that are taken, 0 to 1. */
      readonly share: number;
      readonly calm: number;
      readonly sinceReport: number;
    };

/** What was found in the time since the last look. */
export interface OverloadInput {
  readonly kind: 'tick';
  /** Share of the time that the event loop worked, 0 to 1. */
  readonly load: number;
  /** How late the timer of this look fired, milliseconds. */
  readonly lateMs: number;
  /** How long what arrives waits before it is read, milliseconds; undefined: not known. */
  readonly delayMs?: number | undefined;
  /** New calls without any answer. */
  readonly waiting: number;
  /** New calls since the last look. */
  readonly calls: number;
}

export interface OverloadEffect {
  readonly kind: 'report';
  readonly what: 'overloaded' | 'still-overloaded' | 'recovered';
}

type Result = Step<OverloadState, OverloadEffect>;

export const NOT_OVERLOADED: OverloadState = { name: 'normal', hot: 0 };

/**
 * ```
 * normal --behind, five times in a row | very late | too many waiting--> overloaded(share)
 * overloaded --behind--> share falls   --keeps up--> share rises   --all taken and calm for 3 s--> normal
 * ```
 * The share goes down in proportion and up in small steps, so that it stays about where the load is just below high: what
 * this server can do is done, and not more. Where few calls come, something else keeps it busy, and refusing them would be
 * of no use. What was `normal` once is not left for a moment's load, nor entered again
 * before it has been calm.
 */
export function overloadMachine(limits: OverloadLimits): Machine<OverloadState, OverloadInput, OverloadEffect> {
  return (state, input) => {
    const byCalls = input.calls > limits.leastCalls;
    const { delayMs } = input;
    const late = Math.max(input.lateMs, delayMs ?? 0) >= limits.lateMs;
    const urgent = (byCalls && late) || input.waiting >= limits.maxWaiting;
    const behind = delayMs === undefined ? input.load >= limits.highLoad : delayMs >= limits.highDelayMs;
    const keepsUp = delayMs === undefined ? input.load < limits.lowLoad : delayMs < limits.lowDelayMs;
    const high = urgent || (byCalls && behind);
    if (state.name === 'normal') {
      const hot = high ? state.hot + 1 : 0;
      if (!urgent && hot < limits.hotTicks) return quiet(hot === state.hot ? state : { name: 'normal', hot });
      return report({ name: 'overloaded', share: limits.firstShare, calm: 0, sinceReport: 0 }, 'overloaded');
    }
    const low = !high && keepsUp && input.waiting < limits.lowWaiting;
    const share = shareAfter(state.share, { high, low }, limits);
    const calm = share === 1 && !high ? state.calm + 1 : 0;
    if (calm >= limits.calmTicks) return report(NOT_OVERLOADED, 'recovered');
    const sinceReport = state.sinceReport + 1;
    if (sinceReport < limits.reportTicks) return quiet({ name: 'overloaded', share, calm, sinceReport });
    return report({ name: 'overloaded', share, calm, sinceReport: 0 }, 'still-overloaded');
  };
}

function shareAfter(
  share: number,
  { high, low }: { readonly high: boolean; readonly low: boolean },
  limits: OverloadLimits,
): number {
  if (high) return Math.max(limits.leastShare, share * limits.less);
  return low ? Math.min(1, share + limits.more) : share;
}

function quiet(state: OverloadState): Result {
  return { state, effects: [] };
}

function report(state: OverloadState, what: OverloadEffect['what']): Result {
  return { state, effects: [{ kind: 'report', what }] };
}
