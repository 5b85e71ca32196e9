import { describeError, randomHex, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { formatHost, formatUri } from '../message/index.ts';
import type { HeaderPair, SipRequest, Uri } from '../message/index.ts';
import type { ClientTransaction, ServerTransaction, TransactionLayer } from '../transaction/index.ts';
import type { Endpoint, Resolver, Transport } from '../transport/index.ts';
import type { ReplacedState } from '../dialog/index.ts';
import { DeadHosts } from '../locate/index.ts';
import type { CallControl } from './api.ts';
import { sendWithFailover } from './failover.ts';
import type { FailoverParts, RequestUser } from './failover.ts';
import { Farewells } from './farewells.ts';
import type { Features } from './features.ts';
import { OwnedClock } from './owned-clock.ts';

export const SDP_TYPE = 'application/sdp';

/** Where to send: a URI to be resolved, or an address and connection that is known. */
export type Hop = Uri | Endpoint;

/** Whoever takes the peer's requests in one dialog. */
export interface DialogUsage {
  handleRequest(transaction: ServerTransaction): void;
  handleAck(ack: SipRequest): void;
  /** Whether a call with Replaces may take this one's place (RFC 3891), and the call. */
  replaceable(): { readonly state: ReplacedState; readonly call: CallControl };
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
  readonly features: Features;
}

/** What all calls of one user agent share. */
export class Core {
  readonly layer: TransactionLayer;
  /** Its timers end with the user agent. */
  readonly clock: OwnedClock;
  readonly random: Random;
  readonly log: Log;
  readonly name: string;
  readonly features: Features;
  /** Our Contact URI where the peer is not known yet; `send` puts the right one into requests. */
  readonly contact: string;
  readonly dialogs = new Map<string, DialogUsage>();
  readonly calls = new Set<LiveCall>();
  readonly farewells = new Farewells();
  readonly #resolver: Resolver;
  readonly #transport: Transport;
  readonly #failover: FailoverParts;

  constructor(options: CoreOptions) {
    this.layer = options.layer;
    this.clock = new OwnedClock(options.clock);
    this.random = options.random;
    this.log = options.log;
    this.name = options.name;
    this.features = options.features;
    this.#resolver = options.resolver;
    this.#transport = options.transport;
    this.#failover = { ...options, dead: new DeadHosts(options.clock) };
    this.contact = this.contactFor();
  }

  /** Our Contact URI for a dialog with `peer`: it names the protocol and the address family that the peer uses. */
  contactFor(peer?: Endpoint): string {
    const used = peer?.protocol ?? this.#transport.protocols[0] ?? 'udp';
    const { protocol, address, port } = this.#transport.advertisedFor(used, peer?.address);
    const transport = protocol === 'udp' ? '' : `;transport=${protocol}`;
    return `sip:${formatHost(address)}:${port}${transport}`;
  }

  newTag(): string {
    return randomHex(this.random, 8);
  }

  /** Headers of a request, or of a response to `peer`, that say what we are. */
  selfHeaders(peer?: Endpoint): HeaderPair[] {
    return [
      ['Contact', `<${this.contactFor(peer)}>`],
      ['Allow', this.features.allow],
      ['Supported', this.features.supported.join(', ')],
    ];
  }

  /**
   * Finds the addresses of `hop`, best first and never none, and hands them to `use`: at once for numeric hosts.
   * `failed` runs instead when there is none; never before this function returned.
   */
  locate(
    hop: Hop,
    use: (destinations: readonly [Endpoint, ...Endpoint[]]) => void,
    failed: (error: Error) => void,
  ): void {
    if ('address' in hop) {
      use([hop]);
      return;
    }
    if (hop.scheme !== 'sip' && hop.scheme !== 'sips') {
      queueMicrotask(() => {
        failed(new Error(`no way to ${formatUri(hop)}: only sip: and sips: URIs can be sent to; give a next hop`));
      });
      return;
    }
    const found = this.#resolver(hop);
    const take = (endpoints: readonly Endpoint[]): void => {
      const [first, ...others] = this.#failover.dead.livingFirst(endpoints);
      if (first === undefined) throw new Error(`no address found for ${formatUri(hop)}`);
      use([first, ...others]);
    };
    if (!(found instanceof Promise)) take(found);
    else
      found.then(take).catch((error: unknown) => {
        failed(toError(error));
      });
  }

  /**
   * Sends a request, to the next address of the hop where one fails. `started` hears of each transaction. A hop that is
   * not found counts as transport error, and so does a user that does not want it sent any more when it is found.
   */
  send(request: SipRequest, hop: Hop, user: RequestUser, started?: (transaction: ClientTransaction) => void): void {
    this.locate(
      hop,
      (destinations) => {
        if (user.mayTryNext?.() === false) {
          user.onTransportError(new Error('given up before it was sent'));
          return;
        }
        this.#nameOurselves(request, destinations[0]);
        sendWithFailover(this.#failover, destinations, { request, user, started });
      },
      (error) => {
        this.log.warn(
          { hop: 'address' in hop ? hop.address : formatUri(hop) },
          `SIP next hop not found: ${describeError(error)}`,
        );
        user.onTransportError(error);
      },
    );
  }

  /** Puts the Contact in that the destination can reach us by; one that somebody else chose stays. */
  #nameOurselves(request: SipRequest, destination: Endpoint): void {
    if (request.headers.get('contact') !== `<${this.contact}>`) return;
    const contact = this.contactFor(destination);
    // RFC 3261 section 8.1.1.8: a sips: request has a sips: Contact.
    const own = request.uri.startsWith('sips:') ? contact.replace(/^sip:(.*);transport=tls$/, 'sips:$1') : contact;
    if (own !== this.contact) request.headers.set('Contact', `<${own}>`);
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
