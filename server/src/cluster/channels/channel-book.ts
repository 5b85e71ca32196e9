import { counted, mayTake, sumOf, together } from './channel-policy.ts';
import type { ChannelAsk, ChannelLimits, ChannelUse, HeldChannels } from './ports.ts';

/**
 * Which node has how many channels of which trunk, for which account. Each node says what it has with everything that it asks,
 * and that replaces what the book had of it: a grant whose answer was lost comes back by itself.
 */
export class ChannelBook {
  /** By node, then by trunk. A node that is not here has not said what it has. */
  readonly #nodes = new Map<string, Map<string, ChannelUse>>();

  knows(node: string): boolean {
    return this.#nodes.has(node);
  }

  /** All that a node has. */
  tell(node: string, held: HeldChannels): void {
    this.#nodes.set(node, new Map(Object.entries(held).filter(([, use]) => isAny(use))));
  }

  /** It is gone, and its calls with it. */
  forget(node: string): void {
    this.#nodes.delete(node);
  }

  /** @returns what it gets, at most what it wants: callers first, because they are there already */
  ask({ node, trunk, held, want }: ChannelAsk, limits: ChannelLimits): ChannelUse {
    const own = this.#nodes.get(node) ?? new Map<string, ChannelUse>();
    this.#nodes.set(node, own);
    own.set(trunk, held);
    let all = this.used(trunk);
    let granted: ChannelUse = {};
    for (const direction of ['in', 'out'] as const) {
      for (const [accountSid, wanted] of Object.entries(want)) {
        for (let n = wanted[direction]; n > 0 && mayTake(limits, all, accountSid, direction); n--) {
          all = counted(all, accountSid, direction, 1);
          granted = counted(granted, accountSid, direction, 1);
        }
      }
    }
    const now = together(held, granted);
    if (isAny(now)) own.set(trunk, now);
    else own.delete(trunk);
    return granted;
  }

  /** On all nodes, by account. */
  used(trunk: string): ChannelUse {
    let sum: ChannelUse = {};
    for (const held of this.#nodes.values()) sum = together(sum, held.get(trunk) ?? {});
    return sum;
  }
}

function isAny(use: ChannelUse): boolean {
  const { in: incoming, out } = sumOf(use);
  return incoming + out > 0;
}
