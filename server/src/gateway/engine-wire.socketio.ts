import type { Socket as NetSocket } from 'node:net';
import type { Socket } from 'socket.io';
import { OutboundFrame } from '../hub/index.ts';
import type { FrameEncoder } from '../hub/index.ts';
import { writeTcp } from './tcp-write.ts';

type Engine = Socket['conn'];

/** What of Engine.IO and ws has to be known; looked for, never relied on. */
interface EngineInside {
  readonly transport?: { readonly name?: unknown; readonly socket?: { readonly _socket?: unknown } };
  readonly writeBuffer?: unknown;
  readonly upgrading?: unknown;
  readonly readyState?: unknown;
}

/**
 * The shortest way to a Socket.IO client: frames put together once for all go to its TCP connection in one write, past
 * the packet queues of Engine.IO. Only while nothing waits in those (else the order would break): the transport is a
 * WebSocket, no upgrade to it is under way, the write buffer is empty. ws without compression writes what it is given at
 * once, so that frames never mix with its own.
 */
export class DirectWire {
  readonly #engine: Engine;
  readonly #encoder: FrameEncoder;
  readonly #owner: { drained(): void };
  #transport: unknown;
  #tcp: NetSocket | undefined;

  constructor(engine: Engine, encoder: FrameEncoder, owner: { drained(): void }) {
    this.#engine = engine;
    this.#encoder = encoder;
    this.#owner = owner;
  }

  /** Bytes that the operating system has not taken yet. */
  get bufferedBytes(): number {
    return this.#tcp?.writableLength ?? 0;
  }

  /** False: these have to go the long way. */
  write(frames: readonly OutboundFrame[]): boolean {
    const tcp = this.#ready();
    if (tcp === undefined) return false;
    writeTcp(tcp, OutboundFrame.concat(frames, this.#encoder));
    return true;
  }

  #ready(): NetSocket | undefined {
    const engine = this.#engine as unknown as EngineInside;
    if (engine.transport !== this.#transport) this.#look(engine.transport);
    if (this.#tcp?.writable !== true || engine.readyState !== 'open' || engine.upgrading !== false) return undefined;
    return Array.isArray(engine.writeBuffer) && engine.writeBuffer.length === 0 ? this.#tcp : undefined;
  }

  /** The transport changes once, with the upgrade. */
  #look(transport: EngineInside['transport']): void {
    this.#transport = transport;
    const inner = transport?.name === 'websocket' ? transport.socket?._socket : undefined;
    this.#tcp = isTcp(inner) ? inner : undefined;
    this.#tcp?.on('drain', () => {
      this.#owner.drained();
    });
  }
}

function isTcp(value: unknown): value is NetSocket {
  return typeof value === 'object' && value !== null && 'writableLength' in value && 'write' in value;
}
