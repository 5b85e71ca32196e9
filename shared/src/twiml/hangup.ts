import { z } from 'zod';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readParameters } from './parameters.ts';

/** `<Hangup>`: ends the call. */
export const hangupAttributes = z.object({});
export interface HangupVerb {
  readonly verb: 'Hangup';
  /** For the Dial that dialled this application: `ReturnParam_<name>` of its action. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export function readHangup(element: TwimlElement, report: ReportTwimlProblem): HangupVerb {
  readAttributes(element, hangupAttributes, report);
  reportStrangers(element, ['Parameter'], report);
  const parameters = readParameters(element, report);
  return Object.keys(parameters).length === 0 ? { verb: 'Hangup' } : { verb: 'Hangup', parameters };
}
