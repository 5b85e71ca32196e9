import { describeError } from '../../kernel/index.ts';
import { GroupError } from '../groups/group-error.ts';
import type { GroupRecord } from '../groups/ports.ts';
import type { QueueControl } from '../ports.ts';
import { DEFAULT_MAX_SIZE } from './queue-desk.ts';
import type { QueueDeskOptions } from './queue-desk.ts';
import { QUEUE_RPC, ownerReplySchema } from './queue-messages.ts';
import type { OwnerReply, QueueFacts, QueueReply, QueueRequest } from './queue-messages.ts';

type OnOne = Extract<QueueRequest, { readonly queueSid: string }>;

/** What REST does with queues: the store knows those that nobody waits in, their owners the others. */
export class NodeQueueControl implements QueueControl {
  readonly #options: Omit<QueueDeskOptions, 'ties'>;

  constructor(options: Omit<QueueDeskOptions, 'ties'>) {
    this.#options = options;
  }

  async request(request: QueueRequest): Promise<QueueReply> {
    try {
      if (request.do === 'create') return await this.#create(request);
      if (request.do === 'list') {
        const all = await this.#options.claims.list('queue', request.accountSid);
        return { ok: true, queues: await Promise.all(all.map((record) => this.#facts(record))) };
      }
      return await this.#onOne(request);
    } catch (error) {
      this.#options.log.warn({ err: error, do: request.do }, `a request about queues failed: ${describeError(error)}`);
      return { ok: false, reason: 'unavailable' };
    }
  }

  async #create({ accountSid, name, maxSize }: Extract<QueueRequest, { do: 'create' }>): Promise<QueueReply> {
    const { claims, events } = this.#options;
    const size = maxSize ?? DEFAULT_MAX_SIZE;
    try {
      const { record } = await claims.create({ kind: 'queue', accountSid, name }, { maxSize: size });
      const data = { queueSid: record.sid, friendlyName: name, maxSize: size };
      events.emit({ accountSid, type: 'queue.created', subject: record.sid, data });
      return { ok: true, queue: emptyFacts(record) };
    } catch (error) {
      if (error instanceof GroupError && error.reason === 'conflict') return { ok: false, reason: 'name-taken' };
      throw error;
    }
  }

  async #onOne(request: OnOne): Promise<QueueReply> {
    const { claims } = this.#options;
    const { accountSid, queueSid } = request;
    const found = await claims.find('queue', accountSid, queueSid);
    if (found === undefined) return { ok: false, reason: 'no-such-queue' };
    const { record } = found;
    switch (request.do) {
      case 'read':
        return { ok: true, queue: await this.#facts(record) };
      case 'delete':
        return this.#delete(record);
      case 'resize':
        return this.#resize(record, request.maxSize);
      case 'rename':
        return this.#rename(record, request.name);
      case 'dequeue': {
        if (!claims.isOwned(record)) return { ok: false, reason: 'no-such-member' };
        const { member, url, method } = request;
        const reply = await this.#ask(record, { do: 'dequeue', member, url, method });
        if (reply.ok) return { ok: true, queue: factsOf(reply, record), callSid: reply.callSid };
        return { ok: false, reason: reply.reason === 'unavailable' ? 'unavailable' : 'no-such-member' };
      }
    }
  }

  async #delete(record: GroupRecord): Promise<QueueReply> {
    const { claims, events } = this.#options;
    const { accountSid, sid: queueSid, name: friendlyName } = record;
    if (!(await claims.removeUnowned('queue', accountSid, queueSid))) return { ok: false, reason: 'not-empty' };
    events.emit({ accountSid, type: 'queue.deleted', subject: queueSid, data: { queueSid, friendlyName } });
    return { ok: true, queue: emptyFacts(record) };
  }

  async #resize(before: GroupRecord, maxSize: number): Promise<QueueReply> {
    const { accountSid, sid: queueSid } = before;
    const record = await this.#options.claims.change('queue', accountSid, queueSid, { maxSize });
    return await this.#changed(record, { do: 'resize', maxSize });
  }

  /** Calls that wait stay; the next ones find it by its new name alone. */
  async #rename({ accountSid, sid }: GroupRecord, name: string): Promise<QueueReply> {
    try {
      const record = await this.#options.claims.rename({ kind: 'queue', accountSid, name }, sid);
      return await this.#changed(record, { do: 'rename', name });
    } catch (error) {
      if (error instanceof GroupError && error.reason === 'taken') return { ok: false, reason: 'name-taken' };
      throw error;
    }
  }

  /** Its owner, if it has one, goes by it from now on and publishes it. */
  async #changed(record: GroupRecord | undefined, order: object): Promise<QueueReply> {
    const { claims, events } = this.#options;
    if (record === undefined) return { ok: false, reason: 'no-such-queue' };
    if (claims.isOwned(record)) {
      const reply = await this.#ask(record, order);
      if (reply.ok) return { ok: true, queue: factsOf(reply, record) };
    }
    const { accountSid, sid: queueSid, name: friendlyName, maxSize = DEFAULT_MAX_SIZE } = record;
    const data = { queueSid, friendlyName, maxSize };
    events.emit({ accountSid, type: 'queue.updated', subject: queueSid, data });
    return { ok: true, queue: emptyFacts(record) };
  }

  async #facts(record: GroupRecord): Promise<QueueFacts> {
    if (!this.#options.claims.isOwned(record)) return emptyFacts(record);
    const reply = await this.#ask(record, { do: 'read' });
    return reply.ok ? factsOf(reply, record) : emptyFacts(record);
  }

  async #ask(record: GroupRecord, order: object): Promise<OwnerReply> {
    const { accountSid, sid: queueSid, node = '' } = record;
    const payload = { ...order, accountSid, queueSid };
    return ownerReplySchema.parse(await this.#options.rpc.request(node, QUEUE_RPC.order, payload));
  }
}

function emptyFacts({
  sid: queueSid,
  name: friendlyName,
  maxSize = DEFAULT_MAX_SIZE,
  createdAt,
}: GroupRecord): QueueFacts {
  return { queueSid, friendlyName, maxSize, createdAt, currentSize: 0, averageWaitSeconds: 0, members: [] };
}

function factsOf({ queue }: Extract<OwnerReply, { ok: true }>, { createdAt }: GroupRecord): QueueFacts {
  return { ...queue, createdAt };
}
