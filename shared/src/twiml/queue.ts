import { z } from 'zod';
import { httpMethod, urlReference } from './attributes.ts';
import { readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Queue>` in Dial: connects with whoever is first in the queue. */
export const queueAttributes = z.object({
  url: urlReference.optional().describe('instructions run for the queued caller before the two are connected'),
  method: httpMethod.default('POST'),
  reservationSid: z.string().optional().describe('has no effect'),
  postWorkActivitySid: z.string().optional().describe('has no effect'),
});
export type QueueNoun = { readonly noun: 'Queue'; readonly name: string } & z.output<typeof queueAttributes>;

/** Longest name of a queue, characters. */
export const MAX_QUEUE_NAME = 64;

export function readQueue(element: TwimlElement, report: ReportTwimlProblem): QueueNoun | undefined {
  reportStrangers(element, [], report);
  const name = textOf(element);
  if (name !== '' && name.length <= MAX_QUEUE_NAME) {
    return { noun: 'Queue', name, ...readAttributes(element, queueAttributes, report) };
  }
  report(schemaProblem(element, `needs a name of at most ${MAX_QUEUE_NAME} characters and was skipped`));
  return undefined;
}
