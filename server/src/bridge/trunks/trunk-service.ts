import type { EventSink } from '../../calls/ports.ts';
import type { Clock, Log, Random, Unsubscribe } from '../../kernel/index.ts';
import type { RequestFacts, UserAgent } from '../../sip/index.ts';
import { TrunkChannels } from './channels.ts';
import type { CallDirection, ChannelLease } from './channels.ts';
import { gatewayOf } from './gateway-owner.ts';
import type { GatewayUri } from './gateway-owner.ts';
import { gatewayName } from './gateway.ts';
import type { TrunkMetrics } from './metrics.ts';
import type { ChannelSource, Trunk, TrunkDirectory, TrunkGateway } from './ports.ts';
import { ReservedChannels } from './reserved-channels.ts';
import { selectAttempts } from './selection.ts';
import type { Selection } from './selection.ts';
import { TrunkHealth } from './trunk-health.ts';
import { TrunkRegistrations } from './trunk-registrations.ts';
import { testTrunk } from './trunk-test.ts';
import type { GatewayTest } from './trunk-test.ts';
import type { GatewayChange } from './trunk-health.ts';

export interface TrunkServiceOptions {
  readonly directory: TrunkDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventSink;
  readonly metrics: TrunkMetrics;
  /** Default: limits of trunks are counted on this node alone, and shares are not kept. */
  readonly channels?: ChannelSource | undefined;
}

export interface TrunkTest {
  readonly gateways: readonly GatewayTest[];
  /** For people; undefined: the trunk does not register. */
  readonly registration?: string;
}

/** A trunk as it is on this node, for people to look at. */
export interface TrunkFacts {
  readonly trunkSid: string;
  /** Calls from the carrier and to it. */
  readonly in: number;
  readonly out: number;
  /** Names of gateways that are down. */
  readonly down: readonly string[];
}

/** Whose call it is, and which way it goes. */
export interface TrunkCall {
  readonly accountSid: string;
  readonly direction: CallDirection;
  /** For which a channel may have been reserved. */
  readonly callSid?: string | undefined;
}

/** What trunks need of the user agent. */
export type TrunkAgent = Pick<UserAgent, 'ping' | 'request'> & Partial<Pick<UserAgent, 'keepAlive'>>;

/** Trunks at work on this node: who may call, where calls go, how many at once. Lifetime: from creation to `close()`. */
export class TrunkService {
  readonly directory: TrunkDirectory;
  readonly metrics: TrunkMetrics;
  readonly #options: TrunkServiceOptions;
  readonly #channels = new TrunkChannels();
  readonly #reserved = new ReservedChannels();
  #userAgent: Pick<UserAgent, 'ping' | 'request'> | undefined;
  #health: TrunkHealth | undefined;
  #unfollow: Unsubscribe | undefined;
  /** Gateways that are shown, by trunk. */
  #shown = new Map<string, ReadonlySet<string>>();
  #registrations: TrunkRegistrations | undefined;

  constructor(options: TrunkServiceOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.metrics = options.metrics;
  }

  /** Channels in use on all trunks, for leak checks. */
  get channelsInUse(): number {
    return this.#channels.size;
  }

