import { describeError, randomHex, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { formatHost, formatUri } from '../message/index.ts';
import type { HeaderPair, SipRequest, Uri } from '../message/index.ts';
import type { ClientTransaction, ClientUser, ServerTransaction, TransactionLayer } from '../transaction/index.ts';
import type { Endpoint, Resolver, Transport } from '../transport/index.ts';

/** Methods that we take, in and out of dialogs. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO';
export const SDP_TYPE = 'application/sdp';

/** Whoever takes the peer's requests in one dialog. */
export interface DialogUsage {
  handleRequest(transaction: ServerTransaction): void;
  handleAck(ack: SipRequest): void;
}

/** A call in the list of live ones. */
export interface LiveCall {
  /** The user agent closes: tell the peer once and go. */
  shutDown(): void;
}

export interface CoreOptions {
  readonly layer: TransactionLayer;
  readonly transport: Transport;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly name: string;
}

/** What all calls of one user agent share. */
export class Core {
  readonly layer: TransactionLayer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly name: string;
  /** Our Contact URI. */
  readonly contact: string;
  readonly dialogs = new Map<string, DialogUsage>();
  readonly calls = new Set<LiveCall>();
  readonly #resolver: Resolver;

  constructor(options: CoreOptions) {
    this.layer = options.layer;
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.name = options.name;
    this.#resolver = options.resolver;
    const { protocol, address, port } = options.transport.advertised;
    const transport = protocol === 'udp' ? '' : `;transport=${protocol}`;
    this.contact = `sip:${formatHost(address)}:${port}${transport}`;
  }

  newTag(): string {
    return randomHex(this.random, 8);
  }

  /** Headers of a request or a 2xx that says what we are. */
  selfHeaders(): HeaderPair[] {
    return [
      ['Contact', `<${this.contact}>`],
      ['Allow', ALLOW],
    ];
  }

  /**
   * Finds the address of `hop` and hands it to `use`: at once for numeric hosts. `failed` runs instead when there is
   * none; never before this function returned.
   */
  locate(hop: Uri, use: (destination: Endpoint) => void, failed: (error: Error) => void): void {
    if (hop.scheme !== 'sip') {
      queueMicrotask(() => {
        failed(new Error(`no way to ${formatUri(hop)}: only sip: URIs can be sent to; give a next hop`));
      });
      return;
    }
    const found = this.#resolver(hop);
    if (!(found instanceof Promise)) use(found);
    else
      found.then(use).catch((error: unknown) => {
        failed(toError(error));
      });
  }

  /** Sends a request in a transaction of its own. A hop that is not found counts as transport error. */
  send(request: SipRequest, hop: Uri, user: ClientUser, started?: (transaction: ClientTransaction) => void): void {
    this.locate(
      hop,
      (destination) => {
        const transaction = this.layer.request(request, destination, user);
        started?.(transaction);
      },
      (error) => {
        this.log.warn({ hop: formatUri(hop) }, `SIP next hop not found: ${describeError(error)}`);
        user.onTransportError(error);
      },
    );
  }

  /** Runs a listener: what it throws is logged and stops nothing. */
  guard(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.log.error({ err: error }, `a SIP call listener failed in ${what}`);
    }
  }
}
