import type { ChannelCounts, ChannelLimits, HeldChannels } from './ports.ts';

const NONE: ChannelCounts = { in: 0, out: 0 };

/**
 * Which node has how many channels of which trunk. Each node says what it has with everything that it asks, and that
 * replaces what the book had of it: a grant whose answer was lost comes back by itself.
 */
export class ChannelBook {
  /** By node, then by trunk. A node that is not here has not said what it has. */
  readonly #nodes = new Map<string, Map<string, ChannelCounts>>();

  knows(node: string): boolean {
    return this.#nodes.has(node);
  }

  get nodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** All that a node has. */
  tell(node: string, held: HeldChannels): void {
    this.#nodes.set(node, new Map(Object.entries(held).filter(([, { in: a, out: b }]) => a + b > 0)));
  }

  /** It is gone, and its calls with it. */
  forget(node: string): void {
    this.#nodes.delete(node);
  }

  /** @returns what it gets, at most what it wants: callers first, because they are there already */
  ask(
    { node, trunk, held, want }: { node: string; trunk: string; held: ChannelCounts; want: ChannelCounts },
    limits: ChannelLimits,
  ): ChannelCounts {
    const own = this.#nodes.get(node) ?? new Map<string, ChannelCounts>();
    this.#nodes.set(node, own);
    own.set(trunk, held);
    const used = this.used(trunk);
    const left = (limits.total ?? Infinity) - used.in - used.out;
    const incoming = fits(want.in, (limits.in ?? Infinity) - used.in, left);
    const out = fits(want.out, (limits.out ?? Infinity) - used.out, left - incoming);
    const now = { in: held.in + incoming, out: held.out + out };
    if (now.in + now.out === 0) own.delete(trunk);
    else own.set(trunk, now);
    return { in: incoming, out };
  }

  used(trunk: string): ChannelCounts {
    let sum = NONE;
    for (const held of this.#nodes.values()) {
      const { in: incoming, out } = held.get(trunk) ?? NONE;
      sum = { in: sum.in + incoming, out: sum.out + out };
    }
    return sum;
  }
}

const fits = (wanted: number, ...bounds: number[]): number => Math.max(0, Math.min(wanted, ...bounds));
