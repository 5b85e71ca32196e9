import type { Socket } from 'node:net';
import { describeError, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random, Timer } from '../../kernel/index.ts';
import type { Endpoint } from './api.ts';
import { FlowClosedError, TransportError } from './errors.ts';
import { StreamFramer } from './framer.ts';
import type { StreamFault } from './framer.ts';

/** Times in milliseconds, sizes in bytes. */
export interface ConnectionLimits {
  /** To connect and to finish the TLS handshake (default 5 000). */
  readonly connectMs: number;
  /** From a message's first byte to its last, and from accepting a connection to its first message (default 30 000). */
  readonly messageMs: number;
  /** Without a SIP message or a ping of the peer (default 3 600 000). */
  readonly idleMs: number;
  /** Between our pings on connections that we opened, shortened by up to a fifth (RFC 5626 section 4.4.1; default 30 000). */
  readonly pingMs: number;
  /** For the pong of a peer that has answered a ping before (RFC 5626 section 4.4.1; default 10 000). */
  readonly pongMs: number;
  /** Waiting to be sent. Overflow: the connection is closed, and with it everything that waits (default 1 MiB). */
  readonly queueBytes: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connectMs: 5_000,
  messageMs: 30_000,
  idleMs: 3_600_000,
  pingMs: 30_000,
  pongMs: 10_000,
  queueBytes: 1024 * 1024,
};

export interface ConnectionContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: ConnectionLimits;
}

export interface ConnectionEvents {
  onMessage(bytes: Buffer, fault?: StreamFault): void;
  onKeepAlive(): void;
  /** Once, with the reason. */
  onClosed(error: Error): void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly failed: ((error: Error) => void) | undefined;
}

const PING = Buffer.from('\r\n\r\n');
const PONG = Buffer.from('\r\n');
/** How long a connection that we end may take to send what waits, milliseconds. */
const LINGER_MS = 2_000;

/** One TCP or TLS connection: framing, queue, keep-alives. It owns its socket and its timers. */
export class StreamConnection {
  /** Where it leads, with the flow that names this connection. */
  readonly remote: Endpoint;
  readonly outgoing: boolean;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #events: ConnectionEvents;
  readonly #framer = new StreamFramer();
  /** Messages that wait for the connection to be ready; undefined once it is. */
  #waiting: Waiting[] | undefined = [];
  #waitingBytes = 0;
  #crlfs = 0;
  /** The peer has answered a ping on this connection, and so answers them all. */
  #answersPings = false;
  #usedAt = 0;
  #deadline: Timer | undefined;
  #idle: Timer | undefined;
  #ping: Timer | undefined;
  #pong: Timer | undefined;
  #closed = false;
  #ending = false;

