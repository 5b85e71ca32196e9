import type { CallControl, InviteOptions, OutgoingCallListener } from './api.ts';
import type { Core } from './core.ts';
import type { Acceptance } from './exchange.ts';
import type { AnsweredFork } from './forks.ts';
import { customHeaders } from './facts.ts';
import { Session } from './session.ts';
import { NO_MEDIA } from './default-reasons.ts';

export interface PlacedAnswer {
  readonly control: CallControl;
  readonly options: InviteOptions;
  readonly listener: OutgoingCallListener;
  readonly fork: AnsweredFork;
  readonly acceptance: Acceptance;
  readonly closed: () => void;
}

/** Makes the session of an INVITE of ours that was answered. It is to be told to the application by {@link tellAnswer}. */
export function sessionOf({ control, listener, fork, acceptance, closed }: PlacedAnswer): Session {
  const { call, updates } = fork;
  call.peer.learn(acceptance.response);
  return new Session({ call, control, listener: () => listener, updates, acceptance, closed });
}

/** Acknowledges the 2xx, with the answer to its offer where it holds one, and tells the application. */
export function tellAnswer(core: Core, session: Session, answer: PlacedAnswer): void {
  const { call, untold } = answer.fork;
  const { sdp } = answer.acceptance.response;
  if (answer.options.sdp === undefined && call.offerAnswer === 'idle') {
    answerLateOffer(core, session, answer);
    return;
  }
  // A reliable response has brought the answer already: that of the 2xx is the same (section 13.2.1).
  const brought = call.offerAnswer === 'offered' ? sdp : undefined;
  if (call.offerAnswer === 'offered') call.note(brought === undefined ? 'drop' : 'receive-answer');
  session.acknowledge();
  tell(core, answer, brought ?? untold);
}

function answerLateOffer(core: Core, session: Session, answer: PlacedAnswer): void {
  const { call } = answer.fork;
  const { sdp } = answer.acceptance.response;
  call.note('receive-offer');
  ask(answer.listener, sdp)
    .then((description) => {
      call.note('send-answer');
      session.acknowledge(description);
      if (!session.ended) tell(core, answer, sdp);
    })
    .catch((error: unknown) => {
      // Section 13.2.2.4: an offer that cannot be taken is acknowledged all the same, then ended.
      const { callId } = answer.control;
      core.log.warn({ err: error, callId }, 'the offer in a 2xx could not be answered: ending the call');
      call.note('drop');
      session.bye(NO_MEDIA);
    });
}

async function ask(listener: OutgoingCallListener, offer: string | undefined): Promise<string> {
  if (offer === undefined) throw new Error('the 2xx to an INVITE without SDP holds no offer');
  if (listener.onLateOffer === undefined) throw new Error('no onLateOffer listener');
  return listener.onLateOffer(offer);
}

function tell(core: Core, { listener, acceptance }: PlacedAnswer, sdp: string | undefined): void {
  const { status } = acceptance.response;
  const own = customHeaders(acceptance.response);
  core.guard('onAnswered', () => listener.onAnswered?.({ status, sdp, ...own }));
}
