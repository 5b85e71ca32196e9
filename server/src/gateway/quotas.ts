import { TokenBucket } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import { DEFAULT_ACCOUNT_LIMITS, effectiveLimits } from '../tenants/index.ts';
import type { AccountLimits, AllAccountLimits } from '../tenants/index.ts';
import type { AccountUseReport, OverQuota, PublishQuota, UseElsewhere } from './ports.ts';

/** What one account may use of the gateways. Over a limit the command or connection is refused, nothing is cut. */
export type AccountQuotas = Omit<
  AllAccountLimits,
  | 'retentionSeconds'
  | 'retentionBytes'
  | 'recordingRetentionSeconds'
  | 'concurrentCalls'
  | `call${string}`
  | `request${string}`
  | `media${string}`
>;

/** An account's own limits; asked for at every use. Undefined: it has none. */
export type QuotaSource = (accountSid: string) => AccountLimits | undefined;

interface AccountUse {
  connections: number;
  subscriptions: number;
  readonly connects: TokenBucket;
  readonly publishes: TokenBucket;
  readonly bytes: TokenBucket;
  /** Since the last report. */
  published: number;
  publishedBytes: number;
  /** Monotonic; of the last use without a connection. */
  emptySince: number;
}

/** The share of one client in what its account uses. */
export class ConnectionUse {
  readonly #quotas: Quotas;
  readonly #accountSid: string;
  readonly #account: AccountUse;
  #held = 0;
  #open = true;

  constructor(quotas: Quotas, accountSid: string, account: AccountUse) {
    this.#quotas = quotas;
    this.#accountSid = accountSid;
    this.#account = account;
    account.connections += 1;
  }

  /** Takes one event of so many bytes of the account's rates. Undefined: it may be published. */
  publish(bytes: number): OverQuota | undefined {
    return this.#quotas.publish(this.#accountSid, bytes);
  }

