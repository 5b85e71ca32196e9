import type { HeaderField, SipReason } from '../../sip/index.ts';

/** Everything that this server refuses a call for. */
export type RefusalKind =
  | 'shutting-down'
  | 'unknown-source'
  | 'credentials-needed'
  | 'credentials-wrong'
  | 'credentials-malformed'
  | 'account-inactive'
  | 'number-unknown'
  | 'number-without-application'
  | 'application-missing'
  | 'channels-full'
  | 'node-full'
  | 'takeover-unknown'
  | 'takeover-refused'
  | 'takeover-early'
  | 'bad-offer'
  | 'no-common-media'
  | 'no-media'
  | 'internal';

interface RefusalRow {
  readonly status: number;
  /** ITU-T Q.850 cause, as RFC 6432 carries it in a response. */
  readonly q850: number;
  /** Sent to the peer in the Reason header: a sentence that tells nothing about the configuration. */
  readonly text: string;
  /** What the operator can do. */
  readonly hint: string;
  /** Seconds, for Retry-After (RFC 3261 section 21.5.4). */
  readonly retryAfter?: number;
}

/** RFC 3398 section 8.2.6 and ITU-T Q.850 for the causes. */
export const REFUSALS: Readonly<Record<RefusalKind, RefusalRow>> = {
  'shutting-down': {
    status: 503,
    q850: 38,
    text: 'this server is shutting down or starting: try another one',
    hint: 'nothing to do: calls are taken again when the server is up',
    retryAfter: 5,
  },
  'unknown-source': {
    status: 403,
    q850: 21,
    text: 'calls from this address are not allowed here',
    hint: 'if this is a carrier, add its address: hookswitch trunks update TRUNK --allow ADDRESS/32; if it is a scanner, nothing',
  },
  'credentials-needed': {
    status: 401,
    q850: 21,
    text: 'authentication is required',
    hint: "the carrier has to answer the challenge with the trunk's inbound user and secret",
  },
  'credentials-wrong': {
    status: 403,
    q850: 21,
    text: 'user name or password is wrong',
    hint: 'compare the inbound user and secret of the trunk with those at the carrier: hookswitch trunks show TRUNK',
  },
  'credentials-malformed': {
    status: 400,
    q850: 111,
    text: 'the credentials cannot be read',
    hint: 'the Authorization header of the INVITE is malformed: the trace shows it; tell the carrier',
  },
  'account-inactive': {
    status: 403,
    q850: 21,
    text: 'this number is not in service',
    hint: 'the account is suspended or closed: hookswitch accounts activate ACCOUNT',
  },
  'number-unknown': {
    status: 404,
    q850: 1,
    text: 'this number is not assigned here',
    hint: "create the number (hookswitch numbers add), or set the trunk's number plan so that it is read as intended",
  },
  'number-without-application': {
    status: 480,
    q850: 31,
    text: 'nobody takes calls of this number yet',
    hint: 'assign an application to the number',
  },
  'application-missing': {
    status: 480,
    q850: 31,
    text: 'nobody takes calls of this number at the moment',
    hint: 'the application of the number was deleted: assign another one',
  },
  'channels-full': {
    status: 503,
    q850: 34,
    text: 'all channels of this trunk are in use',
    hint: 'raise the limit (hookswitch trunks update TRUNK --channels N) or wait for calls to end',
    retryAfter: 5,
  },
  'node-full': {
    status: 503,
    q850: 42,
    text: 'this server has as many calls as it may have: try another one',
    hint: 'raise --call-capacity if the machine can do more, or start another call node',
    retryAfter: 5,
  },
  'takeover-unknown': {
    status: 481,
    q850: 31,
    text: 'there is no such call to take over',
    hint: 'the call of the Replaces header is of another account, or has ended: the trace shows the header',
  },
  'takeover-refused': {
    status: 403,
    q850: 21,
    text: 'taking over calls is not allowed to this peer',
    hint: 'let the carrier transfer calls: hookswitch trunks update TRUNK --transfers allow',
  },
  'takeover-early': {
    status: 486,
    q850: 17,
    text: 'the call is not answered yet, or has no SIP peer that could be replaced',
    hint: 'only answered calls can be taken over (RFC 3891)',
  },
  'bad-offer': {
    status: 400,
    q850: 100,
    text: 'the session description cannot be read',
    hint: 'the SDP of the INVITE is malformed: the trace shows it; tell the carrier',
  },
  'no-common-media': {
    status: 488,
    q850: 88,
    text: 'no audio format in common: PCMU or PCMA is needed, encrypted as agreed for this trunk',
    hint: 'compare codecs and srtp of the trunk with what the carrier offers',
  },
  'no-media': {
    status: 503,
    q850: 41,
    text: 'no media could be set up',
    hint: 'see the log line before: RTP ports used up, or no media worker',
    retryAfter: 5,
  },
  internal: {
    status: 500,
    q850: 41,
    text: 'an internal error',
    hint: 'see the error in the log and report it',
  },
};

/** One refusal, as answered, logged and published. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly status: number;
  /** For the peer. */
  readonly text: string;
  /** For the operator: what, where. */
  readonly problem: string;
  /** For the operator: what to do. */
  readonly hint: string;
  readonly reason: SipReason;
  /** Retry-After, WWW-Authenticate. */
  readonly headers: readonly HeaderField[];
}

/** @param problem what happened where, for the operator */
export function refusal(kind: RefusalKind, problem: string, headers: readonly HeaderField[] = []): Refusal {
  const { status, q850, text, hint, retryAfter } = REFUSALS[kind];
  return {
    kind,
    status,
    text,
    problem,
    hint,
    reason: { protocol: 'Q.850', cause: q850, text },
    headers: [...(retryAfter === undefined ? [] : [{ name: 'Retry-After', value: String(retryAfter) }]), ...headers],
  };
}

/** The refusal for a status that the session description earned. */
export function offerRefusal(status: number, problem: string, warning?: string): Refusal {
  const of = refusal(status === 488 || status === 415 ? 'no-common-media' : 'bad-offer', problem);
  const headers = warning === undefined ? of.headers : [...of.headers, { name: 'Warning', value: warning }];
  return { ...of, status, headers };
}

/** A Reason header value (RFC 3326), for verdicts that are given as header lines. */
export function reasonField({ protocol, cause, text }: SipReason): HeaderField {
  const quoted = (text ?? '').replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?');
  return { name: 'Reason', value: `${protocol};cause=${String(cause ?? 0)};text="${quoted}"` };
}
