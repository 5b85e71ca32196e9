import { HeaderList, SipMessageError } from './header-list.ts';
import { breaksLine, isToken } from './lexical.ts';
import { parseUri } from './uri.ts';
import type { Uri } from './uri.ts';
import { parseCSeq, parseNameAddr, parseNumber, parseVia } from './values.ts';
import type { CSeq, NameAddr, Via } from './values.ts';

export const NO_BODY: Buffer = Buffer.alloc(0);

/** What both kinds of message share. Accessors answer undefined for what is missing or malformed. */
abstract class SipMessage {
  readonly headers: HeaderList;
  body: Buffer;

  constructor(headers: HeaderList, body: Buffer) {
    this.headers = headers;
    this.body = body;
  }

  get callId(): string | undefined {
    return this.headers.get('call-id');
  }

  /** The topmost Via. */
  get via(): Via | undefined {
    return this.headers.typed('via', parseVia);
  }

  get cseq(): CSeq | undefined {
    return this.headers.typed('cseq', parseCSeq);
  }

  get from(): NameAddr | undefined {
    return this.headers.typed('from', parseNameAddr);
  }

  get to(): NameAddr | undefined {
    return this.headers.typed('to', parseNameAddr);
  }

  get fromTag(): string | undefined {
    return this.from?.params.get('tag');
  }

  get toTag(): string | undefined {
    return this.to?.params.get('tag');
  }

  /** The first Contact; undefined for `*` too. */
  get contact(): NameAddr | undefined {
    return this.headers.typed('contact', parseNameAddr);
  }

  /** Media type in lower case without parameters; empty when there is none. */
  get contentType(): string {
    return (this.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  /** The body as text when it is SDP. */
  get sdp(): string | undefined {
    return this.body.length > 0 && this.contentType === 'application/sdp' ? this.body.toString('utf8') : undefined;
  }
}

export class SipRequest extends SipMessage {
  readonly kind = 'request';
  readonly method: string;
  /** As written. */
  readonly uri: string;
  #parsedUri: Uri | undefined;
  #uriRead = false;

  constructor(start: { method: string; uri: string }, headers: HeaderList, body: Buffer = NO_BODY) {
    super(headers, body);
    this.method = start.method;
    this.uri = start.uri;
  }

  /** Undefined when malformed. */
  get parsedUri(): Uri | undefined {
    if (!this.#uriRead) {
      this.#uriRead = true;
      this.#parsedUri = parseUri(this.uri);
    }
    return this.#parsedUri;
  }

  get maxForwards(): number | undefined {
    return this.headers.typed('max-forwards', parseNumber);
  }
}

export class SipResponse extends SipMessage {
  readonly kind = 'response';
  readonly status: number;
  readonly reason: string;

  constructor(start: { status: number; reason: string }, headers: HeaderList, body: Buffer = NO_BODY) {
    super(headers, body);
    this.status = start.status;
    this.reason = start.reason;
  }
}

export type AnyMessage = SipRequest | SipResponse;

/** A header line to be written, name and value. */
export type HeaderPair = readonly [name: string, value: string];

/** @throws SipMessageError when method, URI or a header cannot be written */
export function createRequest(
  start: { method: string; uri: string },
  headers: readonly HeaderPair[],
  body: Buffer = NO_BODY,
): SipRequest {
  // What parseUri takes can be written: a space beyond ASCII ends no request line.
  if (!isToken(start.method) || /[\u0000-\u0020\u007f]/.test(start.uri) || start.uri === '')
    throw new SipMessageError('bad-start-line', `cannot write the request line ${JSON.stringify(start)}`);
  return new SipRequest(start, listOf(headers), body);
}

/** @throws SipMessageError when the reason or a header cannot be written */
export function createResponse(
  start: { status: number; reason?: string },
  headers: readonly HeaderPair[],
  body: Buffer = NO_BODY,
): SipResponse {
  const reason = start.reason ?? reasonPhrase(start.status);
  if (!Number.isInteger(start.status) || start.status < 100 || start.status > 699 || breaksLine(reason))
    throw new SipMessageError('bad-start-line', `cannot write the status line ${JSON.stringify(start)}`);
  return new SipResponse({ status: start.status, reason }, listOf(headers), body);
}

function listOf(headers: readonly HeaderPair[]): HeaderList {
  const list = new HeaderList();
  for (const [name, value] of headers) list.append(name, value);
  return list;
}

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  305: 'Use Proxy',
  380: 'Alternative Service',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
};

/** The usual reason phrase of a status. */
export function reasonPhrase(status: number): string {
  return PHRASES[status] ?? 'Unknown';
}
