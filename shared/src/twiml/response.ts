import { childElements, ownTextOf, schemaProblem } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import type { DialVerb } from './dial.ts';
import { readAnyDial } from './dial-group.ts';
import type { ConferenceVerb, QueueVerb } from './dial-group.ts';
import { readConnect } from './connect.ts';
import type { ConnectVerb } from './connect.ts';
import { readEcho } from './echo.ts';
import type { EchoVerb } from './echo.ts';
import { readEnqueue } from './enqueue.ts';
import type { EnqueueVerb } from './enqueue.ts';
import { readGather } from './gather.ts';
import type { GatherVerb } from './gather.ts';
import { readHangup } from './hangup.ts';
import type { HangupVerb } from './hangup.ts';
import { readLeave } from './leave.ts';
import type { LeaveVerb } from './leave.ts';
import { readPause } from './pause.ts';
import type { PauseVerb } from './pause.ts';
import { readPlay } from './play.ts';
import type { PlayVerb } from './play.ts';
import { readRecord } from './record.ts';
import type { RecordVerb } from './record.ts';
import { readRedirect } from './redirect.ts';
import type { RedirectVerb } from './redirect.ts';
import { readRefer } from './refer.ts';
import type { ReferVerb } from './refer.ts';
import { readReject } from './reject.ts';
import type { RejectVerb } from './reject.ts';
import { readStart } from './start.ts';
import type { StartVerb } from './start.ts';
import { readStop } from './stop.ts';
import type { StopVerb } from './stop.ts';
import { readSay } from './say.ts';
import type { SayVerb } from './say.ts';

export type TwimlVerb =
  | EchoVerb
  | GatherVerb
  | RecordVerb
  | ConferenceVerb
  | QueueVerb
  | EnqueueVerb
  | LeaveVerb
  | DialVerb
  | HangupVerb
  | PauseVerb
  | PlayVerb
  | RedirectVerb
  | ReferVerb
  | RejectVerb
  | SayVerb
  | ConnectVerb
  | StartVerb
  | StopVerb;

type Reader = (element: TwimlElement, report: ReportTwimlProblem) => TwimlVerb | undefined;

/** Every verb this version runs, by element name. */
const VERBS: Readonly<Record<Exclude<TwimlVerb['verb'], 'Conference' | 'Queue'>, Reader>> = {
  Connect: readConnect,
  Dial: readAnyDial,
  Echo: readEcho,
  Enqueue: readEnqueue,
  Gather: readGather,
  Leave: readLeave,
  Hangup: readHangup,
  Pause: readPause,
  Play: readPlay,
  Record: readRecord,
  Redirect: readRedirect,
  Refer: readRefer,
  Reject: readReject,
  Say: readSay,
  Start: readStart,
  Stop: readStop,
};

/** The verbs of a `<Response>`, in document order. Unknown ones are reported and left out. */
export function readResponse(response: TwimlElement, report: ReportTwimlProblem): TwimlVerb[] {
  if (ownTextOf(response) !== '') report(schemaProblem(response, 'holds text outside of any verb; it was ignored'));
  const verbs: TwimlVerb[] = [];
  for (const child of childElements(response)) {
    const read = Object.hasOwn(VERBS, child.name) ? VERBS[child.name as keyof typeof VERBS] : undefined;
    if (read === undefined) {
      report(schemaProblem(child, 'is not a verb that this version knows; it was skipped'));
      continue;
    }
    const verb = read(child, report);
    if (verb !== undefined) verbs.push(verb);
  }
  return verbs;
}
