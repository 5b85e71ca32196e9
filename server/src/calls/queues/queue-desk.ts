import { describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { PartyAt } from '../conferences/ports.ts';
import type { GroupClaims } from '../groups/group-claims.ts';
import type { NodeRequests } from '../groups/ports.ts';
import type { EventSink, QueueDesk } from '../ports.ts';
import type { QueueLeaveReason, QueueNews, QueueWish } from './queue-io.ts';
import { QUEUE_RPC, ownerReplySchema, queueNewsSchema, queueOrderSchema } from './queue-messages.ts';
import type { OwnerReply, QueueOrder } from './queue-messages.ts';
import { QueueOwner } from './queue-owner.ts';
import type { CallTies } from './ports.ts';

export interface QueueDeskOptions {
  readonly claims: GroupClaims;
  readonly rpc: NodeRequests;
  readonly ties: CallTies;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Log;
}

type Entry = Extract<QueueWish, { readonly do: 'enqueue' | 'dial' }>;

/** A call of this node that waits in a queue, or waits for a member of one, or was bridged out of one. */
interface Presence {
  readonly accountSid: string;
  readonly wish: Entry;
  /** Epoch milliseconds. */
  readonly since: number;
  /** The queue and its owner; undefined while that is being found out. */
  at: { readonly node: string; readonly queueSid: string } | undefined;
  /** The agent that a member was given to. */
  agent: PartyAt | undefined;
  /** Whom it talks with. */
  peer: PartyAt | undefined;
}

/** Size of a queue that was made by its first caller. */
export const DEFAULT_MAX_SIZE = 1000;
/** Times that the owner is looked for anew because the one found has just let go. */
const ATTEMPTS = 20;

/** The way of a node's calls into queues, wherever these are owned, and out again to each other. */
export class NodeQueues implements QueueDesk {
  readonly #options: QueueDeskOptions;
  readonly #owner: QueueOwner;
  readonly #calls = new Map<string, Presence>();
  readonly #releases: (() => void)[];
  #deliver: (callSid: string, news: QueueNews) => void = () => undefined;

  constructor(options: QueueDeskOptions) {
    const { rpc, claims } = options;
    this.#options = options;
    this.#owner = new QueueOwner({ ...options, tell: (party, news) => this.#tell(party, news) });
    this.#releases = [
      rpc.serve(QUEUE_RPC.order, (payload) => this.#owner.handle(queueOrderSchema.parse(payload))),
      rpc.serve(QUEUE_RPC.news, (payload) => {
        const { callSid, from, news } = queueNewsSchema.parse(payload);
        return Promise.resolve({ taken: this.#take(callSid, news, from) });
      }),
      claims.standing.onLeft((node) => {
        this.#nodeLeft(node);
      }),
    ];
  }

  /** Queues that this node owns. */
  get size(): number {
    return this.#owner.size;
  }

  /** Calls of this node in or out of queues, for leak checks. */
  get calls(): number {
    return this.#calls.size;
  }

  attach(deliver: (callSid: string, news: QueueNews) => void): void {
    this.#deliver = deliver;
  }

  perform(wish: { readonly accountSid: string; readonly callSid: string } & QueueWish): void {
    const { callSid, accountSid } = wish;
    switch (wish.do) {
      case 'enqueue':
      case 'dial':
        this.#enter(callSid, { accountSid, wish, since: this.#options.clock.now() });
        return;
      case 'ready':
        void this.#connect(callSid);
        return;
      case 'leave':
        this.#leave(callSid, wish.reason);
    }
  }

  /** Lets go of the queues that this node owns; their calls are ended by others. Idempotent. */
  close(): void {
    for (const release of this.#releases.splice(0)) release();
    this.#owner.close();
  }

  #enter(callSid: string, facts: Pick<Presence, 'accountSid' | 'wish' | 'since'>): void {
    const presence: Presence = { ...facts, at: undefined, agent: undefined, peer: undefined };
    this.#calls.set(callSid, presence);
    this.#find(callSid, presence).catch((error: unknown) => {
      if (this.#calls.get(callSid) !== presence) return;
      const message = `the queue "${facts.wish.name}" cannot be had: ${describeError(error)}`;
      this.#options.log.error({ err: error, callSid }, message);
      this.#take(callSid, { kind: 'refused', reason: 'system-error', message }, this.#options.claims.node);
    });
  }

  async #find(callSid: string, presence: Presence): Promise<void> {
    const { claims, events } = this.#options;
    const { accountSid, wish } = presence;
    const { name } = wish;
    const wanted = (): boolean => this.#calls.get(callSid) === presence;
    for (let attempt = 0; attempt < ATTEMPTS && wanted(); attempt++) {
      const { record, made } = await claims.claim({ kind: 'queue', accountSid, name }, { fresh: false });
      const { node = claims.node, sid: queueSid, maxSize: queueMaxSize = DEFAULT_MAX_SIZE } = record;
      if (made) {
        const data = { queueSid, friendlyName: name, maxSize: queueMaxSize };
        events.emit({ accountSid, type: 'queue.created', subject: queueSid, data });
      }
      if (!wanted()) return;
      // Known before the first news comes.
      presence.at = { node, queueSid };
      const facts = { accountSid, queueSid, name, queueMaxSize, party: { callSid, node: claims.node } };
      const order: QueueOrder =
        wish.do === 'enqueue'
          ? { ...facts, do: 'enqueue', priority: wish.priority, maxSize: wish.maxSize, since: presence.since }
          : { ...facts, do: 'dial', whisper: wish.whisper };
      const reply = await this.#order(node, order);
      if (reply.ok || !wanted()) return;
      presence.at = undefined;
    }
    if (wanted()) throw new Error('its owner does not answer');
  }

  #leave(callSid: string, reason: QueueLeaveReason): void {
    const presence = this.#calls.get(callSid);
    if (presence === undefined) return;
    this.#calls.delete(callSid);
    const { accountSid, wish, at, peer } = presence;
    if (peer !== undefined) {
      this.#options.ties.disconnect(callSid);
      void this.#tell(peer, { kind: 'parted' });
      return;
    }
    if (at === undefined) return;
    const { node, queueSid } = at;
    const gone = { accountSid, queueSid, callSid };
    void this.#order(node, wish.do === 'enqueue' ? { ...gone, do: 'leave', reason } : { ...gone, do: 'give-up' });
  }

  /** The member is ready: connects it with its agent. */
  async #connect(callSid: string): Promise<void> {
    const presence = this.#calls.get(callSid);
    const { agent, at } = presence ?? {};
    if (presence === undefined || agent === undefined || at === undefined) return;
    const { accountSid } = presence;
    const { node, queueSid } = at;
    const { ties, log, claims } = this.#options;
    const mine = { accountSid, queueSid, callSid };
    try {
      await ties.connect(callSid, agent);
      if (this.#calls.get(callSid) !== presence || presence.agent !== agent) {
        ties.disconnect(callSid);
        return;
      }
      presence.peer = agent;
      if (!(await this.#tell(agent, { kind: 'bridged', peerCallSid: callSid }))) {
        presence.peer = undefined;
        throw new Error('the agent is gone');
      }
    } catch (error) {
      ties.disconnect(callSid);
      log.warn(
        { err: error, callSid, agent: agent.callSid },
        `a member and its agent were not connected: ${describeError(error)}`,
      );
      await this.#order(node, { ...mine, do: 'not-bridged' });
      return;
    }
    void this.#order(node, { ...mine, do: 'bridged' });
    this.#take(callSid, { kind: 'bridged', peerCallSid: agent.callSid }, claims.node);
  }

  async #order(node: string, order: QueueOrder): Promise<OwnerReply> {
    try {
      return ownerReplySchema.parse(await this.#options.rpc.request(node, QUEUE_RPC.order, order));
    } catch (error) {
      this.#options.log.warn(
        { err: error, node, do: order.do },
        `a queue's owner does not answer: ${describeError(error)}`,
      );
      return { ok: false, reason: 'unavailable' };
    }
  }

  async #tell({ node, callSid }: PartyAt, news: QueueNews): Promise<boolean> {
    const { rpc, claims, log } = this.#options;
    try {
      const reply = await rpc.request(node, QUEUE_RPC.news, { callSid, from: claims.node, news });
      return (reply as { taken?: unknown } | null)?.taken === true;
    } catch (error) {
      log.warn({ err: error, node, callSid }, `the node of a call does not answer: ${describeError(error)}`);
      return false;
    }
  }

  /** News for a call of this node. False when it has nothing to do with queues. */
  #take(callSid: string, news: QueueNews, from: string): boolean {
    const presence = this.#calls.get(callSid);
    if (presence === undefined) return false;
    switch (news.kind) {
      case 'called':
        presence.agent = news.agent;
        break;
      case 'requeued':
        presence.agent = undefined;
        break;
      case 'bridged':
        presence.peer ??= { callSid: news.peerCallSid, node: from };
        break;
      case 'parted':
        this.#options.ties.disconnect(callSid);
        this.#calls.delete(callSid);
        break;
      case 'refused':
      case 'redirect':
        this.#calls.delete(callSid);
        break;
      default:
    }
    this.#deliver(callSid, news);
    return true;
  }

  #nodeLeft(node: string): void {
    this.#owner.nodeLeft(node);
    for (const [callSid, presence] of [...this.#calls]) {
      const { accountSid, wish, since, at, peer } = presence;
      if (peer?.node === node) this.#take(callSid, { kind: 'parted' }, node);
      // Its owner is gone: it waits on with another one, as long as it has waited.
      else if (peer === undefined && at?.node === node) this.#enter(callSid, { accountSid, wish, since });
    }
  }
}
