import type { Clock, Log, Random } from '../../kernel/index.ts';
import { sameFamily } from './addresses.ts';
import type { Endpoint, PacketHandler, SingleTransport, Transport, TransportProtocol, TransportStats } from './api.ts';
import type { ConnectionLimits } from './connection.ts';
import { TransportError } from './errors.ts';
import { openTcpTransport } from './tcp.ts';
import { createTlsClientTransport, openTlsTransport } from './tls.ts';
import type { TlsClientOptions, TlsTransportOptions } from './tls.ts';
import { openUdpTransport } from './udp.ts';

export interface SipTransportsOptions {
  /** What to listen on. UDP and TCP that both take any port (0) get the same one. */
  readonly listen: {
    readonly udp?: { readonly port: number };
    readonly tcp?: { readonly port: number };
    readonly tls?: { readonly port: number } & Pick<
      TlsTransportOptions,
      'certificate' | 'authorities' | 'verifyPeers' | 'clientCertificates'
    >;
  };
  /**
   * Connect to peers that want TLS although nothing listens for it; does nothing with `listen.tls`. It is used where TLS is asked
   * for, and never chosen by the records of a domain: what the peer sends over a connection of its own would not arrive.
   */
  readonly tlsClient?: Pick<TlsClientOptions, 'authorities' | 'verifyPeers'>;
  /** Numeric addresses to bind, one of each family at most (default 127.0.0.1). */
  readonly addresses?: readonly string[];
  /** The public addresses, where they differ from the bound ones; each stands in for those of its family. */
  readonly advertisedAddresses?: readonly string[];
  readonly limits?: Partial<ConnectionLimits>;
  readonly maxConnections?: number;
  readonly maxPerSource?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How often UDP and TCP try to find a port that both can have. */
const PORT_ATTEMPTS = 10;

/** Opens all listeners, or none: rejects with the system's error when one cannot be bound. */
export async function openSipTransports(options: SipTransportsOptions): Promise<TransportSet> {
  const { udp, tcp } = options.listen;
  const shared = udp?.port === 0 && tcp?.port === 0;
  for (let attempt = 1; ; attempt++) {
    const opened: SingleTransport[] = [];
    try {
      for (const address of options.addresses ?? ['127.0.0.1']) await openAt(address, opened, options);
      const preferred = options.listen.tls === undefined ? opened.filter(({ protocol }) => protocol !== 'tls') : opened;
      return new TransportSet(opened, preferred);
    } catch (error) {
      await Promise.all(opened.map((transport) => transport.close()));
      if (!shared || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function openAt(address: string, opened: SingleTransport[], options: SipTransportsOptions): Promise<void> {
  const { listen, tlsClient, ...rest } = options;
  const advertised = options.advertisedAddresses?.find((candidate) => sameFamily(candidate, address));
  const common = { ...rest, address, ...(advertised === undefined ? {} : { advertisedAddress: advertised }) };
  // A port that was drawn for one listener is that of the others too.
  const portOf = (wanted: number, protocols: readonly TransportProtocol[]): number =>
    wanted !== 0 ? wanted : (opened.find(({ protocol }) => protocols.includes(protocol))?.local.port ?? 0);
  if (listen.udp !== undefined)
    opened.push(await openUdpTransport({ ...common, port: portOf(listen.udp.port, ['udp', 'tcp']) }));
  if (listen.tcp !== undefined)
    opened.push(await openTcpTransport({ ...common, port: portOf(listen.tcp.port, ['udp', 'tcp']) }));
  if (listen.tls !== undefined)
    opened.push(await openTlsTransport({ ...common, ...listen.tls, port: portOf(listen.tls.port, ['tls']) }));
  else if (tlsClient !== undefined) opened.push(createTlsClientTransport({ ...common, ...tlsClient }));
}

/** Several transports as one. It owns them. */
export class TransportSet implements Transport {
  readonly protocols: readonly TransportProtocol[];
  readonly members: readonly SingleTransport[];

  /**
   * @param members the preferred one first, one for each protocol and address family
   * @param offered those whose protocols may be chosen where nobody asks for one (default: all)
   */
  constructor(members: readonly SingleTransport[], offered: readonly SingleTransport[] = members) {
    this.members = members;
    this.protocols = [...new Set(offered.map(({ protocol }) => protocol))];
  }

  get stats(): TransportStats {
    const sum = {
      received: 0,
      sent: 0,
      keepAlives: 0,
      garbage: 0,
      oversized: 0,
      sendErrors: 0,
      refused: 0,
      connections: 0,
    };
    for (const { stats } of this.members)
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += stats[name];
    return sum;
  }

  isReliable(protocol: TransportProtocol): boolean {
    return protocol !== 'udp';
  }

  /** What is not open answers with the preferred protocol: then at least the address is right. */
  advertisedFor(protocol: TransportProtocol, towards?: string): Endpoint {
    const speaking = this.members.filter((member) => member.protocol === protocol);
    const candidates = speaking.length > 0 ? speaking : this.members;
    const fitting = candidates.find(({ local }) => towards === undefined || sameFamily(local.address, towards));
    const chosen = fitting ?? candidates[0];
    if (chosen === undefined) throw new TransportError('no-transport', 'a transport set without transports');
    return chosen.advertisedFor(protocol, towards);
  }

  localFor(remote: Endpoint): Endpoint {
    return this.#towards(remote)?.localFor(remote) ?? this.advertisedFor(remote.protocol, remote.address);
  }

  flow(flow: string): Endpoint | undefined {
    for (const member of this.members) {
      const found = member.flow(flow);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  onPacket(handler: PacketHandler): void {
    for (const member of this.members) member.onPacket(handler);
  }

  onFlowClosed(handler: (flow: string, error: Error) => void): void {
    for (const member of this.members) member.onFlowClosed(handler);
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): string | undefined {
    const member = this.#towards(destination);
    if (member !== undefined) return member.send(bytes, destination, failed);
    const { protocol, address } = destination;
    queueMicrotask(() => {
      failed?.(
        new TransportError(
          'no-transport',
          `no way to ${address}: no ${protocol} listener of its address family is open`,
        ),
      );
    });
    return undefined;
  }

  probe(destination: Endpoint, refused: (error: Error) => void): void {
    this.#towards(destination)?.probe(destination, refused);
  }

  /** The longest of all members. */
  receiveDelay(): number | undefined {
    const known = this.members.map((member) => member.receiveDelay?.()).filter((delay) => delay !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  keepAlive(destination: Endpoint, intervalMs?: number): () => void {
    return this.#towards(destination)?.keepAlive(destination, intervalMs) ?? (() => undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  #towards({ protocol, address }: Endpoint): SingleTransport | undefined {
    return this.members.find((member) => member.protocol === protocol && sameFamily(member.local.address, address));
  }
}
