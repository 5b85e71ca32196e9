import { RpcError, NodeRpc as BusRpc } from '../bus/index.ts';
import type { Bus } from '../bus/index.ts';
import type { Unsubscribe } from '../kernel/index.ts';
import { NodeRpcError } from './node-rpc-error.ts';
import type { NodeRpc } from './ports.ts';

const REASONS = {
  'no-responders': 'unreachable',
  unavailable: 'unreachable',
  timeout: 'timeout',
  remote: 'failed',
} as const;

/** Requests between nodes over the bus. Survives reconnects. The caller closes it. */
export class NatsNodeRpc implements NodeRpc {
  readonly node: string;
  readonly #rpc: BusRpc;

  constructor(bus: Bus, node: string) {
    this.node = node;
    this.#rpc = new BusRpc(bus, node);
  }

  serve(method: string, handler: (payload: unknown) => Promise<unknown>): Unsubscribe {
    return this.#rpc.serve(method, handler);
  }

  async request(node: string, method: string, payload: unknown, timeoutMs?: number): Promise<unknown> {
    try {
      return await this.#rpc.request(node, method, payload, timeoutMs);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw new NodeRpcError(REASONS[error.reason], error.message, { cause: error });
    }
  }

  /** Stops serving everything. Idempotent. */
  close(): void {
    this.#rpc.close();
  }
}
