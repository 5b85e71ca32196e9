import type { EndRequest, LegSipFacts } from '../calls/ports.ts';
import type { CallControl, CallEnd, HeaderField, SipReason } from '../sip/index.ts';
import type { LegCore, LegEnd } from './leg.ts';
import { q850Of } from './sip-status.ts';

/** Reason header of a BYE, CANCEL or refusal of ours. */
export function goodbye(request: EndRequest): SipReason {
  return { protocol: 'Q.850', cause: q850Of(request.cause), text: request.message };
}

/** Most X- headers that are handed on, and the most characters of one. */
const MAX_HEADERS = 20;
const MAX_HEADER_LENGTH = 1024;

/** What the router is told of a far end's final response. */
export function sipFacts(
  call: Pick<CallControl, 'callId'> | undefined,
  headers: readonly HeaderField[] = [],
): LegSipFacts {
  const own = headers.filter(({ value }) => value.length <= MAX_HEADER_LENGTH).slice(0, MAX_HEADERS);
  return { callId: call?.callId ?? '', headers: Object.fromEntries(own.map(({ name, value }) => [name, value])) };
}

/** How an answered SIP call ended, for the router. */
export function endOf(end: CallEnd, core: LegCore): LegEnd {
  const by = end.by === 'local' ? 'local' : 'remote';
  const status = end.sipStatus === undefined ? {} : { sipStatus: end.sipStatus };
  switch (end.cause) {
    case 'bye':
      return { cause: core.hangupCause, message: end.reason?.text ?? 'the far end hung up', by, ...status };
    case 'ack-timeout':
      return { cause: 'connection-lost', message: 'the far end never acknowledged the answer', by, ...status };
    case 'session-expired':
      return { cause: 'connection-lost', message: 'the session was not refreshed in time', by, ...status };
    case 'dialog-gone':
      return { cause: 'connection-lost', message: 'the far end no longer knows the call', by, ...status };
    case 'closed':
      return { cause: 'shutdown', message: 'the SIP stack was closed', by: 'local', ...status };
  }
}

/** Sends DTMF as RFC 4733 events, or by INFO to a peer that agreed on none. */
export function dialDigits(core: LegCore, digits: string, call: Pick<CallControl, 'info'>): void {
  void sendDigits(core, digits, call);
}

async function sendDigits(core: LegCore, digits: string, call: Pick<CallControl, 'info'>): Promise<void> {
  const { media } = core;
  if (media?.kind !== 'sip' || core.isEnded) return;
  try {
    if ((await media.sendDtmf(digits)) !== 'unsupported') return;
    for (const signal of digits.toUpperCase().replace(/[^0-9A-D*#]/g, '')) {
      await call.info('application/dtmf-relay', `Signal=${signal}\r\nDuration=160\r\n`);
    }
  } catch (error) {
    core.log.warn({ err: error }, 'digits could not be sent');
  }
}
