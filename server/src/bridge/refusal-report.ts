import { sidFromHex } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { RequestFacts } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';
import type { Refusal } from './trunks/index.ts';

/** Whose call was refused, as far as it is known. */
export interface RefusedCall {
  readonly accountSid?: string;
  readonly trunkSid?: string;
  /** Default: a new one. */
  readonly callSid?: string;
  readonly from: string;
  readonly to: string;
}

/** Tells of a call that was not taken: one line in the log, a metric and, when the account is known, an event. */
export function reportRefusal(
  context: Pick<HostContext, 'log' | 'events' | 'random' | 'trunks'>,
  request: Pick<RequestFacts, 'callId' | 'source'>,
  refused: Refusal,
  call: RefusedCall,
): void {
  const { kind, status, problem, hint } = refused;
  const { accountSid, trunkSid, from, to } = call;
  const sourceIp = request.source.address;
  context.trunks.metrics.refused.inc({ reason: kind });
  context.log.warn(
    {
      ...(accountSid === undefined ? {} : { accountSid }),
      ...(trunkSid === undefined ? {} : { trunk: trunkSid }),
      source: sourceIp,
      from,
      to,
      sipCallId: request.callId,
      sipStatus: status,
      reason: kind,
      hint,
    },
    `call refused: ${problem}`,
  );
  if (accountSid === undefined) return;
  const callSid = call.callSid ?? sidFromHex('call', randomHex(context.random, 16));
  context.events.emit({
    accountSid,
    type: 'call.refused',
    subject: callSid,
    data: {
      callSid,
      direction: 'inbound',
      from,
      to,
      sipCallId: request.callId,
      sourceIp,
      ...(trunkSid === undefined ? {} : { trunkSid }),
      reason: kind,
      sipStatus: status,
      message: problem,
      hint,
    },
  });
}
