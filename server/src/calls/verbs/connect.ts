import type { ConnectVerb } from '@hookswitch/shared';
import type { LegEvent } from '../ports.ts';
import { streamOrder } from './stream-order.ts';
import type { Verb, VerbContext, VerbEffect, VerbStep } from './verb.ts';
import { done, proceed, running, warning } from './verb.ts';

interface ConnectMemory {
  readonly verb: ConnectVerb;
  readonly streamSid: string;
}

type StreamEnded = Extract<LegEvent, { kind: 'stream-ended' }>;

/**
 *     start --the application closes the stream, or it fails--> done: the action is asked, else the next verb runs
 */
export const connect: Verb<ConnectVerb, ConnectMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<ConnectMemory> {
    const asked = streamOrder(verb.stream, context, 0, true);
    if (!asked.ok) return done('failed', proceed, warning(asked.problem, 11_100));
    const { order } = asked;
    return running({ verb, streamSid: order.streamSid }, { kind: 'stream', order });
  },

  step(memory, input, context): VerbStep<ConnectMemory> {
    if (input.kind !== 'leg' || input.event.kind !== 'stream-ended') return running(memory);
    const { event } = input;
    // One that the call ended is told of by the end of the leg, or was stopped with the verb.
    if (event.streamSid !== memory.streamSid || event.by === 'call') return running(memory);
    return ended(memory, event, context);
  },

  stop: ({ streamSid }): VerbEffect[] => [{ kind: 'stop-stream', which: { streamSid } }],
};

function ended({ verb }: ConnectMemory, event: StreamEnded, context: VerbContext): VerbStep<ConnectMemory> {
  const { problem, streamSid } = event;
  const told = problem === undefined ? [] : [warning(problem.message, problem.code)];
  const url = verb.action === undefined ? undefined : context.resolve(verb.action);
  const outcome = problem === undefined ? 'closed' : 'failed';
  if (url === undefined) return done(outcome, proceed, ...told);
  const params = {
    StreamSid: streamSid,
    StreamName: verb.stream.name ?? streamSid,
    StreamEvent: problem === undefined ? 'stream-stopped' : 'stream-error',
    ...(problem === undefined ? {} : { StreamError: `${problem.code}: ${problem.message}` }),
  };
  return done(outcome, { kind: 'fetch', url, method: verb.method, params }, ...told);
}