  /** Whether the account may have so many more (default 1). Undefined: it may. */
  subscribe(more = 1): OverQuota | undefined {
    const { subscriptions } = this.#quotas.of(this.#accountSid);
    const elsewhere = this.#quotas.elsewhere?.of(this.#accountSid).subscriptions ?? 0;
    if (this.#account.subscriptions + elsewhere + more <= subscriptions) return undefined;
    return { message: `the account has its ${subscriptions} subscriptions`, retryAfterMs: FULL_RETRY_MS };
  }

  /** The subscriptions that the client has now. */
  holds(subscriptions: number): void {
    if (!this.#open) return;
    this.#account.subscriptions += subscriptions - this.#held;
    this.#held = subscriptions;
  }

  /** The client is gone. Idempotent. */
  release(): void {
    if (!this.#open) return;
    this.holds(0);
    this.#open = false;
    this.#account.connections -= 1;
    if (this.#account.connections === 0) this.#account.emptySince = this.#quotas.clock.monotonic();
  }
}

/** Rates are remembered this long after the last use of an account. */
const FORGET_MS = 60_000;
/** A place may be free by then. */
const FULL_RETRY_MS = 5000;
/** Share of a limit from which the use of an account is worth telling the other gateways. */
const WORTH_TELLING = 0.05;

/**
 * What every account uses, held against its quotas. One for all that clients and backends reach in this process: a rate
 * is one, however it is used. With `elsewhere`, what the account uses of other gateways counts too, as they last told.
 */
export class Quotas implements PublishQuota {
  readonly #defaults: AccountQuotas;
  readonly #source: QuotaSource | undefined;
  readonly clock: Clock;
  readonly elsewhere: UseElsewhere | undefined;
  readonly #accounts = new Map<string, AccountUse>();
  #lookedAt: number;

  constructor(options: {
    readonly clock: Clock;
    /** Of accounts without own limits. With these, `source` is not asked. For tests and benchmarks. */
    readonly defaults?: Partial<AccountQuotas>;
    readonly source?: QuotaSource;
    /** Default: there is no other gateway. */
    readonly elsewhere?: UseElsewhere;
  }) {
    this.clock = options.clock;
    this.elsewhere = options.elsewhere;
    this.#defaults = { ...DEFAULT_ACCOUNT_LIMITS, ...options.defaults };
    this.#source = options.defaults === undefined ? options.source : undefined;
    this.#lookedAt = this.clock.monotonic();
  }

  /** Accounts that are remembered, for leak checks. */
  get accounts(): number {
    return this.#accounts.size;
  }

  of(accountSid: string): AccountQuotas {
    return this.#source === undefined ? this.#defaults : effectiveLimits(this.#source(accountSid));
  }

  /** What each account has now of this process. */
  usage(): { readonly accountSid: string; readonly connections: number; readonly subscriptions: number }[] {
    return [...this.#accounts].map(([accountSid, { connections, subscriptions }]) => ({
      accountSid,
      connections,
      subscriptions,
    }));
  }

  /**
   * What to tell the other gateways, counted since the last call, which was `ms` ago: accounts that use a good part of a limit
   * (`worth`), and those of `also` whatever they use.
   */
  takeReport(ms: number, also: ReadonlySet<string>): { readonly use: AccountUseReport; readonly worth: boolean }[] {
    const told: { readonly use: AccountUseReport; readonly worth: boolean }[] = [];
    for (const [accountSid, use] of this.#accounts) {
      const { connections, subscriptions } = use;
      const [events, bytes] = [use.published, use.publishedBytes].map((count) => (count * 1000) / ms) as [
        number,
        number,
      ];
      use.published = use.publishedBytes = 0;
      const limits = this.of(accountSid);
      const worth =
        connections >= limits.connections * WORTH_TELLING ||
        subscriptions >= limits.subscriptions * WORTH_TELLING ||
        events >= limits.publishesPerSecond * WORTH_TELLING ||
        bytes >= limits.publishBytesPerSecond * WORTH_TELLING;
      const used = connections + subscriptions + events > 0;
      if ((worth && used) || also.has(accountSid)) {
        told.push({ use: { accountSid, connections, subscriptions, events, bytes }, worth: worth && used });
      }
    }
    return told;
  }

  /** A client of the account was authenticated: its share, or why it may not have one now. */
  connect(accountSid: string): ConnectionUse | OverQuota {
    const at = this.clock.monotonic();
    const limits = this.of(accountSid);
    const use = this.#use(accountSid, limits, at);
    const full = this.#fullOf(accountSid, use, limits);
    if (full !== undefined) return full;
    const wait = use.connects.take(limits.connectsPerSecond, limits.connectBurst, at);
    if (wait !== undefined) {
      return {
        message: `the account opens more than ${limits.connectsPerSecond} connections a second`,
        retryAfterMs: wait,
      };
    }
    return new ConnectionUse(this, accountSid, use);
  }

  /** The same for one request that waits for events: a client as long as it waits. Its rate is bounded elsewhere. */
  attend(accountSid: string): ConnectionUse | OverQuota {
    const limits = this.of(accountSid);
    const use = this.#use(accountSid, limits, this.clock.monotonic());
    return this.#fullOf(accountSid, use, limits) ?? new ConnectionUse(this, accountSid, use);
  }

  publish(accountSid: string, bytes: number): OverQuota | undefined {
    const at = this.clock.monotonic();
    const limits = this.of(accountSid);
    const use = this.#use(accountSid, limits, at);
    if (use.connections === 0) use.emptySince = at;
    const { publishesPerSecond, publishBurst, publishBytesPerSecond, publishBytesBurst } = limits;
    const share = this.#shares(accountSid, limits);
    const waitForBytes = use.bytes.waitFor(share.bytes, publishBytesBurst, at);
    if (waitForBytes !== undefined) {
      const message = `the account publishes more than ${publishBytesPerSecond} bytes a second`;
      return { message, retryAfterMs: waitForBytes };
    }
    const wait = use.publishes.take(share.events, publishBurst, at);
    if (wait !== undefined) {
      return { message: `the account publishes more than ${publishesPerSecond} events a second`, retryAfterMs: wait };
    }
    use.bytes.spend(bytes);
    use.published += 1;
    use.publishedBytes += bytes;
    return undefined;
  }

  /** Rates for this gateway: what the others leave, and no less than a fair part. */
  #shares(accountSid: string, limits: AccountQuotas): { readonly events: number; readonly bytes: number } {
    const { publishesPerSecond, publishBytesPerSecond } = limits;
    const others = this.elsewhere?.of(accountSid);
    if (others === undefined || others.publishers === 0) {
      return { events: publishesPerSecond, bytes: publishBytesPerSecond };
    }
    const left = (limit: number, used: number): number => Math.max(limit / (1 + others.publishers), limit - used);
    return { events: left(publishesPerSecond, others.events), bytes: left(publishBytesPerSecond, others.bytes) };
  }

  #fullOf(accountSid: string, { connections }: AccountUse, limits: AccountQuotas): OverQuota | undefined {
    const elsewhere = this.elsewhere?.of(accountSid).connections ?? 0;
    if (connections + elsewhere < limits.connections) return undefined;
    return { message: `the account has its ${limits.connections} connections`, retryAfterMs: FULL_RETRY_MS };
  }

  #use(accountSid: string, limits: AccountQuotas, at: number): AccountUse {
    const existing = this.#accounts.get(accountSid);
    if (existing !== undefined) return existing;
    this.#forget(at);
    const use: AccountUse = {
      connections: 0,
      subscriptions: 0,
      connects: new TokenBucket(limits.connectBurst, at),
      publishes: new TokenBucket(limits.publishBurst, at),
      bytes: new TokenBucket(limits.publishBytesBurst, at),
      published: 0,
      publishedBytes: 0,
      emptySince: at,
    };
    this.#accounts.set(accountSid, use);
    return use;
  }

  /** A new account is the time to look for those that left, not too often. */
  #forget(at: number): void {
    if (at - this.#lookedAt < FORGET_MS) return;
    this.#lookedAt = at;
    for (const [accountSid, use] of this.#accounts) {
      if (use.connections === 0 && at - use.emptySince > FORGET_MS) this.#accounts.delete(accountSid);
    }
  }
}
