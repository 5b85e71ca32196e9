import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Reject>`: turns an incoming call away without answering it. The call ends as `busy`, or as `no-answer` for `rejected`. */
export const rejectAttributes = z.object({
  reason: z.enum(['rejected', 'busy'], 'expected rejected or busy').default('rejected'),
});
export type RejectVerb = { readonly verb: 'Reject' } & z.output<typeof rejectAttributes>;

export function readReject(element: TwimlElement, report: ReportTwimlProblem): RejectVerb {
  reportStrangers(element, ['Parameter'], report);
  return { verb: 'Reject', ...readAttributes(element, rejectAttributes, report) };
}
