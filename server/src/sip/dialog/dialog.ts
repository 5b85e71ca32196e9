import { createRequest, formatNameAddr, formatUri, parseNameAddr } from '../message/index.ts';
import type { HeaderPair, NameAddr, SipRequest, SipResponse, SipUri, Uri } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { DialogId } from './replaces.ts';

/** Local part of a dialog: who we are in it. */
export interface DialogSelf {
  readonly localTag: string;
  /** Contact URI we gave. */
  readonly contact: string;
  /** Where requests go unless the peer recorded a route: the flow of a phone, whose Contact may be unreachable. */
  readonly flow?: Endpoint | undefined;
}

interface DialogFacts extends DialogSelf {
  readonly callId: string;
  readonly remoteTag: string;
  /** From or To of our requests, without tag. */
  readonly local: NameAddr;
  readonly remote: NameAddr;
  readonly remoteTarget: Uri;
  readonly routes: readonly NameAddr[];
  readonly localSequence: number;
  readonly remoteSequence: number | undefined;
}

/** Key of a dialog in a table: Call-ID, local tag, remote tag (RFC 3261 section 12). */
export function dialogKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}|${localTag}|${remoteTag}`;
}

/** The dialog that a request of the peer belongs to. */
export function dialogKeyOfRequest(request: SipRequest): string {
  return dialogKey(request.callId ?? '', request.toTag ?? '', request.fromTag ?? '');
}

/**
 * One dialog: sequence numbers, route set, remote target (section 12). Early or confirmed is its user's business. The
 * route set is used as it was recorded: of the two values of a proxy between two transports (RFC 5658) ours is the first.
 */
export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly contact: string;
  readonly #flow: Endpoint | undefined;
  readonly #local: NameAddr;
  readonly #remote: NameAddr;
  #routes: readonly NameAddr[];
  #remoteTarget: Uri;
  #localSequence: number;
  #remoteSequence: number | undefined;

  private constructor(facts: DialogFacts) {
    this.callId = facts.callId;
    this.localTag = facts.localTag;
    this.remoteTag = facts.remoteTag;
    this.contact = facts.contact;
    this.#flow = facts.flow;
    this.#local = facts.local;
    this.#remote = facts.remote;
    this.#remoteTarget = facts.remoteTarget;
    this.#routes = facts.routes;
    this.#localSequence = facts.localSequence;
    this.#remoteSequence = facts.remoteSequence;
  }

  /** UAS side (section 12.1.1). Undefined when the request lacks what a dialog needs, a usable Contact above all. */
  static ofRequest(request: SipRequest, self: DialogSelf): Dialog | undefined {
    const { callId, from, to, contact, cseq } = request;
    const routes = readRoutes(request.headers.all('record-route'));
    if (callId === undefined || from === undefined || to === undefined || contact === undefined || routes === undefined)
      return undefined;
    return new Dialog({
      ...self,
      callId,
      // A peer of RFC 2543 may send no From tag: then it is empty (section 12.1.1).
      remoteTag: request.fromTag ?? '',
      local: bare(to),
      remote: bare(from),
      remoteTarget: contact.uri,
      routes,
      localSequence: 0,
      remoteSequence: cseq?.number,
    });
  }

  /**
   * UAC side (section 12.1.2). Undefined when a Record-Route of the response is unusable.
   * DEVIATION: a 2xx without Contact breaks section 12.1.1; the Request-URI then stands in, or it could not be ended.
   */
  static ofResponse(request: SipRequest, response: SipResponse, self: DialogSelf): Dialog | undefined {
    const { callId, from, to, cseq } = request;
    const routes = readRoutes(response.headers.all('record-route'))?.reverse();
    const target = response.contact?.uri ?? request.parsedUri;
    if (callId === undefined || from === undefined || to === undefined || target === undefined || routes === undefined)
      return undefined;
    return new Dialog({
      ...self,
      callId,
      remoteTag: response.toTag ?? '',
      local: bare(from),
      remote: bare(to),
      remoteTarget: target,
      routes,
      localSequence: cseq?.number ?? 1,
      remoteSequence: undefined,
    });
  }

  get key(): string {
    return dialogKey(this.callId, this.localTag, this.remoteTag);
  }

  get id(): DialogId {
    return { callId: this.callId, localTag: this.localTag, remoteTag: this.remoteTag };
  }

  /** Our side: From of our requests, without tag. */
  get local(): NameAddr {
    return this.#local;
  }

  get remoteTarget(): Uri {
    return this.#remoteTarget;
  }

  /** Where requests go first: the first route, else the flow, else the remote target (section 8.1.2). */
  get nextHop(): Uri | Endpoint {
    return this.#routes[0]?.uri ?? this.#flow ?? this.#remoteTarget;
  }

  /** A request inside the dialog with the next CSeq (section 12.2.1.1). ACK: with the number of its INVITE. */
  createRequest(
    method: string,
    options: { headers?: readonly HeaderPair[]; body?: Buffer; sequence?: number } = {},
  ): SipRequest {
    const sequence = options.sequence ?? ++this.#localSequence;
    const { uri, routes } = this.#route();
    const headers: HeaderPair[] = [
      ...routes.map((route): HeaderPair => ['Route', route]),
      ['Max-Forwards', '70'],
      ['From', tagged(this.#local, this.localTag)],
      ['To', tagged(this.#remote, this.remoteTag)],
      ['Call-ID', this.callId],
      ['CSeq', `${sequence} ${method}`],
      ...(options.headers ?? []),
    ];
    return createRequest({ method, uri }, headers, options.body);
  }

  /**
   * Takes the sequence number of a request of the peer. False when it is older than one seen before: the request is to
   * be refused with 500 (section 12.2.2).
   */
  acceptSequence(request: SipRequest): boolean {
    const number = request.cseq?.number;
    if (number === undefined) return false;
    if (this.#remoteSequence !== undefined && number <= this.#remoteSequence) return false;
    this.#remoteSequence = number;
    return true;
  }

  /**
   * The 2xx of an early dialog of ours: the target and the route set are those of the 2xx, the numbers go on (section
   * 13.2.2.4). False when its Record-Route is unusable: nothing changes then.
   */
  confirm(response: SipResponse): boolean {
    const routes = readRoutes(response.headers.all('record-route'))?.reverse();
    if (routes === undefined) return false;
    this.#routes = routes;
    this.refreshTarget(response.contact);
    return true;
  }

  /** Takes the Contact of a target refresh request or of its 2xx (sections 12.2.1.2, 12.2.2). */
  refreshTarget(contact: NameAddr | undefined): void {
    if (contact !== undefined && contact.uri.scheme !== 'other') this.#remoteTarget = contact.uri;
  }

  #route(): { uri: string; routes: string[] } {
    const first = this.#routes[0];
    const target = formatUri(this.#remoteTarget);
    const routes = this.#routes.map(formatNameAddr);
    if (first === undefined || isLoose(first.uri)) return { uri: target, routes };
    // A strict router: it becomes the Request-URI, and the target the last route.
    return { uri: formatUri(first.uri), routes: [...routes.slice(1), `<${target}>`] };
  }
}

function isLoose(uri: Uri): uri is SipUri {
  return (uri.scheme === 'sip' || uri.scheme === 'sips') && uri.params.has('lr');
}

function bare(value: NameAddr): NameAddr {
  const params = new Map(value.params);
  params.delete('tag');
  return { ...value, params };
}

function tagged(value: NameAddr, tag: string): string {
  return formatNameAddr(tag === '' ? value : { ...value, params: new Map(value.params).set('tag', tag) });
}

function readRoutes(values: readonly string[]): NameAddr[] | undefined {
  const routes: NameAddr[] = [];
  for (const value of values) {
    const route = parseNameAddr(value);
    if (route === undefined) return undefined;
    routes.push(route);
  }
  return routes;
}
