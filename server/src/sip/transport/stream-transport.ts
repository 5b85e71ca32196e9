import type { Server, Socket } from 'node:net';
import { describeError, randomHex, toError } from '../../kernel/index.ts';
import { plainAddress } from './addresses.ts';
import type { Endpoint, PacketHandler, SingleTransport, TransportProtocol, TransportStats } from './api.ts';
import { CONNECTION_LIMITS, StreamConnection } from './connection.ts';
import type { ConnectionContext, ConnectionLimits } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { FlowClosedError, TransportError } from './errors.ts';
import type { StreamFault } from './framer.ts';

export interface StreamTransportOptions extends Omit<ConnectionContext, 'limits'> {
  /** Numeric address to bind to and to connect from (default 127.0.0.1). */
  readonly address?: string;
  /** 0: any free port (default). */
  readonly port?: number;
  /** What Via and Contact say when it differs from the bound address: the public address. */
  readonly advertisedAddress?: string;
  readonly advertisedPort?: number;
  readonly limits?: Partial<ConnectionLimits>;
  /** Most connections at once, in both directions (default 10 000). Above it new ones are refused. */
  readonly maxConnections?: number;
  /** Most connections that one address may open (default 1 000). */
  readonly maxPerSource?: number;
}

/** What differs between TCP and TLS. */
export interface StreamMedium {
  readonly protocol: 'tcp' | 'tls';
  /** Bound already; undefined: connections are opened, none is accepted. */
  readonly server: Server | undefined;
  /** The event of the server that brings connections which are ready: `connection`, or `secureConnection`. */
  readonly accepted: 'connection' | 'secureConnection';
  /** The name that the peer of an accepted connection has proved, if any. */
  peerName?(socket: Socket): string | undefined;
  /** Begins to connect; `ready` runs when the peer is there and is who it should be. */
  dial(destination: Endpoint, ready: () => void): Socket;
}

/** What a transport that accepts no connection says in Via and Contact (RFC 3261 section 19.1.2). */
const DEFAULT_PORT = { tcp: 5060, tls: 5061 } as const;

const COUNTERS = { received: 0, sent: 0, keepAlives: 0, garbage: 0, oversized: 0, sendErrors: 0 };

