import { describeError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import type { Membership } from '../membership/ports.ts';
import { ChannelBook } from './channel-book.ts';
import { counted, sumOf, together } from './channel-policy.ts';
import type { ChannelAsk, ChannelBrokerLink, ChannelLimits, ChannelUse, Direction, HeldChannels } from './ports.ts';

export interface ChannelDeskOptions {
  readonly cluster: Pick<Membership, 'members' | 'on' | 'node'>;
  readonly broker: ChannelBrokerLink;
  readonly log: Log;
}

/** Calls that wait for a channel of one trunk at a time, on this node. Those above it get none. */
const MAX_WAITING = 1000;

/** A broker that asks what is held here meanwhile makes an answer void. */
const MAX_ATTEMPTS = 5;

interface Wait {
  readonly accountSid: string;
  readonly direction: Direction;
  readonly limits: ChannelLimits;
  readonly answer: (granted: boolean) => void;
}

interface TrunkDesk {
  held: ChannelUse;
  readonly waiting: Wait[];
  /** One request at a time: two that overtake each other would tell the broker less than there is. */
  asking: boolean;
  /** The broker counts more than there is. */
  untold: boolean;
}

/**
 * Channels of this node's calls. While it is the only call node it decides by itself, so that nothing depends on NATS;
 * with others it asks the broker: many calls of a trunk that come at once are one request. What it cannot ask about it
 * does not take: never above the carrier's limit.
 */
export class ChannelDesk {
  readonly #options: ChannelDeskOptions;
  readonly #trunks = new Map<string, TrunkDesk>();
  readonly #offs: readonly Unsubscribe[];
  #fence = 0;
  /** Times that a broker asked what is held here. */
  #handed = 0;
  #alone: boolean;

  constructor(options: ChannelDeskOptions) {
    this.#options = options;
    const { cluster } = options;
    this.#alone = this.#isAlone();
    this.#offs = [
      cluster.on('joined', ({ node, roles }) => {
        if (node !== cluster.node && roles.includes('call')) this.#alone = false;
      }),
      cluster.on('left', () => {
        this.#alone = this.#isAlone();
      }),
    ];
  }

  /** A channel for a call of the account. @returns what gives it back, idempotent; undefined: there is none */
  async take(
    trunk: string,
    { accountSid, direction }: { readonly accountSid: string; readonly direction: Direction },
    limits: ChannelLimits,
  ): Promise<(() => void) | undefined> {
    const desk = this.#desk(trunk);
    if (desk.waiting.length >= MAX_WAITING) return undefined;
    const isGranted = await new Promise<boolean>((answer) => {
      desk.waiting.push({ accountSid, direction, limits, answer });
      if (!desk.asking) void this.#ask(trunk, desk);
    });
    return isGranted ? this.#giver(trunk, desk, { accountSid, direction }) : undefined;
  }

  /**
   * All that this node has, for a broker that begins. Older brokers are not listened to from now on, and a grant that is
   * on its way is not taken: nobody counted it here.
   */
  hand(fence: number): HeldChannels {
    this.#fence = Math.max(this.#fence, fence);
    this.#handed++;
    this.#alone = false;
    return Object.fromEntries([...this.#trunks].map(([trunk, { held }]) => [trunk, held]));
  }

  /** Calls on each of these trunks, on all nodes. @throws whatever the broker's link throws */
  async used(trunks: readonly string[]): Promise<Readonly<Record<string, ChannelUse>>> {
    if (!this.#alone) return await this.#options.broker.used(trunks);
    return Object.fromEntries(trunks.map((trunk) => [trunk, this.#trunks.get(trunk)?.held ?? {}]));
  }

  /** Channels in use on all trunks. */
  get size(): number {
    let sum = 0;
    for (const { held } of this.#trunks.values()) sum += callsOf(held);
    return sum;
  }

  /** Idempotent. */
  close(): void {
    for (const off of this.#offs) off();
  }

  #isAlone(): boolean {
    const { cluster } = this.#options;
    return cluster.members().every(({ node, roles }) => node === cluster.node || !roles.includes('call'));
  }

  #desk(trunk: string): TrunkDesk {
    let desk = this.#trunks.get(trunk);
    if (desk === undefined) this.#trunks.set(trunk, (desk = { held: {}, waiting: [], asking: false, untold: false }));
    return desk;
  }

  #giver(
    trunk: string,
    desk: TrunkDesk,
    { accountSid, direction }: Pick<Wait, 'accountSid' | 'direction'>,
  ): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      desk.held = counted(desk.held, accountSid, direction, -1);
      desk.untold = !this.#alone;
      if (!desk.asking) void this.#ask(trunk, desk);
    };
  }

  /** Until nobody waits, and the broker knows what was given back. */
  async #ask(trunk: string, desk: TrunkDesk): Promise<void> {
    desk.asking = true;
    while (desk.waiting.length > 0 || desk.untold) {
      desk.untold = false;
      const batch = desk.waiting.splice(0);
      let left = await this.#granted(trunk, desk, batch);
      for (const { accountSid, direction, answer } of batch) {
        answer((left[accountSid]?.[direction] ?? 0) > 0);
        left = counted(left, accountSid, direction, -1);
      }
    }
    desk.asking = false;
    if (callsOf(desk.held) === 0 && this.#trunks.get(trunk) === desk) this.#trunks.delete(trunk);
  }

  /** What of it may be had; it is counted as held already. */
  async #granted(trunk: string, desk: TrunkDesk, batch: readonly Wait[]): Promise<ChannelUse> {
    const { cluster, broker, log } = this.#options;
    let want: ChannelUse = {};
    for (const { accountSid, direction } of batch) want = counted(want, accountSid, direction, 1);
    const count = (granted: ChannelUse): ChannelUse => {
      desk.held = together(desk.held, granted);
      return granted;
    };
    const request = (): ChannelAsk => ({ node: cluster.node, trunk, held: desk.held, want });
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (this.#alone) return count(new ChannelBook().ask(request(), batch.at(-1)?.limits ?? {}));
        const handed = this.#handed;
        const { fence, granted } = await broker.ask(request());
        if (fence < this.#fence || handed !== this.#handed) continue;
        this.#fence = fence;
        return count(granted);
      }
      throw new Error(`${MAX_ATTEMPTS} answers in a row were out of date`);
    } catch (error) {
      if (batch.length > 0) log.warn({ trunk, reason: describeError(error) }, 'no channel: nobody counts them now');
      return {};
    }
  }
}

function callsOf(use: ChannelUse): number {
  const { in: incoming, out } = sumOf(use);
  return incoming + out;
}
