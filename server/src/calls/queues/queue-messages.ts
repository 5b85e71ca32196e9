import { z } from 'zod';
import type { QueueNews } from './queue-io.ts';

/** Methods between nodes. `order`: to the owner of a queue. `news`: to the node of a call. */
export const QUEUE_RPC = { order: 'queue-order', news: 'queue-news' } as const;

const method = z.enum(['GET', 'POST']);
const party = z.object({ callSid: z.string(), node: z.string() });
const whisper = z.object({ url: z.string(), method }).optional();
const of = { accountSid: z.string(), queueSid: z.string() };
/** What the owner needs to take the queue up. */
const facts = { ...of, name: z.string(), queueMaxSize: z.number() };

/** What REST asks of queues. */
export type QueueRequest = { readonly accountSid: string } & (
  | { readonly do: 'create'; readonly name: string; readonly maxSize?: number | undefined }
  | { readonly do: 'list' }
  | { readonly do: 'read' | 'delete'; readonly queueSid: string }
  | { readonly do: 'resize'; readonly queueSid: string; readonly maxSize: number }
  | { readonly do: 'rename'; readonly queueSid: string; readonly name: string }
  /** `member`: a CallSid, or `Front`. Its call goes on with the document at `url`. */
  | {
      readonly do: 'dequeue';
      readonly queueSid: string;
      readonly member: string;
      readonly url: string;
      readonly method: 'GET' | 'POST';
    }
);

export const queueOrderSchema = z.discriminatedUnion('do', [
  z.object({
    ...facts,
    do: z.literal('enqueue'),
    party,
    priority: z.number(),
    maxSize: z.number().optional(),
    since: z.number(),
  }),
  z.object({ ...facts, do: z.literal('dial'), party, whisper }),
  z.object({
    ...of,
    do: z.literal('leave'),
    callSid: z.string(),
    reason: z.enum(['left', 'hung-up', 'lost', 'redirected']),
  }),
  z.object({ ...of, do: z.literal('give-up'), callSid: z.string() }),
  z.object({ ...of, do: z.literal('bridged'), callSid: z.string() }),
  z.object({ ...of, do: z.literal('not-bridged'), callSid: z.string() }),
  z.object({ ...of, do: z.literal('read') }),
  z.object({ ...of, do: z.literal('resize'), maxSize: z.number() }),
  z.object({ ...of, do: z.literal('rename'), name: z.string() }),
  z.object({ ...of, do: z.literal('dequeue'), member: z.string(), url: z.string(), method }),
]);
export type QueueOrder = z.infer<typeof queueOrderSchema>;

const queueSchema = z.object({
  queueSid: z.string(),
  friendlyName: z.string(),
  maxSize: z.number(),
  currentSize: z.number(),
  averageWaitSeconds: z.number(),
  members: z.array(
    z.object({ callSid: z.string(), position: z.number(), enqueuedAt: z.number(), waitSeconds: z.number() }),
  ),
});
export type QueueFacts = z.infer<typeof queueSchema> & { readonly createdAt: number };

/** An owner's answer. `gone`: it does not own the queue (any more). */
export const ownerReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), queue: queueSchema, callSid: z.string().optional() }),
  z.object({ ok: z.literal(false), reason: z.enum(['gone', 'no-such-member', 'unavailable']) }),
]);
export type OwnerReply = z.infer<typeof ownerReplySchema>;

export type QueueReply =
  /** `callSid`: of the member that was dequeued. `queues`: of `list`, members left out. */
  | { readonly ok: true; readonly queue: QueueFacts; readonly callSid?: string | undefined }
  | { readonly ok: true; readonly queues: readonly QueueFacts[] }
  | {
      readonly ok: false;
      readonly reason: 'no-such-queue' | 'no-such-member' | 'name-taken' | 'not-empty' | 'unavailable';
    };

const place = z.object({
  position: z.number(),
  currentSize: z.number(),
  maxSize: z.number(),
  averageSeconds: z.number(),
});
const news = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('queued'), queueSid: z.string(), place }),
  z.object({ kind: z.literal('refused'), reason: z.enum(['queue-full', 'system-error']), message: z.string() }),
  z.object({ kind: z.literal('moved'), place }),
  z.object({ kind: z.literal('called'), agent: party, whisper }),
  z.object({ kind: z.literal('requeued') }),
  z.object({ kind: z.literal('redirect'), url: z.string(), method }),
  z.object({ kind: z.literal('given'), queueSid: z.string(), member: party, waitSeconds: z.number() }),
  z.object({ kind: z.literal('taken-back') }),
  z.object({ kind: z.literal('bridged'), peerCallSid: z.string() }),
  z.object({ kind: z.literal('parted') }),
]) as z.ZodType<QueueNews>;
/** `from`: the node that tells it. */
export const queueNewsSchema = z.object({ callSid: z.string(), from: z.string(), news });
