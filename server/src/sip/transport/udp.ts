import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { describeError, systemClock, systemRandom, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random, Timer } from '../../kernel/index.ts';
import { startsLikeSip } from '../message/index.ts';
import { ipVersion, isWildcard, plainAddress } from './addresses.ts';
import type { Endpoint, PacketHandler, SingleTransport, TransportStats } from './api.ts';
import { ReceiveDelay } from './receive-delay.ts';
import { UdpProbes } from './udp-probe.ts';

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
  /** For keep-alives and probes (default: the system's). */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log: Log;
}

const BUFFER_SIZE = 4 * 1024 * 1024;
const MAX_DATAGRAM = 65_507;
const KEEP_ALIVE_MS = 25_000;
const KEEP_ALIVE = Buffer.from('\r\n\r\n');

/** Binds a UDP socket. Rejects with the system's error when the address is not ours or the port is taken. */
export async function openUdpTransport(options: UdpTransportOptions): Promise<SingleTransport> {
  const address = options.address ?? '127.0.0.1';
  const bufferSize = options.bufferSize ?? BUFFER_SIZE;
  const socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    // So that both families can have the same port.
    ipv6Only: isIPv6(address),
    recvBufferSize: bufferSize,
    sendBufferSize: bufferSize,
    lookup: numeric,
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

/** Addresses are numeric here: the system's look-up would only take the time of a turn of the event loop. */
function numeric(
  host: string,
  _options: unknown,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = ipVersion(host);
  if (family === 0) found(Object.assign(new Error(`${host} is not a numeric address`), { code: 'EINVAL' }), host, 0);
  else found(null, host, family);
}

class UdpTransport implements SingleTransport {
  readonly protocol = 'udp';
  readonly protocols = ['udp'] as const;
  readonly local: Endpoint;
  readonly advertised: Endpoint;
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #maxSize: number;
  readonly #stats = { received: 0, sent: 0, keepAlives: 0, garbage: 0, oversized: 0, sendErrors: 0 };
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #probes: UdpProbes;
  readonly #delay: ReceiveDelay;
  readonly #keepAlives = new Set<{ timer: Timer }>();
  #handler: PacketHandler | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, options: UdpTransportOptions) {
    const bound = socket.address();
    this.#socket = socket;
    this.#log = options.log;
    this.#maxSize = options.maxMessageSize ?? MAX_DATAGRAM;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#probes = new UdpProbes(this.#clock);
    this.local = { protocol: 'udp', address: bound.address, port: bound.port };
    const loopback = isIPv6(bound.address) ? '::1' : '127.0.0.1';
    const own = { ...this.local, address: isWildcard(bound.address) ? loopback : bound.address };
    this.#delay = new ReceiveDelay({
      clock: this.#clock,
      random: this.#random,
      send: (probe) => {
        this.#sendAside(probe, own);
      },
    });
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
    return { ...this.#stats, refused: 0, connections: 0 };
  }

  isReliable(): boolean {
    return false;
  }

  advertisedFor(): Endpoint {
    return this.advertised;
  }

  localFor(): Endpoint {
    return this.local;
  }

  flow(flow: string): Endpoint | undefined {
    return readFlow(flow);
  }

  onFlowClosed(): void {
    // There are no connections.
  }

  probe(destination: Endpoint, refused: (error: Error) => void): void {
    if (this.#closing === undefined) this.#probes.probe(destination, refused);
  }

  receiveDelay(): number | undefined {
    return this.#closing === undefined ? this.#delay.read() : undefined;
  }

  keepAlive(destination: Endpoint, intervalMs = KEEP_ALIVE_MS): () => void {
    const schedule = (): Timer =>
      this.#clock.setTimer(intervalMs * (0.8 + 0.2 * this.#random.fraction()), () => {
        this.#sendAside(KEEP_ALIVE, destination);
        kept.timer = schedule();
      });
    const kept = { timer: schedule() };
    if (this.#closing === undefined) this.#keepAlives.add(kept);
    else kept.timer.cancel();
    return () => {
      kept.timer.cancel();
      this.#keepAlives.delete(kept);
    };
  }

  onPacket(handler: PacketHandler): void {
    this.#handler = handler;
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): undefined {
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
      this.#probes.close();
      for (const { timer } of this.#keepAlives) timer.cancel();
      this.#keepAlives.clear();
      this.#socket.close(() => {
        resolve();
      });
    });
    return this.#closing;
  }

  /** What is no SIP and may fail. */
  #sendAside(bytes: Buffer, { address, port }: Endpoint): void {
    try {
      this.#socket.send(bytes, port, address, () => undefined);
    } catch {
      // An address that cannot be sent to is not kept alive.
    }
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    if (this.#delay.take(bytes)) return;
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
      const address = plainAddress(from.address);
      this.#handler?.(bytes, { protocol: 'udp', address, port: from.port, flow: flowOf(address, from.port) });
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

/** RFC 5626 section 3.3: a UDP flow is the pair of addresses; ours is the same for all. */
function flowOf(address: string, port: number): string {
  return `udp-${port}-${address}`;
}

function readFlow(flow: string): Endpoint | undefined {
  const match = /^udp-(\d{1,5})-(.+)$/.exec(flow);
  const [, port, address] = match ?? [];
  if (address === undefined || ipVersion(address) === 0) return undefined;
  return { protocol: 'udp', address, port: Number(port), flow };
}
