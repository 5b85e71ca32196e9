import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { MediaError } from '../media-error.ts';
import { isIpv6Address, normalizeAddress } from './socket-address.ts';
import type { Endpoint } from './socket-address.ts';

/** Ports for RTP, both ends included; RTP takes the even ones, RTCP the next. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** Receives datagrams of one pair. `from.address` is normalized (IPv4 not mapped into IPv6). */
export interface DatagramHandler {
  onRtp(datagram: Uint8Array, from: Endpoint): void;
  onRtcp(datagram: Uint8Array, from: Endpoint): void;
  /** Sending or receiving failed (ICMP unreachable, no route): counted, never fatal. */
  onSocketError(error: Error): void;
}

function bind(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const family = isIpv6Address(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Every address is a literal. Node's own look-up would put each datagram off to a later turn, past a close too.
      lookup: (host, _options, found) => {
        found(null, host, family);
      },
    });
    const onError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** Undefined when another socket has the port, or this process may not have it. */
async function bindUnlessInUse(address: string, port: number): Promise<Socket | undefined> {
  try {
    return await bind(address, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
    throw error;
  }
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(() => {
      resolve();
    });
  });
}

/** An even RTP port and the RTCP port above it, bound on one address. Closed by its owner. */
export class RtpSocketPair {
  readonly address: string;
  readonly port: number;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  #handler: DatagramHandler | undefined;
  #closing: Promise<void> | undefined;

  private constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    const { address, port } = rtp.address();
    this.address = address;
    this.port = port;
    for (const socket of [rtp, rtcp]) {
      socket.on('error', (error) => this.#handler?.onSocketError(error));
    }
    rtp.on('message', (datagram, from) => {
      this.#handler?.onRtp(datagram, { address: normalizeAddress(from.address), port: from.port });
    });
    rtcp.on('message', (datagram, from) => {
      this.#handler?.onRtcp(datagram, { address: normalizeAddress(from.address), port: from.port });
    });
  }

  /** Binds `port` and the next one; undefined when either is taken. */
  static async bind(address: string, port: number): Promise<RtpSocketPair | undefined> {
    const rtp = await bindUnlessInUse(address, port);
    if (rtp === undefined) return undefined;
    try {
      const rtcp = await bindUnlessInUse(address, port + 1);
      if (rtcp !== undefined) return new RtpSocketPair(rtp, rtcp);
    } catch (error) {
      await closeSocket(rtp);
      throw error;
    }
    await closeSocket(rtp);
    return undefined;
  }

  /** Who gets what arrives from now on. What came before is lost, as on a wire. */
  attach(handler: DatagramHandler): void {
    this.#handler = handler;
  }

  sendRtp(datagram: Uint8Array, to: Endpoint): void {
    this.#send(this.#rtp, datagram, to);
  }

  sendRtcp(datagram: Uint8Array, to: Endpoint): void {
    this.#send(this.#rtcp, datagram, to);
  }

  /** Idempotent; resolves when both ports are free again. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#handler = undefined;
      await Promise.all([closeSocket(this.#rtp), closeSocket(this.#rtcp)]);
    })();
    return this.#closing;
  }

  #send(socket: Socket, datagram: Uint8Array, to: Endpoint): void {
    if (this.#closing !== undefined) return;
    try {
      socket.send(datagram, to.port, to.address, (error) => {
        if (error !== null) this.#handler?.onSocketError(error);
      });
    } catch (error) {
      // An address of the other family or port 0: refused by Node at once.
      this.#handler?.onSocketError(error as Error);
    }
  }
}

/** Gives out port pairs: from a range, each in turn so that a port rests before it is used again, or any free ones. */
export class RtpPortAllocator {
  readonly #address: string;
  readonly #range: PortRange | undefined;
  #next: number;

  /** @param range default: whatever the operating system has free */
  constructor(address: string, range?: PortRange) {
    this.#address = address;
    this.#range = range === undefined ? undefined : { min: range.min + (range.min % 2), max: range.max };
    this.#next = this.#range?.min ?? 0;
    if (this.#range !== undefined && this.#range.min + 1 > this.#range.max) {
      throw new MediaError(
        'bad-parameters',
        `RTP port range ${String(range?.min)}-${String(range?.max)} holds no even/odd pair; widen it`,
      );
    }
  }

  /** @throws MediaError `no-free-port` */
  async open(): Promise<RtpSocketPair> {
    const attempts = this.#range === undefined ? 50 : Math.floor((this.#range.max - this.#range.min + 1) / 2);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const pair = await RtpSocketPair.bind(this.#address, await this.#candidate());
      if (pair !== undefined) return pair;
    }
    const where = this.#range === undefined ? '' : ` in ${String(this.#range.min)}-${String(this.#range.max)}`;
    throw new MediaError('no-free-port', `no free RTP port pair on ${this.#address}${where}; widen the RTP port range`);
  }

  async #candidate(): Promise<number> {
    if (this.#range === undefined) {
      const probe = await bind(this.#address, 0);
      const { port } = probe.address();
      await closeSocket(probe);
      return port - (port % 2);
    }
    const port = this.#next;
    this.#next = port + 3 > this.#range.max ? this.#range.min : port + 2;
    return port;
  }
}
