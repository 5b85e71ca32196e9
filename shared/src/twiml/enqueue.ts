import { z } from 'zod';
import { httpMethod, urlReference, whole } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { MAX_QUEUE_NAME } from './queue.ts';

/** `<Enqueue>`: the caller waits in a queue until an agent dials it. Answers the call. */
export const enqueueAttributes = z.object({
  action: urlReference.optional().describe('asked for instructions when the call has left the queue'),
  method: httpMethod.default('POST'),
  waitUrl: urlReference.optional().describe('instructions while the call waits (default: music); empty: silence'),
  waitUrlMethod: httpMethod.default('POST'),
  maxQueueSize: whole(1, 5000).optional().describe('calls that may wait (default: as the queue was set up)'),
  workflowSid: z.string().optional().describe('has no effect'),
});
export const taskAttributes = z.object({
  priority: whole(0, 2_147_483).default(0).describe('a higher one is dequeued first'),
  timeout: z.string().optional().describe('has no effect'),
});
export type EnqueueVerb = {
  readonly verb: 'Enqueue';
  readonly name: string;
  readonly priority: number;
} & z.output<typeof enqueueAttributes>;

export function readEnqueue(element: TwimlElement, report: ReportTwimlProblem): EnqueueVerb | undefined {
  reportStrangers(element, ['Task'], report);
  const name = ownTextOf(element);
  const attributes = readAttributes(element, enqueueAttributes, report);
  const task = childElements(element).find((child) => child.name === 'Task');
  const { priority } = task === undefined ? { priority: 0 } : readAttributes(task, taskAttributes, report);
  if (name !== '' && name.length <= MAX_QUEUE_NAME) return { verb: 'Enqueue', name, priority, ...attributes };
  report(schemaProblem(element, `needs the name of a queue, at most ${MAX_QUEUE_NAME} characters, and was skipped`));
  return undefined;
}
