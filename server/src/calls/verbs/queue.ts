import type { QueueVerb } from '@hookswitch/shared';
import type { EndRequest } from '../ports.ts';
import type { QueueLeaveReason, QueueNews } from '../queues/queue-io.ts';
import type { Verb, VerbContext, VerbEffect, VerbNext, VerbStep } from './verb.ts';
import { proceed, running, warning } from './verb.ts';

interface QueueMemory {
  readonly verb: QueueVerb;
  /** CallSid of the member that it was given, and how long that had waited. */
  readonly member: { readonly callSid: string; readonly queueSid: string; readonly waitSeconds: number } | undefined;
  /** Monotonic milliseconds. */
  readonly bridgedAt: number | undefined;
}

type Status = 'completed' | 'no-answer' | 'failed' | 'canceled';

const NOBODY = 'nobody';
const TIME_LIMIT = 'time-limit';

/**
 * `<Dial><Queue>`: an agent takes the first call of a queue, and waits for one as long as `timeout` says.
 *
 *     start --> waiting --given--> connecting --bridged--> talking --parted--> done
 *                  |  ^-- that caller is gone --+
 *                  +--timeout--> done
 */
export const queue: Verb<QueueVerb, QueueMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<QueueMemory> {
    const { name, url, method } = verb.queue;
    const resolved = url === undefined || url === '' ? undefined : context.resolve(url);
    const whisper = resolved === undefined ? undefined : { url: resolved, method };
    return running(
      { verb, member: undefined, bridgedAt: undefined },
      { kind: 'queue', wish: { do: 'dial', name, whisper } },
      { kind: 'start-timer', name: NOBODY, delayMs: verb.dial.timeout * 1000 },
    );
  },

  step(memory, input, context): VerbStep<QueueMemory> {
    switch (input.kind) {
      case 'queue':
        return onNews(memory, input.news, context);
      case 'timer':
        return over(memory, input.name === NOBODY ? 'no-answer' : 'completed', context, [goAway('left')]);
      case 'leg': {
        const { event } = input;
        const star = event.kind === 'digit' && event.digit === '*' && event.callSid === context.callSid;
        const hangsUp = star && memory.verb.dial.hangupOnStar && memory.bridgedAt !== undefined;
        return hangsUp ? over(memory, 'completed', context, [goAway('hung-up')]) : running(memory);
      }
      default:
        return running(memory);
    }
  },

  stop(memory, { reason }, context): VerbEffect[] {
    const effects = [goAway(reason === 'updated' ? 'redirected' : 'hung-up')];
    if (reason !== 'caller-hung-up') return effects;
    const next = toAction(memory, memory.bridgedAt === undefined ? 'canceled' : 'completed', context);
    if (next.kind !== 'fetch') return effects;
    const { url, method, params } = next;
    return [...effects, { kind: 'notify', request: { url, method, params } }];
  },
};

function goAway(reason: QueueLeaveReason): VerbEffect {
  return { kind: 'queue', wish: { do: 'leave', reason } };
}

function onNews(memory: QueueMemory, news: QueueNews, context: VerbContext): VerbStep<QueueMemory> {
  switch (news.kind) {
    case 'given': {
      const { queueSid, member, waitSeconds } = news;
      const given = { callSid: member.callSid, queueSid, waitSeconds };
      return running({ ...memory, member: given }, { kind: 'stop-timer', name: NOBODY });
    }
    case 'taken-back':
      return running(
        { ...memory, member: undefined },
        { kind: 'start-timer', name: NOBODY, delayMs: memory.verb.dial.timeout * 1000 },
      );
    case 'bridged':
      return running(
        { ...memory, bridgedAt: context.at },
        { kind: 'start-timer', name: TIME_LIMIT, delayMs: memory.verb.dial.timeLimit * 1000 },
      );
    case 'parted':
      return over(memory, memory.bridgedAt === undefined ? 'failed' : 'completed', context);
    case 'refused':
      return over(memory, 'failed', context, [warning(`no queue "${memory.verb.queue.name}": ${news.message}`)]);
    case 'queued':
    case 'moved':
    case 'called':
    case 'requeued':
    case 'redirect':
      return running(memory);
  }
}

function toAction(memory: QueueMemory, status: Status, context: VerbContext): VerbNext {
  const { action, method } = memory.verb.dial;
  const url = action === undefined ? undefined : context.resolve(action);
  if (url === undefined) return proceed;
  const { member, bridgedAt } = memory;
  const params: Record<string, string> = { DialCallStatus: status, DialBridged: String(bridgedAt !== undefined) };
  if (member !== undefined) {
    params['DialCallSid'] = member.callSid;
    params['QueueSid'] = member.queueSid;
    params['QueueTime'] = String(member.waitSeconds);
  }
  if (bridgedAt !== undefined) params['DialCallDuration'] = String(Math.round((context.at - bridgedAt) / 1000));
  return { kind: 'fetch', url, method, params };
}

function over(
  memory: QueueMemory,
  status: Status,
  context: VerbContext,
  effects: readonly VerbEffect[] = [],
): VerbStep<QueueMemory> {
  const refusal: EndRequest = { cause: 'no-answer', message: 'nobody waited in the queue' };
  return { kind: 'done', outcome: status, effects, next: toAction(memory, status, context), refusal };
}
