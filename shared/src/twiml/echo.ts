import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Echo>`: plays to the caller what the caller says, until the call ends. Answers the call. */
export const echoAttributes = z.object({});
export interface EchoVerb {
  readonly verb: 'Echo';
}

export function readEcho(element: TwimlElement, report: ReportTwimlProblem): EchoVerb {
  readAttributes(element, echoAttributes, report);
  reportStrangers(element, [], report);
  return { verb: 'Echo' };
}
