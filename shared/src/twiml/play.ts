import { z } from 'zod';
import { dtmf, whole } from './attributes.ts';
import { ownTextOf, readAttributes, reportStrangers, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Play>`: plays a recording by URL, or sends tones with `digits`. Answers the call. */
export const playAttributes = z.object({
  loop: whole(0, 1000).default(1).describe('times; 0 repeats until the call ends'),
  digits: dtmf.optional(),
});
export type PlayVerb = {
  readonly verb: 'Play';
  /** Empty only with `digits`. Absolute, or relative to the document. */
  readonly url: string;
} & z.output<typeof playAttributes>;

export function readPlay(element: TwimlElement, report: ReportTwimlProblem): PlayVerb | undefined {
  reportStrangers(element, [], report);
  const verb: PlayVerb = {
    verb: 'Play',
    url: ownTextOf(element),
    ...readAttributes(element, playAttributes, report),
  };
  if (verb.url !== '' || verb.digits !== undefined) return verb;
  report(schemaProblem(element, 'has neither a URL nor digits and was skipped'));
  return undefined;
}