/** SIP over connections (RFC 3261 section 18). Every socket belongs to it, from accepting or dialling to `close()`. */
export class StreamTransport implements SingleTransport {
  readonly protocol: 'tcp' | 'tls';
  readonly protocols: readonly ['tcp' | 'tls'];
  readonly local: Endpoint;
  readonly advertised: Endpoint;
  readonly #medium: StreamMedium;
  readonly #options: StreamTransportOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new ConnectionTable();
  /** Accepted sockets, those in a TLS handshake included, and how many each address has. */
  readonly #sockets = new Set<Socket>();
  readonly #perSource = new Map<string, number>();
  readonly #stats = { ...COUNTERS, refused: 0 };
  #handler: PacketHandler | undefined;
  #flowClosed: ((flow: string, error: Error) => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(medium: StreamMedium, options: StreamTransportOptions) {
    const { address = '127.0.0.1', port = DEFAULT_PORT[medium.protocol] } = options;
    const bound = medium.server === undefined ? { address, port } : medium.server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the server is not bound to a port');
    this.#medium = medium;
    this.#options = options;
    this.#context = { ...options, limits: { ...CONNECTION_LIMITS, ...options.limits } };
    this.protocol = medium.protocol;
    this.protocols = [medium.protocol];
    this.local = { protocol: medium.protocol, address: bound.address, port: bound.port };
    this.advertised = {
      protocol: medium.protocol,
      address: options.advertisedAddress ?? bound.address,
      port: options.advertisedPort ?? bound.port,
    };
    medium.server?.prependListener('connection', (socket: Socket) => {
      this.#admit(socket);
    });
    medium.server?.on(medium.accepted, (socket: Socket) => {
      this.#accept(socket);
    });
    medium.server?.on('error', (error) => {
      options.log.warn({ err: error, local: this.local }, 'SIP listener error');
    });
  }

  get stats(): TransportStats {
    return { ...this.#stats, connections: this.#connections.size };
  }

  isReliable(): boolean {
    return true;
  }

  /** Where nothing listens the peer can only come back over a connection that is up: that one is named. */
  advertisedFor(_protocol?: TransportProtocol, towards?: string): Endpoint {
    if (this.#medium.server !== undefined || towards === undefined) return this.advertised;
    const open = this.#connections.all().find(({ remote }) => remote.address === towards);
    return { ...this.advertised, port: open?.local?.port ?? this.advertised.port };
  }

  localFor(remote: Endpoint): Endpoint {
    const connection = this.#find(remote);
    return { ...this.local, ...connection?.local };
  }

  flow(flow: string): Endpoint | undefined {
    return this.#connections.byFlow(flow)?.remote;
  }

  onPacket(handler: PacketHandler): void {
    this.#handler = handler;
  }

  onFlowClosed(handler: (flow: string, error: Error) => void): void {
    this.#flowClosed = handler;
  }

  /** Connections say by themselves. */
  probe(): void {
    // Nothing to ask.
  }

  /** Connections that we opened are pinged anyway; those of peers are kept by the peers. */
  keepAlive(): () => void {
    return () => undefined;
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): string | undefined {
    if (this.#closing !== undefined) return undefined;
    const fail = (error: Error): void => {
      this.#stats.sendErrors++;
      failed?.(error);
    };
    try {
      const connection = this.#find(destination) ?? this.#dial(destination);
      connection.send(bytes, fail);
      this.#stats.sent++;
      return connection.remote.flow;
    } catch (error) {
      queueMicrotask(() => {
        fail(toError(error));
      });
      return undefined;
    }
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#handler = undefined;
      this.#flowClosed = undefined;
      const { server } = this.#medium;
      if (server === undefined) resolve();
      else
        server.close(() => {
          resolve();
        });
      const closed = new FlowClosedError('closed', 'the SIP transport was closed');
      for (const connection of this.#connections.all()) connection.destroy(closed);
      for (const socket of this.#sockets) socket.destroy();
    });
    return this.#closing;
  }

  #find(destination: Endpoint): StreamConnection | undefined {
    const { flow } = destination;
    return flow === undefined ? this.#connections.towards(destination) : this.#connections.byFlow(flow);
  }

  /** Counts an accepted socket in, or closes it: before anything is read from it. */
  #admit(socket: Socket): void {
    const source = plainAddress(socket.remoteAddress ?? '');
    const count = this.#perSource.get(source) ?? 0;
    const { maxConnections = 10_000, maxPerSource = 1_000 } = this.#options;
    if (Math.max(this.#sockets.size, this.#connections.size) >= maxConnections || count >= maxPerSource) {
      this.#stats.refused++;
      this.#options.log.debug({ source, count }, 'SIP connection refused: too many');
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#perSource.set(source, count + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left > 0) this.#perSource.set(source, left);
      else this.#perSource.delete(source);
    });
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (socket.destroyed || remoteAddress === undefined || remotePort === undefined || this.#closing !== undefined) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const serverName = this.#medium.peerName?.(socket)?.toLowerCase();
    const remote = { address, port: remotePort, ...(serverName === undefined ? {} : { serverName }) };
    this.#open(socket, remote, false).ready();
  }

  #dial(destination: Endpoint): StreamConnection {
    const { protocol, address, port, flow, serverName } = destination;
    if (flow !== undefined) throw new FlowClosedError('gone', `the ${protocol} connection with ${address} is gone`);
    if (this.#connections.size >= (this.#options.maxConnections ?? 10_000))
      throw new TransportError('limit', `no ${protocol} connection to ${address}: ${this.#connections.size} are open`);
    const ready = (): void => {
      connection.ready();
    };
    const socket = this.#medium.dial(destination, ready);
    const name = serverName === undefined ? {} : { serverName: serverName.toLowerCase() };
    const connection: StreamConnection = this.#open(socket, { address, port, ...name }, true);
    return connection;
  }

  #open(socket: Socket, remote: Omit<Endpoint, 'protocol'>, outgoing: boolean): StreamConnection {
    const flow = `${this.protocol}-${randomHex(this.#options.random, 8)}`;
    const identity = { remote: { protocol: this.protocol, ...remote, flow }, outgoing };
    const connection = new StreamConnection(socket, identity, this.#context, {
      onMessage: (bytes, fault) => {
        this.#receive(bytes, connection.remote, fault);
      },
      onKeepAlive: () => this.#stats.keepAlives++,
      onClosed: (error) => {
        this.#connections.delete(connection);
        this.#flowClosed?.(flow, error);
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  #receive(bytes: Buffer, source: Endpoint, fault?: StreamFault): void {
    this.#stats.received++;
    if (fault?.status === 513) this.#stats.oversized++;
    else if (fault !== undefined) this.#stats.garbage++;
    try {
      this.#handler?.(bytes, source, fault);
    } catch (error) {
      this.#options.log.error({ err: error, source }, `handling a SIP message failed: ${describeError(error)}`);
    }
  }
}
