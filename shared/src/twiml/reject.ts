import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readParameters } from './parameters.ts';

/** `<Reject>`: turns an incoming call away without answering it. The call ends as `busy`, or as `no-answer` for `rejected`. */
export const rejectAttributes = z.object({
  reason: z.enum(['rejected', 'busy'], 'expected rejected or busy').default('rejected'),
});
export type RejectVerb = {
  readonly verb: 'Reject';
  /** For the Dial that dialled this application: `ReturnParam_<name>` of its action. */
  readonly parameters?: Readonly<Record<string, string>>;
} & z.output<typeof rejectAttributes>;

export function readReject(element: TwimlElement, report: ReportTwimlProblem): RejectVerb {
  reportStrangers(element, ['Parameter'], report);
  const parameters = readParameters(element, report);
  const verb: RejectVerb = { verb: 'Reject', ...readAttributes(element, rejectAttributes, report) };
  return Object.keys(parameters).length === 0 ? verb : { ...verb, parameters };
}
