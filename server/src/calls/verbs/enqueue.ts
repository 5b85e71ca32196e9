import type { EnqueueVerb } from '@hookswitch/shared';
import type { EndRequest } from '../ports.ts';
import type { QueueLeaveReason, QueueNews, QueuePlace, Whisper } from '../queues/queue-io.ts';
import type { SideOutcome, StringParams, Verb, VerbContext, VerbEffect, VerbNext, VerbStep } from './verb.ts';
import { proceed, running, warning } from './verb.ts';
import { askAgain, startWaiting, stopWaiting, waitOn } from './waiting.ts';
import type { Waiting, WaitingStep } from './waiting.ts';

interface EnqueueMemory {
  readonly verb: EnqueueVerb;
  /** Monotonic milliseconds at which it was asked for. */
  readonly since: number;
  readonly queueSid: string | undefined;
  readonly place: QueuePlace | undefined;
  readonly waiting: Waiting | undefined;
  /** CallSid of the agent that it was given to. */
  readonly agent: string | undefined;
  /** Monotonic milliseconds. */
  readonly bridgedAt: number | undefined;
}

type Result = 'bridged' | 'queue-full' | 'system-error' | 'hangup' | 'leave' | 'redirected' | 'redirected-from-bridged';

const WAIT = 'wait';
const WHISPER = 'whisper';
/** What the whisper of an agent's `<Queue url>` may do. */
const WHISPER_VERBS = ['Play', 'Say', 'Pause', 'Gather', 'Redirect'];

/**
 *     start --queued--> waiting --an agent calls it--> hearing the whisper --connected--> talking --parted--> done
 *        |                 ^                                    |
 *        |                 +------------ the agent is gone -----+
 *        +--refused--> done            waiting, too: --Leave, Hangup, redirected by REST--> done
 */
export const enqueue: Verb<EnqueueVerb, EnqueueMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<EnqueueMemory> {
    const { name, priority, maxQueueSize: maxSize } = verb;
    const memory: EnqueueMemory = {
      verb,
      since: context.at,
      queueSid: undefined,
      place: undefined,
      waiting: undefined,
      agent: undefined,
      bridgedAt: undefined,
    };
    return running(memory, { kind: 'queue', wish: { do: 'enqueue', name, priority, maxSize } });
  },

  step(memory, input, context): VerbStep<EnqueueMemory> {
    switch (input.kind) {
      case 'queue':
        return onNews(memory, input.news, context);
      case 'side-ended':
        return onSide(memory, input.name, input.outcome, context);
      case 'timer':
        return memory.waiting === undefined ? running(memory) : wait(memory, askAgain(memory.waiting, context));
      default:
        return running(memory);
    }
  },

  stop(memory, { reason }, context): VerbEffect[] {
    const updated = reason === 'updated';
    const bridged = memory.bridgedAt !== undefined;
    const redirected = bridged ? 'redirected-from-bridged' : 'redirected';
    const result: Result = updated ? redirected : bridged ? 'bridged' : 'hangup';
    const tell = toAction(memory, result, context);
    const told: VerbEffect[] =
      tell.kind === 'fetch'
        ? [{ kind: 'notify', request: { url: tell.url, method: tell.method, params: tell.params } }]
        : [];
    return [goAway(updated ? 'redirected' : 'hung-up'), ...told];
  },

  sideParams: (memory, name, context): StringParams => {
    const { queueSid, place, agent } = memory;
    const params: Record<string, string> = { QueueTime: String(waited(memory, context)) };
    if (queueSid !== undefined) params['QueueSid'] = queueSid;
    if (name === WHISPER) return agent === undefined ? params : { ...params, DequeingCallSid: agent };
    if (place === undefined) return params;
    return {
      ...params,
      QueuePosition: String(place.position),
      CurrentQueueSize: String(place.currentSize),
      MaxQueueSize: String(place.maxSize),
      AvgQueueTime: String(place.averageSeconds),
    };
  },
};

