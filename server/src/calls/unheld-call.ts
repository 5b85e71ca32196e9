import type { CallDirection, CallFinalStatus, EndCause } from '@hookswitch/shared';
import type { Clock } from '../kernel/index.ts';
import { endedEventId } from './ended-event.ts';
import type { Callbacks, EventSink, StatusCallback } from './ports.ts';

/** A leg that no process holds: its node died, or none has taken it. */
export interface UnheldCall {
  readonly accountSid: string;
  readonly callSid: string;
  readonly parentCallSid?: string | undefined;
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly applicationSid?: string | undefined;
  readonly statusCallback?: StatusCallback | undefined;
  /** Sequence of its next event. */
  readonly sequence?: number | undefined;
}
export interface UnheldCallEnd {
  readonly status: CallFinalStatus;
  readonly cause: EndCause;
  readonly message: string;
  readonly durationSeconds: number;
}

/**
 * Gives a call its definite end in the place of who cannot: event and status callback. The event's id follows from the
 * call, so that of several ends one is stored, and the callback is sent by whose event that is.
 */
export function endUnheldCall(
  { events, ...parts }: { events: EventSink; callbacks: Callbacks; clock: Clock },
  call: UnheldCall,
  end: UnheldCallEnd,
): void {
  const { accountSid, callSid, parentCallSid, direction, from, to, applicationSid, sequence } = call;
  events.emit({
    accountSid,
    type: 'call.ended',
    subject: callSid,
    id: endedEventId(callSid),
    ...(sequence === undefined ? {} : { sequence }),
    data: {
      callSid,
      ...(parentCallSid === undefined ? {} : { parentCallSid }),
      direction,
      from,
      to,
      ...(applicationSid === undefined ? {} : { applicationSid }),
      ...end,
    },
    onSettled: (_outcome, isAnothers) => {
      if (!isAnothers) reportEnd(parts, call, end);
    },
  });
}

function reportEnd(
  { callbacks, clock }: { callbacks: Callbacks; clock: Clock },
  call: UnheldCall,
  end: UnheldCallEnd,
): void {
  const { accountSid, callSid, parentCallSid, direction, from, to, statusCallback } = call;
  if (statusCallback?.events.includes('completed') !== true) return;
  const params: Record<string, string> = {
    CallSid: callSid,
    AccountSid: accountSid,
    ...(parentCallSid === undefined ? {} : { ParentCallSid: parentCallSid }),
    From: from,
    To: to,
    Caller: from,
    Called: to,
    CallStatus: end.status,
    ApiVersion: '2010-04-01',
    Direction: direction,
    CallbackSource: 'call-progress-events',
    CallDuration: String(end.durationSeconds),
    Duration: String(Math.ceil(end.durationSeconds / 60)),
    Timestamp: new Date(clock.now()).toUTCString().replace('GMT', '+0000'),
  };
  const { url, method } = statusCallback;
  callbacks.send({ accountSid, callSid, url, method, params });
}
