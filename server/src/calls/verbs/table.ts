import type { TwimlVerb } from '@hookswitch/shared';
import type { InternalVerb } from './apology.ts';
import { apology } from './apology.ts';
import { conference } from './conference.ts';
import { connect } from './connect.ts';
import { dial } from './dial.ts';
import { enqueue } from './enqueue.ts';
import { echo } from './echo.ts';
import { gather } from './gather.ts';
import { hangup } from './hangup.ts';
import { leave } from './leave.ts';
import { pause } from './pause.ts';
import { play } from './play.ts';
import { queue } from './queue.ts';
import { record } from './record.ts';
import { redirect } from './redirect.ts';
import { refer } from './refer.ts';
import { reject } from './reject.ts';
import { say } from './say.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import type { Verb } from './verb.ts';

type AnyVerb = TwimlVerb | InternalVerb;

/** Verbs with the types of instruction and memory forgotten: the interpreter hands back only what the same verb gave it. */
export type ErasedVerb = Verb<AnyVerb, unknown>;

function erase<V extends AnyVerb, M>(verb: Verb<V, M>): ErasedVerb {
  return verb;
}

/** Every verb the interpreter runs. A new verb is a file here, a schema in shared/ and a row. */
const VERBS: Readonly<Record<AnyVerb['verb'], ErasedVerb>> = {
  Apology: erase(apology),
  Conference: erase(conference),
  Connect: erase(connect),
  Dial: erase(dial),
  Enqueue: erase(enqueue),
  Hangup: erase(hangup),
  Leave: erase(leave),
  Echo: erase(echo),
  Gather: erase(gather),
  Pause: erase(pause),
  Play: erase(play),
  Queue: erase(queue),
  Record: erase(record),
  Redirect: erase(redirect),
  Refer: erase(refer),
  Reject: erase(reject),
  Say: erase(say),
  Start: erase(start),
  Stop: erase(stop),
};

export function verbFor(instruction: AnyVerb): ErasedVerb {
  return VERBS[instruction.verb];
}