  constructor(
    socket: Socket,
    identity: { readonly remote: Endpoint; readonly outgoing: boolean },
    context: ConnectionContext,
    events: ConnectionEvents,
  ) {
    this.#socket = socket;
    this.remote = identity.remote;
    this.outgoing = identity.outgoing;
    this.#context = context;
    this.#events = events;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('error', (error) => {
      this.destroy(error);
    });
    // SIP knows no half-open connections: what waits is sent, nothing more.
    socket.on('end', () => {
      this.end();
    });
    socket.on('close', () => {
      this.destroy(new FlowClosedError('closed-by-peer', `${this.#name()} is closed`));
    });
    this.#deadline = context.clock.setTimer(
      identity.outgoing ? context.limits.connectMs : context.limits.messageMs,
      () => {
        this.destroy(new TransportError('timeout', `${this.#name()}: nothing came in time`));
      },
    );
  }

  /** Our end; undefined while it connects. */
  get local(): { readonly address: string; readonly port: number } | undefined {
    const { localAddress: address, localPort: port } = this.#socket;
    return address === undefined || port === undefined ? undefined : { address, port };
  }

  get closed(): boolean {
    return this.#closed || this.#ending;
  }

  /** Connected, and its peer is who it should be: sends what waits. */
  ready(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#closed) return;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    if (this.outgoing) this.#deadline?.cancel();
    this.#socket.setKeepAlive(true, this.#context.limits.pingMs);
    this.#touch();
    this.#watchIdle(this.#context.limits.idleMs);
    if (this.outgoing) this.#schedulePing();
    for (const { bytes, failed } of waiting) this.#write(bytes, failed);
  }

  send(bytes: Buffer, failed?: (error: Error) => void): void {
    if (this.closed) {
      queueMicrotask(() => failed?.(new FlowClosedError('gone', `${this.#name()} is gone`)));
      return;
    }
    const queued = this.#waitingBytes + this.#socket.writableLength;
    if (queued + bytes.length > this.#context.limits.queueBytes) {
      const error = new TransportError('overflow', `${this.#name()}: the peer does not read, ${queued} bytes wait`);
      queueMicrotask(() => failed?.(error));
      this.destroy(error);
      return;
    }
    if (this.#waiting === undefined) {
      this.#touch();
      this.#write(bytes, failed);
    } else {
      this.#waiting.push({ bytes, failed });
      this.#waitingBytes += bytes.length;
    }
  }

  /** Sends what waits, then closes. Takes no more. */
  end(): void {
    if (this.closed) return;
    this.#ending = true;
    this.#stopTimers();
    this.#deadline = this.#context.clock.setTimer(LINGER_MS, () => {
      this.destroy();
    });
    this.#socket.end();
  }

  /** Closes at once; what waits fails with `error`. Idempotent. */
  destroy(error: Error = new FlowClosedError('closed', `${this.#name()} was closed`)): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimers();
    this.#socket.destroy();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    for (const { failed } of waiting) queueMicrotask(() => failed?.(error));
    this.#context.log.debug({ remote: this.remote }, `SIP connection closed: ${describeError(error)}`);
    this.#events.onClosed(error);
  }

  #name(): string {
    const { protocol, address, port } = this.remote;
    return `the ${protocol} connection with ${address} port ${port}`;
  }

  #stopTimers(): void {
    for (const timer of [this.#deadline, this.#idle, this.#ping, this.#pong]) timer?.cancel();
  }

  #write(bytes: Buffer, failed?: (error: Error) => void): void {
    const room = this.#socket.write(bytes, (error) => {
      if (error instanceof Error) failed?.(toError(error));
    });
    // Somebody who does not read our answers sends no more requests.
    if (room || this.#socket.isPaused()) return;
    this.#socket.pause();
    this.#socket.once('drain', () => {
      this.#socket.resume();
    });
  }

  #gone(): boolean {
    return this.closed;
  }

  #receive(chunk: Buffer): void {
    if (this.closed) return;
    for (const frame of this.#framer.push(chunk)) {
      if (frame.kind === 'crlf') this.#receiveCrlf();
      else {
        this.#crlfs = 0;
        this.#touch();
        this.#events.onMessage(frame.bytes, frame.kind === 'fault' ? frame.fault : undefined);
        if (frame.kind === 'fault') this.end();
      }
      // The handler may have closed the transport.
      if (this.#gone()) return;
    }
    this.#watchPartial();
  }

  /** A message that was begun has to end in time: half messages are a way to hold connections open. */
  #watchPartial(): void {
    if (this.#waiting !== undefined) return;
    if (!this.#framer.partial) {
      this.#deadline?.cancel();
      this.#deadline = undefined;
    } else
      this.#deadline ??= this.#context.clock.setTimer(this.#context.limits.messageMs, () => {
        this.destroy(new TransportError('timeout', `${this.#name()}: a message did not end in time`));
      });
  }

  /** RFC 5626 sections 3.5.1 and 4.4.1: CRLF is a pong where one is awaited; two make a ping, answered with one. */
  #receiveCrlf(): void {
    this.#events.onKeepAlive();
    if (this.#pong !== undefined) {
      this.#pong.cancel();
      this.#pong = undefined;
      this.#answersPings = true;
      return;
    }
    if (++this.#crlfs < 2) return;
    this.#crlfs = 0;
    this.#touch();
    if (this.#waiting === undefined) this.#write(PONG);
  }

  #touch(): void {
    this.#usedAt = this.#context.clock.monotonic();
  }

  /** One timer that looks when the connection was last used, rather than one restarted with every message. */
  #watchIdle(delayMs: number): void {
    this.#idle = this.#context.clock.setTimer(delayMs, () => {
      const left = this.#usedAt + this.#context.limits.idleMs - this.#context.clock.monotonic();
      if (left > 0) this.#watchIdle(left);
      else this.destroy(new FlowClosedError('idle', `${this.#name()} was idle`));
    });
  }

  #schedulePing(): void {
    const { pingMs, pongMs } = this.#context.limits;
    this.#ping = this.#context.clock.setTimer(pingMs * (0.8 + 0.2 * this.#context.random.fraction()), () => {
      if (this.#pong === undefined) this.#write(PING);
      this.#pong?.cancel();
      this.#pong = this.#context.clock.setTimer(pongMs, () => {
        this.#pong = undefined;
        // A peer of RFC 3261 alone ignores pings: only one that has answered before is dead when it does not.
        if (this.#answersPings) this.destroy(new TransportError('timeout', `${this.#name()}: a ping was not answered`));
      });
      this.#schedulePing();
    });
  }
}
