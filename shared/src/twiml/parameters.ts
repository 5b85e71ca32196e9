import { childElements, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** The `<Parameter name= value=>` children of an element; one without a name is reported and left out. */
export function readParameters(element: TwimlElement, report: ReportTwimlProblem): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const child of childElements(element)) {
    if (child.name !== 'Parameter') continue;
    const name = child.attributes['name'];
    if (name === undefined || name === '') report(schemaProblem(child, 'needs a name and was ignored'));
    else parameters[name] = child.attributes['value'] ?? '';
  }
  return parameters;
}
