import { describeError } from '../kernel/index.ts';
import type { Log, Unsubscribe } from '../kernel/index.ts';
import { NodeRpcError } from './node-rpc-error.ts';
import type { NodeRpc } from './ports.ts';

type Handler = (payload: unknown) => Promise<unknown>;

/** Connects any number of nodes of one process: the single-process server has one, tests have several. */
export class MemoryRpcNetwork {
  readonly #handlers = new Map<string, Handler>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The face of one node. */
  node(name: string): NodeRpc {
    return {
      node: name,
      serve: (method, handler) => this.#serve(`${name}/${method}`, handler),
      request: (node, method, payload) => this.#request(`${node}/${method}`, payload),
    };
  }

  /** Handlers in place, for leak checks. */
  get size(): number {
    return this.#handlers.size;
  }

  #serve(key: string, handler: Handler): Unsubscribe {
    if (this.#handlers.has(key)) throw new RangeError(`${key} is served already`);
    this.#handlers.set(key, handler);
    return () => {
      if (this.#handlers.get(key) === handler) this.#handlers.delete(key);
    };
  }

  async #request(key: string, payload: unknown): Promise<unknown> {
    const handler = this.#handlers.get(key);
    if (handler === undefined) throw new NodeRpcError('unreachable', `nobody serves ${key}`);
    try {
      return copy(await handler(copy(payload)));
    } catch (error) {
      this.#log.error({ err: error, method: key }, 'a node request failed');
      throw new NodeRpcError('failed', `${key}: ${describeError(error)}`, { cause: error });
    }
  }
}

/** What a JSON round trip over the bus would leave of it. */
function copy(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
