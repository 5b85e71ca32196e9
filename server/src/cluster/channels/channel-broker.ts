import { describeError } from '../../kernel/index.ts';
import type { Clock, Log, Unsubscribe } from '../../kernel/index.ts';
import type { Membership, ShardDuty } from '../membership/ports.ts';
import { ChannelBook } from './channel-book.ts';
import { sumOf } from './channel-policy.ts';
import type { ChannelAsk, ChannelGrant, ChannelLimits, ChannelNodes, ChannelUse } from './ports.ts';

export interface ChannelBrokerOptions {
  readonly cluster: Pick<Membership, 'members' | 'on'>;
  readonly nodes: ChannelNodes;
  /** Undefined: there is no such trunk (any more): nothing is granted. */
  readonly limitsOf: (trunk: string) => ChannelLimits | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Before a call is refused, the nodes are asked what they have, unless that was done less than this ago, milliseconds. */
const SURE_FOR_MS = 1000;
/** What was told of channels in use may be as old, milliseconds. */
const USED_FOR_MS = 5000;

/**
 * Grants channels of trunks, one at a time over the whole cluster. Knows nothing at first: before its first grant it asks
 * every live node what it has, and so again when one joins; a node that leaves gives its channels back.
 *
 * One doer: `duty` says for how long, and gives the fence that its grants carry.
 */
export class ChannelBroker {
  readonly #options: ChannelBrokerOptions;
  readonly #duty: Pick<ShardDuty, 'fence' | 'signal'>;
  readonly #book = new ChannelBook();
  readonly #off: Unsubscribe;
  #collecting: Promise<void> | undefined;
  #collectedAt = -Infinity;

  constructor(options: ChannelBrokerOptions, duty: Pick<ShardDuty, 'fence' | 'signal'>) {
    this.#options = options;
    this.#duty = duty;
    this.#off = options.cluster.on('left', ({ member }) => {
      this.#book.forget(member.node);
    });
  }

  /** @throws Error while a node has not said what it has: nothing is granted then */
  async ask(request: ChannelAsk): Promise<ChannelGrant> {
    while (this.#missing().length > 0) await this.#collectOnce();
    this.#duty.signal.throwIfAborted();
    const { fence } = this.#duty;
    const limits = this.#options.limitsOf(request.trunk);
    if (limits === undefined || !this.#isMember(request.node)) return { fence, granted: {} };
    const granted = this.#book.ask(request, limits);
    const [got, wanted] = [sumOf(granted), sumOf(request.want)];
    const isShort = got.in < wanted.in || got.out < wanted.out;
    if (isShort && this.#options.clock.monotonic() - this.#collectedAt > SURE_FOR_MS) {
      // The node that asks is asked too, takes this for out of date and asks again.
      await this.#collectOnce();
    }
    return { fence, granted };
  }

  /** Calls on each of these trunks. @throws Error while a node has not said what it has */
  async used(trunks: readonly string[]): Promise<Readonly<Record<string, ChannelUse>>> {
    while (this.#missing().length > 0) await this.#collectOnce();
    // What nobody asks for is not found to be free by asking: a node may not have been able to say that it gave something back.
    if (this.#options.clock.monotonic() - this.#collectedAt > USED_FOR_MS) await this.#collectOnce();
    this.#duty.signal.throwIfAborted();
    return Object.fromEntries(trunks.map((trunk) => [trunk, this.#book.used(trunk)]));
  }

  /** Idempotent. */
  close(): void {
    this.#off();
  }

  #missing(): string[] {
    return this.#callNodes().filter((node) => !this.#book.knows(node));
  }

  #collectOnce(): Promise<void> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  /** When any is missing all are asked: one that was alone until now has decided by itself. */
  async #collect(): Promise<void> {
    this.#collectedAt = this.#options.clock.monotonic();
    await Promise.all(
      this.#callNodes().map(async (node) => {
        try {
          const held = await this.#options.nodes.held(node, this.#duty.fence);
          if (this.#isMember(node)) this.#book.tell(node, held);
        } catch (error) {
          this.#options.log.warn({ node, reason: describeError(error) }, 'a node did not say which channels it has');
          if (this.#isMember(node)) throw error;
        }
      }),
    );
  }

  #callNodes(): string[] {
    return this.#options.cluster
      .members()
      .filter(({ roles }) => roles.includes('call'))
      .map(({ node }) => node);
  }

  #isMember(node: string): boolean {
    return this.#callNodes().includes(node);
  }
}
