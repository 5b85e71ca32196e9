import { z } from 'zod';
import { whole } from './attributes.ts';
import { readAttributes, reportStrangers } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/** `<Pause>`: waits. As the first verb it lets the caller hear ringing meanwhile: it does not answer the call. */
export const pauseAttributes = z.object({ length: whole(0, 3600).default(1).describe('seconds') });
export type PauseVerb = { readonly verb: 'Pause' } & z.output<typeof pauseAttributes>;

export function readPause(element: TwimlElement, report: ReportTwimlProblem): PauseVerb {
  reportStrangers(element, [], report);
  return { verb: 'Pause', ...readAttributes(element, pauseAttributes, report) };
}
