import type { ChannelCounts, ChannelLimits, ChannelUse, Direction } from './ports.ts';

export const NONE: ChannelCounts = { in: 0, out: 0 };

/**
 * Whether a call may have a channel of a trunk, beside those that are in use. An outgoing call gets one when its account has a
 * reserved one left, or when one is left beside all reservations and what is kept for callers; a caller gets one as long as the
 * carrier's limit allows it: it is there already. Reservations are of channels that are free: calls that were there before are
 * not ended.
 */
export function mayTake(limits: ChannelLimits, use: ChannelUse, accountSid: string, direction: Direction): boolean {
  const used = sumOf(use);
  const { total = Infinity, [direction]: ofDirection = Infinity } = limits;
  if (used.in + used.out >= total || used[direction] >= ofDirection) return false;
  if (direction === 'in') return true;
  const { reserved = 0, most = Infinity } = limits.shares?.[accountSid] ?? {};
  const own = use[accountSid] ?? NONE;
  if (own.out >= most) return false;
  return own.in + own.out < reserved || leftForAll(limits, use, used) > 0;
}

/** Whether an account without any promise may begin a call. */
export function isOpenForAll(limits: ChannelLimits, use: ChannelUse): boolean {
  const used = sumOf(use);
  const { total = Infinity } = limits;
  return used.in + used.out < total && leftForAll(limits, use, used) > 0;
}

/** Outgoing calls for which the carrier's limit has room, whosever they are. */
export function freeForCalls({ total = Infinity, out = Infinity }: ChannelLimits, use: ChannelUse): number {
  const used = sumOf(use);
  return Math.max(0, Math.min(total - used.in - used.out, out - used.out));
}

/** Accounts that may begin a call on a channel that is reserved for them. */
export function shareHolders(limits: ChannelLimits, use: ChannelUse): string[] {
  return Object.keys(limits.shares ?? {}).filter((accountSid) => mayTake(limits, use, accountSid, 'out'));
}

/** Channels for any outgoing call: what is left beside calls, reservations and what is kept for callers. */
function leftForAll(
  { total = Infinity, out = Infinity, keptForCallers = 0, shares = {} }: ChannelLimits,
  use: ChannelUse,
  used: ChannelCounts,
): number {
  let promised = 0;
  for (const [accountSid, { reserved = 0 }] of Object.entries(shares)) {
    const own = use[accountSid] ?? NONE;
    promised += Math.max(0, reserved - own.in - own.out);
  }
  const forCallers = Math.max(0, keptForCallers - used.in);
  return Math.min(total - used.in - used.out - forCallers, out - used.out) - promised;
}

/** Calls of all accounts. */
export function sumOf(use: ChannelUse): ChannelCounts {
  let sum = NONE;
  for (const own of Object.values(use)) sum = plus(sum, own);
  return sum;
}

/** Two counts by account as one. */
export function together(a: ChannelUse, b: ChannelUse): ChannelUse {
  const sum: Record<string, ChannelCounts> = { ...a };
  for (const [accountSid, own] of Object.entries(b)) sum[accountSid] = plus(sum[accountSid] ?? NONE, own);
  return sum;
}

/** One call more, or with -1 one less; an account without calls is left out. */
export function counted(use: ChannelUse, accountSid: string, direction: Direction, change: 1 | -1): ChannelUse {
  const own = use[accountSid] ?? NONE;
  const now = { ...own, [direction]: Math.max(0, own[direction] + change) };
  if (now.in + now.out > 0) return { ...use, [accountSid]: now };
  return Object.fromEntries(Object.entries(use).filter(([sid]) => sid !== accountSid));
}

const plus = (a: ChannelCounts, b: ChannelCounts): ChannelCounts => ({ in: a.in + b.in, out: a.out + b.out });
