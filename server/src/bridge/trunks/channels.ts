import type { Trunk } from './ports.ts';

export type CallDirection = 'in' | 'out';

/** The use of one channel. `release` is idempotent: a second one frees nothing. */
export interface ChannelLease {
  release(): void;
}

type Limits = Pick<Trunk, 'sid' | 'channels'>;

/**
 * Calls in progress per trunk, on this node. Limits are looked at when a call comes: one that was lowered meanwhile ends
 * no call. A trunk without calls takes no memory.
 */
export class TrunkChannels {
  readonly #used = new Map<string, Record<CallDirection, number>>();

  /** Undefined when the trunk has no free channel in that direction. */
  acquire(trunk: Limits, direction: CallDirection): ChannelLease | undefined {
    return this.hasFree(trunk, direction) ? this.count(trunk.sid, direction) : undefined;
  }

  /** A call that has its channel from somebody who counts all nodes. */
  count(trunkSid: string, direction: CallDirection): ChannelLease {
    const used = this.#used.get(trunkSid) ?? { in: 0, out: 0 };
    this.#used.set(trunkSid, used);
    used[direction]++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        used[direction]--;
        if (used.in + used.out === 0 && this.#used.get(trunkSid) === used) this.#used.delete(trunkSid);
      },
    };
  }

  hasFree({ sid, channels }: Limits, direction: CallDirection): boolean {
    const used = this.used(sid);
    return used.in + used.out < (channels.total ?? Infinity) && used[direction] < (channels[direction] ?? Infinity);
  }

  used(trunkSid: string): Readonly<Record<CallDirection, number>> {
    return this.#used.get(trunkSid) ?? { in: 0, out: 0 };
  }

  /** Channels in use on all trunks. */
  get size(): number {
    let sum = 0;
    for (const used of this.#used.values()) sum += used.in + used.out;
    return sum;
  }
}
