/** How a message travels. TCP, TLS and WebSocket join this union with their transports. */
export type TransportProtocol = 'udp' | 'tcp' | 'tls';

/** One end of a hop: a numeric IP address (IPv6 without brackets) and a port. */
export interface Endpoint {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly port: number;
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
}

/** Takes what arrived. Must not throw; whatever it throws is logged and dropped by the transport. */
export type PacketHandler = (bytes: Buffer, source: Endpoint) => void;

/**
 * A way to send and receive whole SIP messages as bytes. The transaction layer asks `reliable` which timers it needs
 * (RFC 3261 section 17); everything else about the medium stays in here.
 *
 * Lifetime: open from creation to `close()`.
 */
export interface Transport {
  readonly protocol: TransportProtocol;
  /** True where the medium retransmits by itself (TCP, TLS): timers A, E, G are not started, D, I, J, K are zero. */
  readonly reliable: boolean;
  /** Where the socket is bound. */
  readonly local: Endpoint;
  /** The address and port to write into Via and Contact: the public ones when they differ from the bound ones. */
  readonly advertised: Endpoint;
  readonly stats: TransportStats;
  /** Sets who takes messages; one at a time. Packets that arrive with no handler set are counted and dropped. */
  onPacket(handler: PacketHandler): void;
  /** Never throws. `failed` runs later, at most once, when the message could not be handed to the network. */
  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): void;
  /** Idempotent. */
  close(): Promise<void>;
}
