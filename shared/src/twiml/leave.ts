import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Leave>`: in the instructions of a waiting call, takes it out of the queue. */
export const leaveAttributes = z.object({});
export type LeaveVerb = { readonly verb: 'Leave' };

export function readLeave(element: TwimlElement, report: ReportTwimlProblem): LeaveVerb {
  reportStrangers(element, [], report);
  readAttributes(element, leaveAttributes, report);
  return { verb: 'Leave' };
}
