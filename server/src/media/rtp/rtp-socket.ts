import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { MediaError } from '../media-error.ts';
import { isIpv6Address, isSameEndpoint, normalizeAddress } from './socket-address.ts';
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

/**
 * Lets another socket of this machine bind the RTP port too (a media worker's) and says which of them gets the datagrams.
 * The kernel gives them to the socket whose connected peer sent them, else to one that is connected to nobody: so a
 * socket that is connected elsewhere lets go without being closed, and what it had received already is still read.
 */
export interface PortSharing {
  /** This peer's datagrams come here, whoever else has the port; nobody else's do. */
  hold(peer: Endpoint): void;
  /** Datagrams go to the other socket of the port. Nothing can be sent on the RTP port meanwhile. RTCP is not touched. */
  yield(): void;
  /** As at first: everybody's datagrams come here. */
  open(): void;
}

/** Nobody is there, and nobody but us could send from there. */
const NOBODY = { 4: '127.0.0.1', 6: '::1' } as const;
const DISCARD_PORT = 9;
/** The last even port. */
const LAST_PORT = 65_534;

function bind(address: string, port: number, reuseAddr = false): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const family = isIpv6Address(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      reuseAddr,
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
async function bindUnlessInUse(address: string, port: number, reuseAddr = false): Promise<Socket | undefined> {
  try {
    return await bind(address, port, reuseAddr);
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

/** A port pair as an endpoint uses it: the sockets themselves, or a decorator of them (srtp/srtp-sockets.ts). */
export interface RtpSockets {
  readonly address: string;
  readonly port: number;
  attach(handler: DatagramHandler): void;
  sendRtp(datagram: Uint8Array, to: Endpoint): void;
  sendRtcp(datagram: Uint8Array, to: Endpoint): void;
  /** Undefined: this port is nobody else's (bound so, or its packets can be read by nobody else). */
  readonly sharing?: PortSharing | undefined;
  close(): Promise<void>;
}

/** Binds for sharing. That alone would also succeed on a port that another shared socket has, so the port is tried for itself first. */
async function bindShared(address: string, port: number): Promise<Socket | undefined> {
  const probe = await bindUnlessInUse(address, port);
  if (probe === undefined) return undefined;
  await closeSocket(probe);
  return bindUnlessInUse(address, port, true);
}

/** An even RTP port and the RTCP port above it, bound on one address. Closed by its owner. */
export class RtpSocketPair implements RtpSockets {
  readonly address: string;
  readonly port: number;
  readonly sharing: PortSharing | undefined;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  #handler: DatagramHandler | undefined;
  /** Whom the RTP socket is connected to. */
  #peer: Endpoint | undefined;
  #closing: Promise<void> | undefined;
  #closed: (() => void) | undefined;

  private constructor(rtp: Socket, rtcp: Socket, isShared: boolean) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    const { address, port } = rtp.address();
    this.address = address;
    this.port = port;
    const nobody = { address: NOBODY[isIpv6Address(address) ? 6 : 4], port: DISCARD_PORT };
    this.sharing = isShared
      ? {
          hold: (peer) => {
            this.#connect(peer);
          },
          yield: () => {
            this.#connect(nobody);
          },
          open: () => {
            this.#connect(undefined);
          },
        }
      : undefined;
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

  /**
   * Binds `port` and the next one; undefined when either is taken.
   *
   * @param isShared another socket may bind them too, see {@link PortSharing}
   */
  static async bind(address: string, port: number, isShared = false): Promise<RtpSocketPair | undefined> {
    // The RTCP port is held for ourselves until RTP has its port: of two processes that try the same pair one gives way.
    let rtcp = await bindUnlessInUse(address, port + 1);
    if (rtcp === undefined) return undefined;
    let rtp: Socket | undefined;
    try {
      rtp = isShared ? await bindShared(address, port) : await bindUnlessInUse(address, port);
      if (rtp !== undefined && isShared) {
        await closeSocket(rtcp);
        rtcp = await bindUnlessInUse(address, port + 1, true);
      }
      if (rtp !== undefined && rtcp !== undefined) return new RtpSocketPair(rtp, rtcp, isShared);
    } catch (error) {
      if (rtp !== undefined) await closeSocket(rtp);
      if (rtcp !== undefined) await closeSocket(rtcp);
      throw error;
    }
    if (rtp !== undefined) await closeSocket(rtp);
    if (rtcp !== undefined) await closeSocket(rtcp);
    return undefined;
  }

  /** Who gets what arrives from now on. What came before is lost, as on a wire. */
  attach(handler: DatagramHandler): void {
    this.#handler = handler;
  }

  sendRtp(datagram: Uint8Array, to: Endpoint): void {
    const peer = this.#peer;
    // A connected socket sends to its peer only; anything else is on its way to a place that is no more.
    if (peer === undefined) this.#send(this.#rtp, datagram, to);
    else if (isSameEndpoint(peer, to)) this.#send(this.#rtp, datagram, undefined);
  }

  sendRtcp(datagram: Uint8Array, to: Endpoint): void {
    this.#send(this.#rtcp, datagram, to);
  }

  /** Idempotent; resolves when both ports are free again. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#handler = undefined;
      await Promise.all([closeSocket(this.#rtp), closeSocket(this.#rtcp)]);
      this.#closed?.();
    })();
    return this.#closing;
  }

  /** Tells one listener when both ports are free again. */
  onClosed(listener: () => void): void {
    this.#closed = listener;
  }

  #connect(peer: Endpoint | undefined): void {
    if (this.#closing !== undefined) return;
    const wasConnected = this.#peer !== undefined;
    this.#peer = undefined;
    try {
      if (wasConnected) this.#rtp.disconnect();
    } catch {
      // The connecting had failed; that was told.
    }
    if (peer === undefined) return;
    try {
      this.#rtp.connect(peer.port, peer.address);
      this.#peer = peer;
    } catch (error) {
      this.#handler?.onSocketError(error as Error);
    }
  }

  /** @param to undefined: where the socket is connected to */
  #send(socket: Socket, datagram: Uint8Array, to: Endpoint | undefined): void {
    if (this.#closing !== undefined) return;
    const onSent = (error: Error | null): void => {
      if (error !== null) this.#handler?.onSocketError(error);
    };
    try {
      if (to === undefined) socket.send(datagram, onSent);
      else socket.send(datagram, to.port, to.address, onSent);
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
  readonly #isShared: boolean;
  #next: number;
  #open = 0;

  /**
   * @param range default: whatever the operating system has free
   * @param isShared the pairs may be handed over to a media worker ({@link PortSharing}); default false
   */
  constructor(address: string, range?: PortRange, isShared = false) {
    this.#address = address;
    this.#isShared = isShared;
    this.#range = range === undefined ? undefined : { min: range.min + (range.min % 2), max: range.max };
    this.#next = this.#range?.min ?? 0;
    if (this.#range !== undefined && this.#range.min + 1 > this.#range.max) {
      throw new MediaError(
        'bad-parameters',
        `RTP port range ${String(range?.min)}-${String(range?.max)} holds no even/odd pair; widen it`,
      );
    }
  }

  /** Ports that are bound: two for each pair. */
  get bound(): number {
    return this.#open * 2;
  }

  /** @throws MediaError `no-free-port` */
  async open(): Promise<RtpSocketPair> {
    const attempts = this.#range === undefined ? 50 : Math.floor((this.#range.max - this.#range.min + 1) / 2);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const pair = await RtpSocketPair.bind(this.#address, await this.#candidate(), this.#isShared);
      if (pair === undefined) {
        // Others are at work here: somewhere else.
        if (this.#range === undefined) this.#next = 0;
        continue;
      }
      this.#open++;
      pair.onClosed(() => {
        this.#open--;
      });
      return pair;
    }
    const where = this.#range === undefined ? '' : ` in ${String(this.#range.min)}-${String(this.#range.max)}`;
    throw new MediaError('no-free-port', `no free RTP port pair on ${this.#address}${where}; widen the RTP port range`);
  }

  async #candidate(): Promise<number> {
    if (this.#range === undefined) {
      // One free port tells where to begin; from there on each in turn, which costs no socket of its own.
      if (this.#next === 0 || this.#next > LAST_PORT) {
        const probe = await bind(this.#address, 0);
        const { port } = probe.address();
        await closeSocket(probe);
        this.#next = port - (port % 2);
      }
      const port = this.#next;
      this.#next += 2;
      return port;
    }
    const port = this.#next;
    this.#next = port + 3 > this.#range.max ? this.#range.min : port + 2;
    return port;
  }
}
