import { DISCONNECTS, HUB_LIMITS } from '@hookswitch/shared';
import type { DisconnectName, Grants } from '@hookswitch/shared';
import type { Hub, Presence } from '../hub/index.ts';
import { OutboundFrame } from '../hub/index.ts';
import { Turns, delay, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Metrics, Random } from '../kernel/index.ts';
import { Admission } from './admission.ts';
import type { RefusedFor } from './admission.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext } from './connection.ts';
import { ExtensionRegistry } from './extensions.ts';
import { Deadlines } from './deadlines.ts';
import { connectionMachine } from './machine.ts';
import type { ConnectionRules } from './machine.ts';
import { OUTBOX_LIMITS } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import { Quotas } from './quotas.ts';
import type { AccountQuotas } from './quotas.ts';
import type { ClientTransport, ConnectionAcceptor, Entrant, MessageExtension, TransportEvents } from './ports.ts';

export interface GatewayOptions {
  readonly hub: Hub;
  readonly extensions?: readonly MessageExtension[];
  /** Left out: nobody can be a member of a topic. */
  readonly presence?: Presence;
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
  /** Clients at once without a good token yet (default 512); more wait in line. */
  readonly maxHandshakes?: number;
  /** Clients in line (default 5000); more are told to come back later. */
  readonly maxWaiting?: number;
  /** What accounts may use: shared with whatever else serves them, or the same for every account (default: see docs). */
  readonly quotas?: Quotas | Partial<AccountQuotas>;
}

/** A connection as an operator sees it. */
export interface ClientFacts {
  readonly connection: string;
  /** Null: it has no good token yet. */
  readonly account: string | null;
  readonly identity: string | null;
  readonly transport: string;
  readonly address: string;
  /** Patterns it is subscribed to. */
  readonly topics: string[];
  /** Bytes written that the operating system has not taken yet. */
  readonly waitingBytes: number;
}

/** The client connections of one process, whatever their transport. Listeners hand transports to {@link Gateway.accept}. */
export interface Gateway extends ConnectionAcceptor {
  /** Connections, closing ones included. */
  readonly connections: number;
  /** What an operator wants to know of each. */
  clients(): ClientFacts[];
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

class ClientGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new Set<Connection>();
  readonly #gauge;
  readonly #accepted;
  readonly #admission: Admission;
  #draining: Promise<void> | undefined;
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { hub, clock, random, logger, node, metrics } = options;
    this.#gauge = metrics.gauge('hookswitch_gateway_connections', 'Client connections', ['transport']);
    this.#accepted = metrics.counter('hookswitch_gateway_accepted_total', 'Clients taken or turned away', ['outcome']);
    const { maxConnections = 50_000, maxHandshakes, maxWaiting } = options;
    this.#admission = new Admission({
      clock,
      random,
      maxConnections,
      ...(maxHandshakes === undefined ? {} : { maxHandshakes }),
      ...(maxWaiting === undefined ? {} : { maxWaiting }),
    });
    metrics.gauge(
      'hookswitch_gateway_clients_waiting',
      'Clients in line for their turn to be let in',
      [],
      () => this.#admission.waiting,
    );
    const rules: ConnectionRules = {
      heartbeatMs: HUB_LIMITS.heartbeatMs,
      handshakeMs: HUB_LIMITS.handshakeMs,
      expiryWarningMs: 60_000,
      closingMs: 3000,
      maxBadFrames: 20,
      ...options.rules,
      node,
    };
    // One object of everything that connections can share: there are very many of them.
    this.#context = {
      hub,
      onAuthenticated: () => {
        this.#admission.authenticated();
      },
      handshakes: new Turns(clock),
      quotas: options.quotas instanceof Quotas ? options.quotas : new Quotas({ clock, defaults: options.quotas ?? {} }),
      clock,
      random,
      logger,
      extensions: new ExtensionRegistry(options.extensions ?? []),
      presence: options.presence,
      machine: connectionMachine(rules),
      commands: { hub, clock, random, node, logger },
      deadlines: new Deadlines(clock),
      outbox: { ...OUTBOX_LIMITS, ...options.outbox },
      maxWaitingFrames: 1000,
    };
    // Ends with the hub.
    hub.onTokensEnded((ended) => {
      this.disconnect((grants) => grants !== undefined && ended.hits(grants), ended.disconnect);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  clients(): ClientFacts[] {
    return [...this.#connections].map(({ id, grants, patterns, transport }) => ({
      connection: id,
      account: grants?.accountSid ?? null,
      identity: grants?.identity ?? null,
      transport: transport.name,
      address: transport.remoteAddress,
      topics: patterns,
      waitingBytes: transport.bufferedBytes,
    }));
  }

  accept(transport: ClientTransport): TransportEvents {
    const refusal = this.#admission.refusal();
    if (refusal !== undefined) {
      this.#accepted.inc({ outcome: refusal.reason });
      this.#turnAway(transport, refusal.reason);
      return IGNORED;
    }
    this.#admission.entered();
    this.#accepted.inc({ outcome: 'accepted' });
    this.#gauge.inc({ transport: transport.name });
    const connection = new Connection(randomHex(this.#options.random, 8), transport, this.#context, this.#gone);
    this.#connections.add(connection);
    return connection;
  }

  admit(entrant: Entrant): void {
    const refusal = this.#admission.ask(entrant);
    if (refusal !== undefined) this.#accepted.inc({ outcome: refusal.reason });
  }

  disconnect(which: (grants: Grants | undefined) => boolean, name: DisconnectName): number {
    let count = 0;
    for (const connection of [...this.#connections]) {
      if (!which(connection.grants)) continue;
      connection.disconnect(name);
      count += 1;
    }
    return count;
  }

  drain(options: { spreadMs?: number; deadlineMs?: number } = {}): Promise<void> {
    this.#admission.drain();
    this.#draining ??= this.#drain(options.spreadMs ?? 2000, options.deadlineMs ?? 10_000);
    return this.#draining;
  }

  readonly #gone = (connection: Connection): void => {
    if (!this.#connections.delete(connection)) return;
    this.#admission.gone(!connection.authenticated);
    this.#gauge.inc({ transport: connection.transport.name }, -1);
    if (this.#connections.size === 0) this.#empty?.resolve();
  };

  #turnAway(transport: ClientTransport, name: RefusedFor): void {
    const { code, reason } = DISCONNECTS[name];
    transport.send([
      OutboundFrame.notice({ type: 'disconnect', code, reason, retryAfterMs: this.#admission.retryAfter() }),
    ]);
    transport.close(code, reason);
  }

  async #drain(spreadMs: number, deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const all = [...this.#connections];
    const steps = Math.min(all.length, 20);
    for (let step = 0; step < steps; step++) {
      if (step > 0) await delay(clock, spreadMs / steps);
      for (let at = step; at < all.length; at += steps) all[at]?.disconnect('shutdown', this.#admission.retryAfter());
    }
    if (this.#connections.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    const deadline = clock.setTimer(deadlineMs, () => {
      for (const { transport } of this.#connections) transport.terminate();
      this.#empty?.resolve();
    });
    await this.#empty.promise;
    deadline.cancel();
  }
}
