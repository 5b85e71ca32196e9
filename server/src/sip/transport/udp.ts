import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { describeError, toError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { startsLikeSip } from '../message/index.ts';
import type { Endpoint, PacketHandler, Transport, TransportStats } from './api.ts';

export interface UdpTransportOptions {
  /** Numeric address to bind to (default 127.0.0.1). */
  readonly address?: string;
  /** 0: any free port (default). */
  readonly port?: number;
  /** What Via and Contact say when it differs from the bound address: the public address. */
  readonly advertisedAddress?: string;
  readonly advertisedPort?: number;
  /** Kernel buffers in bytes (default 4 MiB each). The kernel's own maximum caps them silently. */
  readonly bufferSize?: number;
  /** Largest datagram taken or sent, bytes (default 65 507, all that UDP over IPv4 can carry). */
  readonly maxMessageSize?: number;
  readonly log: Log;
}

const BUFFER_SIZE = 4 * 1024 * 1024;
const MAX_DATAGRAM = 65_507;

/** Binds a UDP socket. Rejects with the system's error when the address is not ours or the port is taken. */
export async function openUdpTransport(options: UdpTransportOptions): Promise<Transport> {
  const address = options.address ?? '127.0.0.1';
  const bufferSize = options.bufferSize ?? BUFFER_SIZE;
  const socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    recvBufferSize: bufferSize,
    sendBufferSize: bufferSize,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port: options.port ?? 0, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new UdpTransport(socket, options);
}

class UdpTransport implements Transport {
  readonly protocol = 'udp';
  readonly reliable = false;
  readonly local: Endpoint;
  readonly advertised: Endpoint;
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #maxSize: number;
  readonly #stats = { received: 0, sent: 0, keepAlives: 0, garbage: 0, oversized: 0, sendErrors: 0 };
  #handler: PacketHandler | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, options: UdpTransportOptions) {
    const bound = socket.address();
    this.#socket = socket;
    this.#log = options.log;
    this.#maxSize = options.maxMessageSize ?? MAX_DATAGRAM;
    this.local = { protocol: 'udp', address: bound.address, port: bound.port };
    this.advertised = {
      protocol: 'udp',
      address: options.advertisedAddress ?? bound.address,
      port: options.advertisedPort ?? bound.port,
    };
    socket.on('message', (bytes, from) => {
      this.#receive(bytes, from);
    });
    // ICMP errors of earlier sends surface here on some systems: never fatal.
    socket.on('error', (error) => {
      this.#log.warn({ err: error, local: this.local }, 'SIP UDP socket error');
    });
  }

  get stats(): TransportStats {
    return { ...this.#stats };
  }

  onPacket(handler: PacketHandler): void {
    this.#handler = handler;
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): void {
    if (this.#closing !== undefined) return;
    const fail = (error: Error): void => {
      this.#stats.sendErrors++;
      failed?.(error);
    };
    if (bytes.length > this.#maxSize) {
      queueMicrotask(() => {
        fail(new RangeError(`a SIP message of ${bytes.length} bytes does not fit a datagram of ${this.#maxSize}`));
      });
      return;
    }
    try {
      this.#socket.send(bytes, destination.port, destination.address, (error) => {
        if (error !== null) fail(error);
      });
      this.#stats.sent++;
    } catch (error) {
      // Bad port numbers and the like throw at once.
      queueMicrotask(() => {
        fail(toError(error));
      });
    }
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#handler = undefined;
      this.#socket.close(() => {
        resolve();
      });
    });
    return this.#closing;
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    this.#stats.received++;
    if (isKeepAlive(bytes)) {
      this.#stats.keepAlives++;
      return;
    }
    if (bytes.length > this.#maxSize) {
      this.#stats.oversized++;
      return;
    }
    if (from.port === 0 || !startsLikeSip(bytes)) {
      this.#stats.garbage++;
      return;
    }
    try {
      this.#handler?.(bytes, { protocol: 'udp', address: from.address, port: from.port });
    } catch (error) {
      this.#log.error({ err: error, source: from }, `handling a SIP message failed: ${describeError(error)}`);
    }
  }
}

/** Up to four CR, LF or NUL bytes, or nothing at all. */
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false;
  for (const byte of bytes) if (byte !== 13 && byte !== 10 && byte !== 0) return false;
  return true;
}
