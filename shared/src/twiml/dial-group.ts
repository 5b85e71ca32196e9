import type { z } from 'zod';
import { readConference } from './conference.ts';
import type { ConferenceNoun } from './conference.ts';
import { dialAttributes, readDial } from './dial.ts';
import type { DialVerb } from './dial.ts';
import { childElements, readAttributes, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readQueue } from './queue.ts';
import type { QueueNoun } from './queue.ts';

type DialAttributes = z.output<typeof dialAttributes>;

/** `<Dial><Conference>`: events name it by its noun. */
export type ConferenceVerb = {
  readonly verb: 'Conference';
  readonly dial: DialAttributes;
  readonly conference: ConferenceNoun;
};
/** `<Dial><Queue>`: events name it by its noun. */
export type QueueVerb = { readonly verb: 'Queue'; readonly dial: DialAttributes; readonly queue: QueueNoun };

/** `<Dial>` of any kind. A conference or a queue is dialled alone: what stands beside it is reported and left out. */
export function readAnyDial(
  element: TwimlElement,
  report: ReportTwimlProblem,
): DialVerb | ConferenceVerb | QueueVerb | undefined {
  const children = childElements(element);
  const group = children.find(({ name }) => name === 'Conference' || name === 'Queue');
  if (group === undefined) return readDial(element, report);
  if (children.length > 1) {
    report(schemaProblem(element, `<${group.name}> is dialled alone; what stands beside it was left out`));
  }
  const dial = readAttributes(element, dialAttributes, report);
  if (group.name === 'Conference') {
    const conference = readConference(group, report);
    return conference === undefined ? undefined : { verb: 'Conference', dial, conference };
  }
  const queue = readQueue(group, report);
  return queue === undefined ? undefined : { verb: 'Queue', dial, queue };
}
