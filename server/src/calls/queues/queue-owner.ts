import type { Clock, Log } from '../../kernel/index.ts';
import type { PartyAt } from '../conferences/ports.ts';
import type { GroupClaims } from '../groups/group-claims.ts';
import type { EventSink } from '../ports.ts';
import type { QueueInput, QueueNews } from './queue-io.ts';
import type { OwnerReply, QueueOrder } from './queue-messages.ts';
import { QueueRunner } from './queue-runner.ts';

export interface QueueOwnerOptions {
  readonly claims: GroupClaims;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: (party: PartyAt, news: QueueNews) => Promise<boolean>;
}

/** The queues that this node owns: those in which somebody waits. An empty one is written down as nobody's. */
export class QueueOwner {
  readonly #options: QueueOwnerOptions;
  readonly #queues = new Map<string, QueueRunner>();
  /** Queues that are being given up. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: QueueOwnerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#queues.size;
  }

  async handle(order: QueueOrder): Promise<OwnerReply> {
    const { queueSid, accountSid } = order;
    const leaving = this.#leaving.get(queueSid);
    if (leaving !== undefined) {
      await leaving;
      return { ok: false, reason: 'gone' };
    }
    const known = this.#queues.get(queueSid);
    const enters = order.do === 'enqueue' || order.do === 'dial';
    const queue = known ?? (enters ? this.#open(order) : undefined);
    if (queue?.state.accountSid !== accountSid) return { ok: false, reason: 'gone' };
    if (order.do === 'dequeue') return dequeue(queue, order);
    const before = queue.describe();
    if (order.do !== 'read') queue.post(inputOf(order));
    return { ok: true, queue: order.do === 'read' ? before : queue.describe() };
  }

  nodeLeft(node: string): void {
    for (const queue of [...this.#queues.values()]) queue.post({ kind: 'node-left', node });
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }

  #open(order: Extract<QueueOrder, { do: 'enqueue' | 'dial' }>): QueueRunner {
    const { queueSid: sid, accountSid, name, queueMaxSize: maxSize } = order;
    const queue = new QueueRunner({
      ...this.#options,
      initial: { sid, accountSid, name, maxSize, members: [], agents: [] },
      onIdle: () => {
        this.#queues.delete(sid);
        const left = this.#disown(accountSid, queue.state.name, sid).finally(() => this.#leaving.delete(sid));
        this.#leaving.set(sid, left);
      },
    });
    this.#queues.set(sid, queue);
    return queue;
  }

  async #disown(accountSid: string, name: string, sid: string): Promise<void> {
    try {
      await this.#options.claims.disown({ kind: 'queue', accountSid, name }, sid);
    } catch (error) {
      this.#options.log.warn(
        { err: error, sid },
        'an empty queue is still written down as owned; this node takes it up again',
      );
    }
  }
}

type Posted = Exclude<QueueOrder, { readonly do: 'read' | 'dequeue' }>;

function inputOf(order: Posted): QueueInput {
  switch (order.do) {
    case 'enqueue': {
      const { party, priority, maxSize, since } = order;
      return { kind: 'enqueue', party, priority, maxSize, since };
    }
    case 'dial':
      return { kind: 'dial', party: order.party, whisper: order.whisper };
    case 'leave':
      return { kind: 'leave', callSid: order.callSid, reason: order.reason };
    case 'give-up':
      return { kind: 'give-up', callSid: order.callSid };
    case 'bridged':
    case 'not-bridged':
      return { kind: order.do, callSid: order.callSid };
    case 'resize':
      return { kind: 'resize', maxSize: order.maxSize };
    case 'rename':
      return { kind: 'rename', name: order.name };
  }
}

/** The member's call goes on elsewhere. One that is given to an agent already is told the same. */
function dequeue(queue: QueueRunner, order: Extract<QueueOrder, { do: 'dequeue' }>): OwnerReply {
  const { members } = queue.state;
  const { member: who, url, method } = order;
  const member =
    who.toLowerCase() === 'front'
      ? members.find(({ agent }) => agent === undefined)
      : members.find(({ party }) => party.callSid === who);
  if (member === undefined) return { ok: false, reason: 'no-such-member' };
  const { callSid } = member.party;
  const before = queue.describe();
  queue.post({ kind: 'redirect', callSid, url, method });
  return { ok: true, queue: before, callSid };
}
