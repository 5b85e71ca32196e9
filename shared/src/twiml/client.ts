import { z } from 'zod';
import { nounAttributes } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readParameters } from './parameters.ts';

/** `<Client>` in Dial: rings the devices of an identity, or of every identity below `prefix/*`. */
export const clientAttributes = z.object(nounAttributes);
export type ClientNoun = {
  readonly noun: 'Client';
  readonly identity: string;
  /** Handed to the device that rings. */
  readonly parameters: Readonly<Record<string, string>>;
} & z.output<typeof clientAttributes>;

export function readClient(element: TwimlElement, report: ReportTwimlProblem): ClientNoun | undefined {
  reportStrangers(element, ['Identity', 'Parameter'], report);
  const parameters = readParameters(element, report);
  const named = childElements(element).findLast((child) => child.name === 'Identity');
  const identity = named === undefined ? ownTextOf(element) : textOf(named);
  const attributes = readAttributes(element, clientAttributes, report);
  if (identity !== '') return { noun: 'Client', identity, parameters, ...attributes };
  report(schemaProblem(element, 'names no identity and was skipped'));
  return undefined;
}
