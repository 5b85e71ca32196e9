import { childElements, ownTextOf, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { readDial } from './dial.ts';
import type { DialVerb } from './dial.ts';
import { readHangup } from './hangup.ts';
import type { HangupVerb } from './hangup.ts';
import { readPause } from './pause.ts';
import type { PauseVerb } from './pause.ts';
import { readPlay } from './play.ts';
import type { PlayVerb } from './play.ts';
import { readRedirect } from './redirect.ts';
import type { RedirectVerb } from './redirect.ts';
import { readReject } from './reject.ts';
import type { RejectVerb } from './reject.ts';
import { readSay } from './say.ts';
import type { SayVerb } from './say.ts';

export type TwimlVerb = DialVerb | HangupVerb | PauseVerb | PlayVerb | RedirectVerb | RejectVerb | SayVerb;

type Reader = (element: TwimlElement, report: ReportTwimlProblem) => TwimlVerb | undefined;

/** Every verb this version runs, by element name. */
const VERBS: Readonly<Record<TwimlVerb['verb'], Reader>> = {
  Dial: readDial,
  Hangup: readHangup,
  Pause: readPause,
  Play: readPlay,
  Redirect: readRedirect,
  Reject: readReject,
  Say: readSay,
};

/** The verbs of a `<Response>`, in document order. Unknown ones are reported and left out. */
export function readResponse(response: TwimlElement, report: ReportTwimlProblem): TwimlVerb[] {
  if (ownTextOf(response) !== '') report(schemaProblem(response, 'holds text outside of any verb; it was ignored'));
  const verbs: TwimlVerb[] = [];
  for (const child of childElements(response)) {
    const read = Object.hasOwn(VERBS, child.name) ? VERBS[child.name as TwimlVerb['verb']] : undefined;
    if (read === undefined) {
      report(schemaProblem(child, 'is not a verb that this version knows; it was skipped'));
      continue;
    }
    const verb = read(child, report);
    if (verb !== undefined) verbs.push(verb);
  }
  return verbs;
}
