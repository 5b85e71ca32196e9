import type { Dialog } from '../dialog/index.ts';
import type { HeaderPair, SipRequest } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Endpoint } from '../transport/index.ts';
import { SDP_TYPE } from './core.ts';
import type { Core } from './core.ts';

/** Methods of the IANA registry: what is not among them is 501, what is and is not taken 405 (section 8.2.1). */
const KNOWN_METHODS: ReadonlySet<string> = new Set(
  'ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE'.split(' '),
);

/** The refusal of a method that is not taken here. */
export function refusedMethod(core: Core, method: string): ResponseParts {
  return { status: KNOWN_METHODS.has(method) ? 405 : 501, headers: [['Allow', core.features.allow]] };
}

/** What to refuse a request with for its Require header or its body; undefined when both can be dealt with. */
export function unsupported(core: Core, request: SipRequest): ResponseParts | undefined {
  // Section 8.2.2.3.
  const { supported } = core.features;
  const unknown = request.headers.all('require').filter((tag) => !supported.includes(tag.trim().toLowerCase()));
  if (unknown.length > 0) return { status: 420, headers: [['Unsupported', unknown.join(', ')]] };
  // Section 8.2.3.
  const encoding = request.headers.get('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return { status: 415, headers: [['Accept-Encoding', 'identity']] };
  if (request.body.length === 0) return undefined;
  // Section 21.4.27: S/MIME, for which we have no key.
  if (request.contentType === 'application/pkcs7-mime') return { status: 493 };
  const optional = /handling\s*=\s*optional/i.test(request.headers.get('content-disposition') ?? '');
  if (BODY_IS_SDP.has(request.method) && request.contentType !== SDP_TYPE && !optional)
    return { status: 415, headers: [['Accept', SDP_TYPE]] };
  return undefined;
}

/** Section 12.2.2: a request that was overtaken by a later one. */
export const OUT_OF_ORDER: ResponseParts = {
  status: 500,
  reason: 'CSeq Out Of Order',
  headers: [['Retry-After', '0']],
};

/** What to refuse a request in an early dialog with before anybody looks at its method. Counts its CSeq. */
export function refusedInDialog(core: Core, dialog: Dialog, request: SipRequest): ResponseParts | undefined {
  return dialog.acceptSequence(request) ? unsupported(core, request) : OUT_OF_ORDER;
}

const BODY_IS_SDP: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'PRACK']);

/** Answer to OPTIONS: what we can do (section 11.2). */
export function optionsReply(core: Core, peer: Endpoint): ResponseParts {
  const headers: HeaderPair[] = [
    ...core.selfHeaders(peer),
    ['Accept', `${SDP_TYPE}, message/sipfrag`],
    ['Accept-Encoding', 'identity'],
    ['Accept-Language', 'en'],
    ['Allow-Events', 'refer'],
    ['Server', core.name],
  ];
  return { status: 200, headers };
}

/** Answers with what the application chose; 500 when that cannot be written. */
export function respondSafely(core: Core, transaction: ServerTransaction, parts: ResponseParts): void {
  try {
    transaction.respond(parts);
  } catch (error) {
    core.log.warn({ err: error, status: parts.status }, 'a SIP response could not be written; answered 500');
    transaction.respond({ status: 500, toTag: parts.toTag });
  }
}