  /** Of trunks that have calls here, or a gateway that is not reached from here. */
  facts(): TrunkFacts[] {
    return this.directory.trunks().flatMap((trunk) => {
      const used = this.#channels.used(trunk.sid);
      const down = trunk.gateways.filter((gateway) => this.#health?.isDown(trunk, gateway) === true).map(gatewayName);
      return used.in + used.out + down.length === 0 ? [] : [{ trunkSid: trunk.sid, ...used, down }];
    });
  }

  /** Gateways are watched, and trunks registered, from now on. */
  start(userAgent: TrunkAgent): void {
    const { directory, clock, random, log, metrics } = this.#options;
    this.#userAgent = userAgent;
    const ping = (target: string): Promise<number> => userAgent.ping(target);
    this.#health ??= new TrunkHealth({ directory, clock, random, log, ping });
    this.#registrations ??= new TrunkRegistrations({ directory, clock, random, log, metrics, userAgent });
    this.#health.on('changed', (change) => {
      this.#changed(change);
    });
    this.#unfollow ??= directory.onChange(({ kind }) => {
      if (kind === 'trunk') this.#gaugeAll();
    });
    this.#gaugeAll();
  }

  /** A trunk that the account may use. */
  trunk(accountSid: string, trunkSid: string): Trunk | undefined {
    const trunk = this.directory.trunk(trunkSid);
    if (trunk === undefined || trunk.accountSid === accountSid) return trunk;
    return this.directory.trunks(accountSid).find(({ sid }) => sid === trunkSid);
  }

  /** Whose gateway a SIP URI leads to. */
  gatewayOf(accountSid: string, uri: string): GatewayUri {
    return gatewayOf(this.directory, accountSid, uri);
  }

  /**
   * Where a call of the account to this number may go, in the order to try.
   *
   * @param callSid for which a channel may have been reserved
   */
  select(accountSid: string, number: string, callSid?: string): Selection {
    const isReserved = (trunk: Trunk): boolean =>
      callSid !== undefined && this.#reserved.trunkOf(callSid) === trunk.sid;
    return this.#select(accountSid, number, (trunk) => isReserved(trunk) || this.#channels.hasFree(trunk, 'out'));
  }

  #select(accountSid: string, number: string, hasChannel: (trunk: Trunk) => boolean): Selection {
    return selectAttempts({
      trunks: this.directory.trunks(accountSid),
      number,
      isDown: (trunk, gateway) => this.#health?.isDown(trunk, gateway) === true,
      hasChannel,
      random: this.#options.random,
    });
  }

  /** A channel for one call; undefined when none is free. */
  async acquire(trunk: Trunk, call: TrunkCall): Promise<ChannelLease | undefined> {
    const { direction, callSid } = call;
    const reserved = callSid === undefined ? undefined : this.#reserved.take(callSid, trunk.sid);
    if (reserved !== undefined) return reserved;
    const lease = await this.#lease(trunk, call);
    if (lease === undefined) return undefined;
    const show = (): void => {
      // A call may outlive its trunk.
      if (this.directory.trunk(trunk.sid) === undefined) return;
      this.metrics.channels.set(this.#channels.used(trunk.sid)[direction], { trunk: trunk.sid, direction });
    };
    this.metrics.calls.inc({ trunk: trunk.sid, direction });
    show();
    return {
      release: () => {
        lease.release();
        show();
      },
    };
  }

  /**
   * A channel for a call that is about to be placed, of the first trunk for its number that has one.
   * @returns gives it back unless the call has taken it, idempotent; undefined: none is free
   */
  async reserve(call: {
    readonly accountSid: string;
    readonly callSid: string;
    readonly number: string;
  }): Promise<(() => void) | undefined> {
    const { accountSid, callSid, number } = call;
    const { attempts } = this.#select(accountSid, number, () => true);
    for (const trunk of new Set(attempts.map((attempt) => attempt.trunk))) {
      const lease = await this.acquire(trunk, { accountSid, direction: 'out' });
      if (lease !== undefined) return this.#reserved.put(callSid, trunk.sid, lease);
    }
    return undefined;
  }

  /** Of a trunk without limits, and of one that is full by the calls of this node, nobody else has to be asked. */
  async #lease(trunk: Trunk, call: TrunkCall): Promise<ChannelLease | undefined> {
    const { direction } = call;
    const { channels: source } = this.#options;
    const isLimited = Object.keys(trunk.channels).length > 0;
    if (source === undefined || !isLimited || !this.#channels.hasFree(trunk, direction)) {
      return this.#channels.acquire(trunk, direction);
    }
    const giveBack = await source.take(trunk.sid, call, trunk.channels);
    if (giveBack === undefined) return undefined;
    const counted = this.#channels.count(trunk.sid, direction);
    return {
      release: () => {
        counted.release();
        giveBack();
      },
    };
  }

  /** What a real call showed of a gateway. */
  report(trunk: Trunk, gateway: TrunkGateway, result: { readonly good: true } | { readonly bad: string }): void {
    this.#health?.report(trunk, gateway, result);
  }

  /** What the gateways of a trunk say now, and how our registration is; undefined: no such trunk here. */
  async test(trunkSid: string): Promise<TrunkTest | undefined> {
    const trunk = this.directory.trunk(trunkSid);
    if (trunk === undefined || this.#userAgent === undefined) return undefined;
    const gateways = await testTrunk(trunk, this.#userAgent, this.#options.clock);
    const registration = this.#registrations?.describe(trunkSid);
    return { gateways, ...(registration === undefined ? {} : { registration }) };
  }

  /** Trunks that a request may come from: by its address, closest range first, and by our registration at the carrier. */
  sourcesOf(request: Pick<RequestFacts, 'requestUri' | 'source'>): readonly Trunk[] {
    const byAddress = this.directory.trunksBySourceIp(request.source.address);
    const registered = this.#registrations?.trunkOf(request);
    if (registered === undefined) return byAddress;
    return [registered, ...byAddress.filter(({ sid }) => sid !== registered.sid)];
  }

  /** Route that the carrier gave at registration, for calls to it (RFC 3608). */
  pathOf(trunk: Trunk): readonly string[] {
    return this.#registrations?.serviceRoute(trunk.sid) ?? [];
  }

  /** Takes our registrations at carriers back, so that they send no more calls. Bounded in time. */
  async drain(): Promise<void> {
    await this.#registrations?.stop();
  }

  /** Idempotent. */
  close(): void {
    void this.#registrations?.stop();
    this.#health?.close();
    this.#unfollow?.();
  }

  #changed({ trunk, gateway, up, why, usable }: GatewayChange): void {
    this.#gauge(trunk, gateway, up);
    const { sid: trunkSid, accountSid, name } = trunk;
    this.#options.events.emit({
      accountSid,
      type: up ? 'trunk.up' : 'trunk.down',
      subject: trunkSid,
      data: { trunkSid, name, gateway: gatewayName(gateway), gatewaysUp: usable, message: why },
    });
  }

  /** Gateways that came with a change of the configuration are shown too, and those that went no longer. */
  #gaugeAll(): void {
    const before = this.#shown;
    this.#shown = new Map();
    for (const trunk of this.directory.trunks()) {
      this.#shown.set(trunk.sid, new Set(trunk.gateways.map(gatewayName)));
      for (const gateway of trunk.gateways) {
        this.#gauge(trunk, gateway, this.#health?.isDown(trunk, gateway) !== true);
      }
    }
    const { gatewayUp, channels, registered } = this.metrics;
    for (const [trunk, gateways] of before) {
      for (const gateway of gateways)
        if (this.#shown.get(trunk)?.has(gateway) !== true) gatewayUp.remove({ trunk, gateway });
      if (this.#shown.has(trunk)) continue;
      registered.remove({ trunk });
      for (const direction of ['in', 'out']) channels.remove({ trunk, direction });
    }
  }

  #gauge(trunk: Trunk, gateway: TrunkGateway, up: boolean): void {
    this.metrics.gatewayUp.set(up ? 1 : 0, { trunk: trunk.sid, gateway: gatewayName(gateway) });
  }
}
