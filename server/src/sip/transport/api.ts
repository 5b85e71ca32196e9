/** How a message travels. */
export type TransportProtocol = 'udp' | 'tcp' | 'tls';

/** One end of a hop: a numeric IP address (IPv6 without brackets) and a port. */
export interface Endpoint {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly port: number;
  /**
   * The very connection to use, as the transport named it on what it received (RFC 5626 section 3.3: a flow). Opaque.
   * A flow that is gone is a transport error; without one the transport finds or opens a connection by itself.
   */
  readonly flow?: string;
  /** The domain that the peer's certificate has to be for (RFC 5922), TLS only. Default: its address. */
  readonly serverName?: string;
}

/** What a transport found since it was opened. Counters only grow. */
export interface TransportStats {
  readonly received: number;
  readonly sent: number;
  /** CRLF or NUL keep-alives (RFC 5626 section 3.5.1 and common NAT practice). */
  readonly keepAlives: number;
  /** Packets that do not start like SIP: dropped unanswered. */
  readonly garbage: number;
  /** Packets or messages above the size limit: dropped. */
  readonly oversized: number;
  readonly sendErrors: number;
  /** Connections turned away because there were too many. */
  readonly refused: number;
  /** Open now. */
  readonly connections: number;
}

/**
 * Takes what arrived. Must not throw; whatever it throws is logged and dropped by the transport.
 *
 * @param fault the stream cannot be read beyond this message: it is to be answered so, at once, before the connection
 *   is closed
 */
export type PacketHandler = (
  bytes: Buffer,
  source: Endpoint,
  fault?: { readonly status: number; readonly reason: string },
) => void;

/**
 * A way to send and receive whole SIP messages as bytes, over one protocol or several. The transaction layer asks
 * `isReliable` which timers it needs (RFC 3261 section 17); everything else about the medium stays in here.
 *
 * Lifetime: open from creation to `close()`.
 */
export interface Transport {
  /** What is sent over where nobody asks for a protocol, the preferred one first; others may work too. */
  readonly protocols: readonly TransportProtocol[];
  readonly stats: TransportStats;
  /** True where the medium retransmits by itself (TCP, TLS): timers A, E, G are not started, D, I, J, K are zero. */
  isReliable(protocol: TransportProtocol): boolean;
  /**
   * The address and port to write into Via and Contact: the public ones when they differ from the bound ones.
   *
   * @param towards numeric address of the peer, where several local addresses (IPv4, IPv6) could be named
   */
  advertisedFor(protocol: TransportProtocol, towards?: string): Endpoint;
  /** Our end of what goes to or came from `remote`: the bound address, for traces. */
  localFor(remote: Endpoint): Endpoint;
  /**
   * Where a flow leads, as an endpoint to send to; undefined when it is gone or never was. A flow over UDP is an
   * address and never goes.
   */
  flow(flow: string): Endpoint | undefined;
  /** Sets who takes messages; one at a time. Packets that arrive with no handler set are counted and dropped. */
  onPacket(handler: PacketHandler): void;
  /** Sets who hears that a connection has gone, with its flow and why; one at a time. Never for UDP. */
  onFlowClosed(handler: (flow: string, error: Error) => void): void;
  /**
   * Never throws. `failed` runs later, at most once, when the message could not be handed to the network.
   *
   * @returns the flow of the connection it went to, where there is one
   */
  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): string | undefined;
  /**
   * Asks the network whether anybody listens there, for protocols that do not say by themselves: `refused` runs, at
   * most once, when the answer is no. Silence means nothing.
   */
  probe(destination: Endpoint, refused: (error: Error) => void): void;
  /**
   * Keeps the way to a peer open through its NAT, until the function that it returns is called.
   *
   * @param intervalMs between two keep-alives, shortened by up to a fifth (default 25 000)
   */
  keepAlive(destination: Endpoint, intervalMs?: number): () => void;
  /**
   * How long what arrives waits before it is read, milliseconds, as found since the last call; asking begins the next
   * measurement. Undefined or absent: not known, as with streams, whose senders the kernel holds back.
   */
  receiveDelay?(): number | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A transport of one protocol, bound to one address. */
export interface SingleTransport extends Transport {
  readonly protocol: TransportProtocol;
  /** Where the socket is bound. */
  readonly local: Endpoint;
  /** What {@link Transport.advertisedFor} answers. */
  readonly advertised: Endpoint;
}