function onNews(memory: EnqueueMemory, news: QueueNews, context: VerbContext): VerbStep<EnqueueMemory> {
  switch (news.kind) {
    case 'queued': {
      const queued = { ...memory, queueSid: news.queueSid, place: news.place };
      // Queued anew, because its owner was lost: what it hears goes on.
      return memory.waiting === undefined ? startsWaiting(queued, context) : running(queued);
    }
    case 'moved':
      return running({ ...memory, place: news.place });
    case 'called':
      return called(memory, news, context);
    case 'requeued': {
      const before: VerbEffect = { kind: 'stop-side', name: WHISPER };
      const step = startsWaiting({ ...memory, agent: undefined }, context);
      return { ...step, effects: [before, ...step.effects] };
    }
    case 'bridged':
      return running({ ...memory, bridgedAt: context.at });
    case 'parted':
      return over(memory, 'bridged', context);
    case 'redirect': {
      const { url, method } = news;
      const tell = toAction(memory, 'redirected', context);
      const told: VerbEffect[] =
        tell.kind === 'fetch'
          ? [{ kind: 'notify', request: { url: tell.url, method: tell.method, params: tell.params } }]
          : [];
      return { kind: 'done', outcome: 'redirected', effects: told, next: { kind: 'fetch', url, method, params: {} } };
    }
    case 'refused': {
      const told = warning(`not in queue "${memory.verb.name}": ${news.message}`);
      return over(memory, news.reason, context, [told]);
    }
    case 'given':
    case 'taken-back':
      return running(memory);
  }
}

function startsWaiting(memory: EnqueueMemory, context: VerbContext): VerbStep<EnqueueMemory> {
  const { waitUrl: reference, waitUrlMethod: method } = memory.verb;
  return wait(memory, startWaiting(WAIT, { reference, method }, context));
}

function called(
  memory: EnqueueMemory,
  { agent, whisper }: { readonly agent: { readonly callSid: string }; readonly whisper: Whisper | undefined },
  context: VerbContext,
): VerbStep<EnqueueMemory> {
  const next = { ...memory, waiting: undefined, agent: agent.callSid };
  const { callSid } = context;
  const then: VerbEffect =
    whisper === undefined
      ? { kind: 'queue', wish: { do: 'ready' } }
      : { kind: 'start-side', name: WHISPER, callSid, request: whisper, verbs: WHISPER_VERBS };
  return running(next, ...stopWaiting(memory.waiting), then);
}

function onSide(
  memory: EnqueueMemory,
  name: string,
  outcome: SideOutcome,
  context: VerbContext,
): VerbStep<EnqueueMemory> {
  if (outcome.kind === 'leave') return over(memory, 'leave', context, [goAway('left')]);
  if (outcome.kind === 'hang-up') {
    const gone = over(memory, 'hangup', context, [goAway('hung-up')]);
    return gone.kind === 'done' ? { ...gone, next: { kind: 'end', request: outcome.request } } : gone;
  }
  // A whisper that cannot be had costs the whisper alone.
  if (name === WHISPER) return running(memory, { kind: 'queue', wish: { do: 'ready' } });
  return memory.waiting === undefined ? running(memory) : wait(memory, waitOn(memory.waiting, outcome, context));
}

function wait(memory: EnqueueMemory, { waiting, effects }: WaitingStep): VerbStep<EnqueueMemory> {
  return running({ ...memory, waiting }, ...effects);
}

function goAway(reason: QueueLeaveReason): VerbEffect {
  return { kind: 'queue', wish: { do: 'leave', reason } };
}

/** Whole seconds in the queue. */
function waited({ since, bridgedAt }: EnqueueMemory, context: VerbContext): number {
  return Math.round(((bridgedAt ?? context.at) - since) / 1000);
}

function toAction(memory: EnqueueMemory, result: Result, context: VerbContext): VerbNext {
  const { action, method } = memory.verb;
  const url = action === undefined ? undefined : context.resolve(action);
  if (url === undefined) return proceed;
  const { queueSid } = memory;
  const inQueue = queueSid === undefined ? {} : { QueueSid: queueSid, QueueTime: String(waited(memory, context)) };
  return { kind: 'fetch', url, method, params: { QueueResult: result, ...inQueue } };
}

function over(
  memory: EnqueueMemory,
  result: Result,
  context: VerbContext,
  effects: readonly VerbEffect[] = [],
): VerbStep<EnqueueMemory> {
  const refusal: EndRequest = { cause: 'unreachable', message: 'the queue could not be entered' };
  return { kind: 'done', outcome: result, effects, next: toAction(memory, result, context), refusal };
}
