import { z } from 'zod';
import { flag, nounAttributes } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readParameters } from './parameters.ts';

/** `<Application>` in Dial: connects with an application of the account, which runs a call of its own for it. */
export const applicationAttributes = z.object({
  ...nounAttributes,
  customerId: z
    .string()
    .max(256, 'expected at most 256 characters')
    .optional()
    .describe('CustomerId of its requests (default: the AccountSid)'),
  copyParentTo: flag.default(false).describe("its To is the caller's, not the sid of the application"),
});
export type ApplicationNoun = {
  readonly noun: 'Application';
  readonly applicationSid: string;
  /** Go with its requests as `Param_<name>`. */
  readonly parameters: Readonly<Record<string, string>>;
} & z.output<typeof applicationAttributes>;

export function readApplication(element: TwimlElement, report: ReportTwimlProblem): ApplicationNoun | undefined {
  reportStrangers(element, ['ApplicationSid', 'Parameter'], report);
  const child = childElements(element).find(({ name }) => name === 'ApplicationSid');
  const applicationSid = child === undefined ? ownTextOf(element) : textOf(child);
  const parameters = readParameters(element, report);
  const attributes = readAttributes(element, applicationAttributes, report);
  if (/^AP[0-9a-f]{32}$/.test(applicationSid)) {
    return { noun: 'Application', applicationSid, parameters, ...attributes };
  }
  report(schemaProblem(element, 'needs an <ApplicationSid> (AP and 32 hex digits) and was skipped'));
  return undefined;
}
