import { Emitter, MachineRunner, TimerSet } from '../../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../../kernel/index.ts';
import { isAlive } from './failover.ts';
import { gatewayHostPort, gatewayKey, gatewayName } from './gateway.ts';
import { HEALTHY, healthMachine } from './health.ts';
import type { HealthEffect, HealthInput, HealthState } from './health.ts';
import type { Trunk, TrunkDirectory, TrunkGateway } from './ports.ts';

/** A gateway went down or came back. */
export interface GatewayChange {
  readonly trunk: Trunk;
  readonly gateway: TrunkGateway;
  readonly up: boolean;
  readonly why: string;
  /** Gateways of the trunk that are not down now. */
  readonly usable: number;
}

export interface TrunkHealthOptions {
  readonly directory: TrunkDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Sends OPTIONS to a SIP URI. Resolves with the final status, 408 without one. Never rejects. */
  ping(target: string): Promise<number>;
}

interface Watched {
  readonly trunk: Trunk;
  readonly gateway: TrunkGateway;
  readonly intervalMs: number;
  readonly runner: MachineRunner<HealthState, HealthInput, HealthEffect>;
  readonly timers: TimerSet<'next'>;
}

/** First pings are spread over this time, milliseconds, so that a start does not ping all carriers at once. */
const SPREAD_MS = 2000;

/**
 * Health of every gateway in the configuration: pings them as their trunks say, takes the results of real calls, follows
 * changes of the configuration (a gateway whose address stays keeps its state). Lifetime: from creation to `close()`.
 */
export class TrunkHealth {
  readonly #options: TrunkHealthOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #emitter: Emitter<{ changed: GatewayChange }>;
  readonly #stop: Unsubscribe;
  #closed = false;

  constructor(options: TrunkHealthOptions) {
    this.#options = options;
    this.#emitter = new Emitter((error) => {
      options.log.error({ err: error }, 'a listener of trunk health failed');
    });
    this.#stop = options.directory.onChange(({ kind }) => {
      if (kind === 'trunk') this.#follow();
    });
    this.#follow();
  }

  on(event: 'changed', listener: (change: GatewayChange) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Down ones are tried last. A gateway that is not watched counts as up. */
  isDown(trunk: Trunk, gateway: TrunkGateway): boolean {
    return this.stateOf(trunk, gateway) === 'down';
  }

  stateOf(trunk: Trunk, gateway: TrunkGateway): HealthState['name'] {
    return this.#watched.get(gatewayKey(trunk, gateway))?.runner.state.name ?? 'up';
  }

  /** What a real call showed. */
  report(trunk: Trunk, gateway: TrunkGateway, result: { readonly good: true } | { readonly bad: string }): void {
    const input: HealthInput =
      'good' in result ? { kind: 'good', by: 'call' } : { kind: 'bad', by: 'call', why: result.bad };
    this.#watched.get(gatewayKey(trunk, gateway))?.runner.dispatch(input);
  }

  /** Gateways by state, for the metrics. */
  counts(): Readonly<Record<HealthState['name'], number>> {
    const counts = { up: 0, suspect: 0, down: 0, trial: 0 };
    for (const { runner } of this.#watched.values()) counts[runner.state.name]++;
    return counts;
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stop();
    this.#emitter.clear();
    for (const { timers } of this.#watched.values()) timers.close();
    this.#watched.clear();
  }

  #follow(): void {
    const wanted = new Map<string, { trunk: Trunk; gateway: TrunkGateway }>();
    for (const trunk of this.#options.directory.trunks()) {
      for (const gateway of trunk.gateways) wanted.set(gatewayKey(trunk, gateway), { trunk, gateway });
    }
    for (const [key, watched] of this.#watched) {
      const now = wanted.get(key);
      if (now !== undefined && now.trunk.optionsIntervalS * 1000 === watched.intervalMs) continue;
      watched.timers.close();
      this.#watched.delete(key);
    }
    for (const [key, { trunk, gateway }] of wanted) {
      if (!this.#watched.has(key)) this.#watch(key, trunk, gateway);
    }
  }

  #watch(key: string, trunk: Trunk, gateway: TrunkGateway): void {
    const { clock, random } = this.#options;
    const intervalMs = trunk.optionsIntervalS * 1000;
    const runner = new MachineRunner<HealthState, HealthInput, HealthEffect>({
      machine: healthMachine({ intervalMs }),
      initial: HEALTHY,
      perform: (effect) => {
        if (timers.perform(effect)) return;
        if (effect.kind === 'ping') this.#ping(watched);
        else this.#changed(watched, effect);
      },
    });
    const timers = new TimerSet<'next'>(clock, (name) => {
      runner.dispatch({ kind: 'timer', name });
    });
    const watched: Watched = { trunk, gateway, intervalMs, runner, timers };
    this.#watched.set(key, watched);
    if (intervalMs > 0) timers.start('next', random.int(SPREAD_MS));
  }

  #ping({ gateway, runner, timers, trunk }: Watched): void {
    const key = gatewayKey(trunk, gateway);
    void this.#options.ping(`sip:${gatewayHostPort(gateway)}`).then((status) => {
      // The configuration may have changed while the ping was under way.
      if (this.#closed || this.#watched.get(key)?.timers !== timers) return;
      if (isAlive(status)) runner.dispatch({ kind: 'good', by: 'ping' });
      else runner.dispatch({ kind: 'bad', by: 'ping', why: pingFailure(status) });
    });
  }

  #changed({ trunk, gateway }: Watched, { up, why }: { up: boolean; why: string }): void {
    // The state of the gateway itself is taken over after its effects were performed.
    const others = trunk.gateways.filter((other) => other !== gateway && !this.isDown(trunk, other)).length;
    const usable = others + (up ? 1 : 0);
    const facts = { accountSid: trunk.accountSid, trunk: trunk.sid, gateway: gatewayName(gateway), usable };
    if (up) this.#options.log.info(facts, `gateway of trunk '${trunk.name}' is back: ${why}`);
    else {
      const hint =
        usable > 0 ? 'calls go to its other gateways' : 'no gateway is left: calls still try it, and will mostly fail';
      this.#options.log.warn({ ...facts, hint }, `gateway of trunk '${trunk.name}' is down: ${why}`);
    }
    this.#emitter.emit('changed', { trunk, gateway, up, why, usable });
  }
}

function pingFailure(status: number): string {
  if (status === 408) return 'no answer to OPTIONS';
  return status === 503 ? 'OPTIONS could not be sent, or was answered 503' : `OPTIONS was answered ${String(status)}`;
}
