import { z } from 'zod';
import { dtmf, machineDetectionAttributes, nounAttributes } from './attributes.ts';
import { ownTextOf, readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Number>` in Dial: calls a phone number through a trunk. */
export const numberAttributes = z.object({
  ...nounAttributes,
  ...machineDetectionAttributes,
  sendDigits: dtmf.optional().describe('sent when the callee has answered, before the merge'),
  byoc: z.string().optional().describe('has no effect: numbers go out by the trunks of the account'),
});
export type NumberNoun = { readonly noun: 'Number'; readonly number: string } & z.output<typeof numberAttributes>;

export function readNumber(element: TwimlElement, report: ReportTwimlProblem): NumberNoun | undefined {
  reportStrangers(element, [], report);
  const number = ownTextOf(element);
  const attributes = readAttributes(element, numberAttributes, report);
  if (number !== '') return { noun: 'Number', number, ...attributes };
  report(schemaProblem(element, 'holds no number and was skipped'));
  return undefined;
}
