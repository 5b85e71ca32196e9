import { z } from 'zod';
import { httpMethod, urlReference } from './attributes.ts';
import { childElements, readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Refer>`: asks the caller's SIP peer to call somebody else in our place (RFC 3515). */
export const referAttributes = z.object({
  action: urlReference.optional().describe('asked for instructions when the outcome is known'),
  method: httpMethod.default('POST'),
});
export type ReferVerb = { readonly verb: 'Refer'; readonly uri: string } & z.output<typeof referAttributes>;

export function readRefer(element: TwimlElement, report: ReportTwimlProblem): ReferVerb | undefined {
  reportStrangers(element, ['Sip'], report);
  const attributes = readAttributes(element, referAttributes, report);
  const targets = childElements(element).filter((child) => child.name === 'Sip');
  if (targets.length > 1) report(schemaProblem(element, 'only the first <Sip> is used'));
  const uri = targets[0] === undefined ? '' : textOf(targets[0]);
  if (!/^sips?:[^\s<>"?]+$/i.test(uri)) {
    report(schemaProblem(element, 'needs one <Sip> with a SIP URI and no headers; it was skipped'));
    return undefined;
  }
  return { verb: 'Refer', uri, ...attributes };
}
