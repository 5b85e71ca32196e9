import { z } from 'zod';
import { httpMethod } from './attributes.ts';
import { ownTextOf, readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Redirect>`: goes on with the document at its URL (absolute or relative; empty means this document's own). */
export const redirectAttributes = z.object({ method: httpMethod.default('POST') });
export type RedirectVerb = { readonly verb: 'Redirect'; readonly url: string } & z.output<typeof redirectAttributes>;

export function readRedirect(element: TwimlElement, report: ReportTwimlProblem): RedirectVerb {
  reportStrangers(element, [], report);
  return { verb: 'Redirect', url: ownTextOf(element), ...readAttributes(element, redirectAttributes, report) };
}
