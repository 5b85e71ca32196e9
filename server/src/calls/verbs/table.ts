import type { TwimlVerb } from '@hookswitch/shared';
import type { InternalVerb } from './apology.ts';
import { apology } from './apology.ts';
import { dial } from './dial.ts';
import { hangup } from './hangup.ts';
import { pause } from './pause.ts';
import { play } from './play.ts';
import { redirect } from './redirect.ts';
import { reject } from './reject.ts';
import { say } from './say.ts';
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
  Dial: erase(dial),
  Hangup: erase(hangup),
  Pause: erase(pause),
  Play: erase(play),
  Redirect: erase(redirect),
  Reject: erase(reject),
  Say: erase(say),
};

export function verbFor(instruction: AnyVerb): ErasedVerb {
  return VERBS[instruction.verb];
}
