import type { AnyMessage, SipUri, Uri } from '../../message/index.ts';

function sip(uri: Uri | undefined): SipUri | undefined {
  return uri?.scheme === 'sip' || uri?.scheme === 'sips' ? uri : undefined;
}

/** What cases of a torture test may state of a message, by name. */
const READERS: Readonly<Record<string, (message: AnyMessage) => unknown>> = {
  kind: (message) => message.kind,
  method: (message) => message.kind === 'request' && message.method,
  status: (message) => message.kind === 'response' && message.status,
  reason: (message) => message.kind === 'response' && message.reason,
  user: (message) => message.kind === 'request' && sip(message.parsedUri)?.user,
  host: (message) => message.kind === 'request' && sip(message.parsedUri)?.host,
  port: (message) => (message.kind === 'request' ? sip(message.parsedUri)?.port : false),
  maxForwards: (message) => (message.kind === 'request' ? message.maxForwards : false),
  callId: (message) => message.callId,
  cseq: (message) => message.cseq,
  fromTag: (message) => message.fromTag,
  fromTagLength: (message) => message.fromTag?.length,
  fromName: (message) => message.from?.displayName,
  toTag: (message) => message.toTag,
  toName: (message) => message.to?.displayName,
  toUri: (message) => message.to?.uri,
  toUser: (message) => sip(message.to?.uri)?.user,
  vias: (message) => message.headers.all('via').length,
  viaHost: (message) => message.via?.host,
  viaPort: (message) => message.via?.port,
  viaParams: (message) => message.via?.params.size,
  branch: (message) => message.via?.params.get('branch'),
  received: (message) => message.via?.params.get('received'),
  contacts: (message) => message.headers.all('contact').length,
  contactHost: (message) => sip(message.contact?.uri)?.host,
  contactParams: (message) => message.contact?.params.size,
  contactUriParams: (message) => sip(message.contact?.uri)?.params.size,
  contactUriHeaders: (message) => sip(message.contact?.uri)?.headers,
  accepts: (message) => message.headers.all('accept').length,
  contentType: (message) => message.contentType,
  body: (message) => message.body,
  bodyLength: (message) => message.body.length,
  sdp: (message) => message.sdp,
};

/** The same with a name behind a colon, for example `header:subject`. */
const NAMED: Readonly<Record<string, (message: AnyMessage, name: string) => unknown>> = {
  header: (message, name) => message.headers.get(name),
  fromParam: (message, name) => message.from?.params.get(name),
  toParam: (message, name) => message.to?.params.get(name),
  contactParam: (message, name) => message.contact?.params.get(name),
  contactUriParam: (message, name) => sip(message.contact?.uri)?.params.get(name),
};

/** A fact of a message. @throws Error for a name that is none */
export function readFact(message: AnyMessage, fact: string): unknown {
  const colon = fact.indexOf(':');
  const named = NAMED[fact.slice(0, Math.max(0, colon))];
  if (named !== undefined) return named(message, fact.slice(colon + 1));
  const reader = READERS[fact];
  if (reader === undefined) throw new Error(`no fact is called ${fact}`);
  return reader(message);
}
