import { describeError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import type { DeadHosts } from '../locate/index.ts';
import { SipRequest } from '../message/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { ClientTransaction, ClientUser, TransactionLayer } from '../transaction/index.ts';
import { FlowClosedError, TransportError } from '../transport/index.ts';
import type { Endpoint, Transport } from '../transport/index.ts';

/** Who sends a request that may go to several addresses in turn. */
export interface RequestUser extends ClientUser {
  /**
   * Asked before an address is tried (a name may take long to look up): false ends it with the failure of the last one.
   * Default: true.
   */
  mayTryNext?(): boolean;
}

export interface FailoverParts {
  readonly layer: TransactionLayer;
  readonly transport: Transport;
  readonly dead: DeadHosts;
  readonly log: Log;
}

export interface Outgoing {
  readonly request: SipRequest;
  readonly user: RequestUser;
  /** Each transaction, as soon as it exists: one for each address tried. */
  readonly started?: ((transaction: ClientTransaction) => void) | undefined;
}

/** RFC 3261 section 18.1.1: what does not fit a path of unknown MTU goes by a protocol with congestion control. */
const LARGEST_DATAGRAM = 1300;
/** Bytes that the Via will add. */
const VIA_BYTES = 100;

/**
 * Sends a request to the first address that takes it (RFC 3263 section 4.3): the next one is tried, in a transaction and
 * with a branch of its own, after a transport error, a time-out or a 503. Who failed is remembered and asked last.
 */
export function sendWithFailover(
  parts: FailoverParts,
  candidates: readonly [Endpoint, ...Endpoint[]],
  outgoing: Outgoing,
): void {
  if (outgoing.user.mayTryNext?.() === false) {
    outgoing.user.onTransportError(new Error('the request was given up while its way was looked for'));
    return;
  }
  new Attempts(parts, parts.dead.livingFirst(bySize(parts.transport, candidates, outgoing.request)), outgoing).next();
}

/** A request that is too large for a datagram goes by TCP first, by UDP where that is refused. */
function bySize(transport: Transport, candidates: readonly Endpoint[], request: SipRequest): readonly Endpoint[] {
  const switchable = (endpoint: Endpoint): boolean => endpoint.protocol === 'udp' && endpoint.flow === undefined;
  if (!transport.protocols.includes('tcp') || !candidates.some(switchable)) return candidates;
  if (roughSize(request) + VIA_BYTES <= LARGEST_DATAGRAM) return candidates;
  return candidates.flatMap((endpoint) =>
    switchable(endpoint) ? [{ ...endpoint, protocol: 'tcp' as const }, endpoint] : [endpoint],
  );
}

/** Without writing it: names and values, as if every character were one byte. */
function roughSize({ method, uri, headers, body }: SipRequest): number {
  const head = headers.lines.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0);
  return method.length + uri.length + head + body.length + 40;
}

class Attempts {
  readonly #parts: FailoverParts;
  readonly #left: Endpoint[];
  readonly #outgoing: Outgoing;

  constructor(parts: FailoverParts, candidates: readonly Endpoint[], outgoing: Outgoing) {
    this.#parts = parts;
    this.#left = [...candidates];
    this.#outgoing = outgoing;
  }

  next(): void {
    const destination = this.#left.shift();
    if (destination !== undefined) this.#try(destination, false);
  }

  #try(destination: Endpoint, again: boolean): void {
    const { request, user, started } = this.#outgoing;
    const { layer, dead } = this.#parts;
    // A copy: each attempt has a Via of its own.
    const copy = new SipRequest({ method: request.method, uri: request.uri }, request.headers.clone(), request.body);
    const transaction = layer.request(copy, destination, {
      onResponse: (response) => {
        if (response.status === 503) {
          dead.note(destination, retryAfterMs(response));
          if (this.#failOver(destination, 'answered 503')) return;
        } else dead.forget(destination);
        user.onResponse(response);
      },
      onTimeout: () => {
        dead.note(destination);
        if (!this.#failOver(destination, 'did not answer')) user.onTimeout();
      },
      onTransportError: (error) => {
        // The connection was found closed: whoever was behind it may well be there.
        if (error instanceof FlowClosedError && destination.flow === undefined && !again && this.#wanted()) {
          this.#try(destination, true);
          return;
        }
        if (countsAsDead(error)) dead.note(destination);
        if (!this.#failOver(destination, describeError(error))) user.onTransportError(error);
      },
    });
    started?.(transaction);
  }

  #wanted(): boolean {
    return this.#outgoing.user.mayTryNext?.() ?? true;
  }

  #failOver(failed: Endpoint, why: string): boolean {
    const [next] = this.#left;
    if (next === undefined || !this.#wanted()) return false;
    const { protocol, address, port } = failed;
    this.#parts.log.info(
      { from: { protocol, address, port }, to: next },
      `SIP: ${protocol} ${address} port ${port} ${why}: trying the next address`,
    );
    this.next();
    return true;
  }
}

/** What is wrong on our side says nothing about the peer. */
function countsAsDead(error: Error): boolean {
  if (error instanceof FlowClosedError) return false;
  return !(error instanceof TransportError) || (error.reason !== 'no-transport' && error.reason !== 'limit');
}

/** Section 21.5.4: until then the server is not to be asked. */
function retryAfterMs(response: SipResponse): number | undefined {
  const seconds = /^\s*(\d{1,9})/.exec(response.headers.get('retry-after') ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
