import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Hangup>`: ends the call. */
export const hangupAttributes = z.object({});
export interface HangupVerb {
  readonly verb: 'Hangup';
}

export function readHangup(element: TwimlElement, report: ReportTwimlProblem): HangupVerb {
  readAttributes(element, hangupAttributes, report);
  reportStrangers(element, ['Parameter'], report);
  return { verb: 'Hangup' };
}
