import { DISCONNECTS, HUB_LIMITS } from '@hookswitch/shared';
import type { DisconnectName, Grants } from '@hookswitch/shared';
import type { Hub } from '../hub/index.ts';
import { OutboundFrame } from '../hub/index.ts';
import { delay, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Metrics, Random } from '../kernel/index.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext } from './connection.ts';
import { ExtensionRegistry } from './extensions.ts';
import type { ConnectionRules } from './machine.ts';
import { OUTBOX_LIMITS } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import type { ClientTransport, ConnectionAcceptor, MessageExtension, TransportEvents } from './ports.ts';

export interface GatewayOptions {
  readonly hub: Hub;
  readonly extensions?: readonly MessageExtension[];
  /** Node id, told to clients. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
  readonly metrics: Metrics;
  readonly rules?: Partial<Omit<ConnectionRules, 'node'>>;
  readonly outbox?: Partial<OutboxLimits>;
  /** Clients at once (default 50 000); more are told to come back later. */
  readonly maxConnections?: number;
}

/** The client connections of one process, whatever their transport. Listeners hand transports to {@link Gateway.accept}. */
export interface Gateway extends ConnectionAcceptor {
  /** Connections, closing ones included. */
  readonly connections: number;
  /** Ends the connections that `which` picks by their grants (undefined before connect). Returns how many. */
  disconnect(which: (grants: Grants | undefined) => boolean, name: DisconnectName): number;
  /**
   * Takes no more clients and sends those there are away with `shutdown`, spread over `spreadMs` (default 2000) so that
   * they do not all arrive elsewhere at once. Resolves when all are gone or, at the latest, `deadlineMs` (default 10 000)
   * later, when the rest are cut. Idempotent.
   */
  drain(options?: { spreadMs?: number; deadlineMs?: number }): Promise<void>;
}

export function createGateway(options: GatewayOptions): Gateway {
  return new ClientGateway(options);
}

const IGNORED: TransportEvents = { received: () => undefined, drained: () => undefined, closed: () => undefined };
/** Reconnecting clients come back within this time, each at a moment of its own. */
const RETRY_SPREAD_MS = 3000;

class ClientGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new Map<string, { readonly connection: Connection; readonly transport: ClientTransport }>();
  readonly #gauge;
  readonly #accepted;
  #draining: Promise<void> | undefined;
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { hub, clock, random, logger, node, metrics } = options;
    this.#gauge = metrics.gauge('hookswitch_gateway_connections', 'Client connections', ['transport']);
    this.#accepted = metrics.counter('hookswitch_gateway_accepted_total', 'Clients taken or turned away', ['outcome']);
    this.#context = {
      hub,
      clock,
      random,
      logger,
      extensions: new ExtensionRegistry(options.extensions ?? []),
      rules: {
        heartbeatMs: HUB_LIMITS.heartbeatMs,
        handshakeMs: HUB_LIMITS.handshakeMs,
        expiryWarningMs: 60_000,
        closingMs: 3000,
        maxBadFrames: 20,
        ...options.rules,
        node,
      },
      outbox: { ...OUTBOX_LIMITS, ...options.outbox },
      maxWaitingFrames: 1000,
    };
  }

  get connections(): number {
    return this.#connections.size;
  }

  accept(transport: ClientTransport): TransportEvents {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#accepted.inc({ outcome: refusal });
      this.#turnAway(transport, refusal);
      return IGNORED;
    }
    this.#accepted.inc({ outcome: 'accepted' });
    this.#gauge.inc({ transport: transport.name });
    const id = randomHex(this.#options.random, 8);
    const connection = new Connection(id, transport, this.#context, (gone) => {
      if (!this.#connections.delete(gone.id)) return;
      this.#gauge.inc({ transport: transport.name }, -1);
      if (this.#connections.size === 0) this.#empty?.resolve();
    });
    this.#connections.set(id, { connection, transport });
    return connection;
  }

  disconnect(which: (grants: Grants | undefined) => boolean, name: DisconnectName): number {
    let count = 0;
    for (const { connection } of [...this.#connections.values()]) {
      if (!which(connection.grants)) continue;
      connection.disconnect(name);
      count += 1;
    }
    return count;
  }

  drain(options: { spreadMs?: number; deadlineMs?: number } = {}): Promise<void> {
    this.#draining ??= this.#drain(options.spreadMs ?? 2000, options.deadlineMs ?? 10_000);
    return this.#draining;
  }

  #refusal(): 'shutdown' | 'overloaded' | undefined {
    if (this.#draining !== undefined) return 'shutdown';
    return this.#connections.size >= (this.#options.maxConnections ?? 50_000) ? 'overloaded' : undefined;
  }

  #turnAway(transport: ClientTransport, name: 'shutdown' | 'overloaded'): void {
    const { code, reason } = DISCONNECTS[name];
    transport.send([OutboundFrame.notice({ type: 'disconnect', code, reason, retryAfterMs: this.#retryAfter() })]);
    transport.close(code, reason);
  }

  #retryAfter(): number {
    return this.#options.random.int(RETRY_SPREAD_MS);
  }

  async #drain(spreadMs: number, deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const all = [...this.#connections.values()];
    const steps = Math.min(all.length, 20);
    for (let step = 0; step < steps; step++) {
      if (step > 0) await delay(clock, spreadMs / steps);
      for (let at = step; at < all.length; at += steps) all[at]?.connection.disconnect('shutdown', this.#retryAfter());
    }
    if (this.#connections.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    const deadline = clock.setTimer(deadlineMs, () => {
      for (const { transport } of this.#connections.values()) transport.terminate();
      this.#empty?.resolve();
    });
    await this.#empty.promise;
    deadline.cancel();
  }
}
