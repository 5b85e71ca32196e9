import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { DomainError, describeError } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';
import { RpcError } from './errors.ts';
import { rpcSubject } from './subjects.ts';

/** Answers one request. The payload is unchecked JSON: parse it with a schema first. What is returned must be JSON. */
export type RpcHandler = (payload: unknown) => unknown;

interface Reply {
  readonly ok: boolean;
  readonly result?: unknown;
  readonly reason?: string;
  readonly message?: string;
}

/**
 * Requests from node to node on `hs.rpc.<node>.<method>`. At most once: a request is neither stored nor repeated.
 * Requests to one node are handled in order of arrival up to their first `await`; handlers overlap after that.
 */
export class NodeRpc {
  readonly #bus: Bus;
  readonly #node: string;
  readonly #served = new Map<string, Subscription>();

  constructor(bus: Bus, node: string) {
    this.#bus = bus;
    this.#node = node;
  }

  /** Serves `method` of this node until the returned function is called or the connection closes. Survives reconnects. */
  serve(method: string, handler: RpcHandler): () => void {
    if (this.#served.has(method)) throw new Error(`this node serves '${method}' already`);
    const subscription = this.#bus.nc.subscribe(rpcSubject(this.#node, method), {
      callback: (error, msg) => {
        if (error === null) void this.#answer(method, handler, msg);
        else this.#bus.log.warn({ err: error, method }, 'a subscription for node requests failed');
      },
    });
    this.#served.set(method, subscription);
    return () => {
      this.#served.delete(method);
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  /**
   * Asks `node` (which may be this one) and returns its answer, unchecked.
   * @param timeoutMs default 5000
   * @throws RpcError
   */
  async request(node: string, method: string, payload: unknown, timeoutMs = 5000): Promise<unknown> {
    if (!this.#bus.connected)
      throw new RpcError('unavailable', `not connected to NATS: ${method} was not sent to ${node}`);
    let reply: Reply;
    try {
      const msg = await this.#bus.nc.request(rpcSubject(node, method), JSON.stringify(payload ?? null), {
        timeout: timeoutMs,
      });
      reply = msg.json<Reply>();
    } catch (error) {
      throw this.#requestError(error, node, method, timeoutMs);
    }
    if (reply.ok) return reply.result;
    throw new RpcError('remote', `${method} on ${node}: ${reply.message ?? 'failed'}`, {
      details: { remoteReason: reply.reason ?? 'internal' },
    });
  }

  close(): void {
    for (const subscription of this.#served.values()) if (!subscription.isClosed()) subscription.unsubscribe();
    this.#served.clear();
  }

  #requestError(error: unknown, node: string, method: string, timeoutMs: number): RpcError {
    if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders())) {
      return new RpcError('no-responders', `node ${node} does not serve ${method} (is it running?)`, { cause: error });
    }
    if (error instanceof TimeoutError || (error instanceof RequestError && error.cause instanceof TimeoutError)) {
      return new RpcError('timeout', `node ${node} did not answer ${method} within ${timeoutMs} ms`, { cause: error });
    }
    return new RpcError('unavailable', `${method} to ${node} failed: ${describeError(error)}`, { cause: error });
  }

  async #answer(method: string, handler: RpcHandler, msg: Msg): Promise<void> {
    let reply: Reply;
    try {
      const answer: Promise<unknown> = Promise.resolve(handler(msg.json<unknown>()));
      const result = await answer;
      reply = { ok: true, result: result ?? null };
    } catch (error) {
      const reason = error instanceof DomainError ? (error as DomainError).reason : 'internal';
      reply = { ok: false, reason, message: describeError(error) };
      if (reason === 'internal') this.#bus.log.error({ err: error, method }, 'a node request failed');
    }
    try {
      msg.respond(JSON.stringify(reply));
    } catch (error) {
      this.#bus.log.error({ err: error, method }, 'the answer to a node request could not be sent');
    }
  }
}
