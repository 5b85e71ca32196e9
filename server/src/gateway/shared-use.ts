import type { Clock, Timer } from '../kernel/index.ts';
import type { AccountUseReport, UseElsewhere, UseOfOthers, UseReports } from './ports.ts';
import type { Quotas } from './quotas.ts';

/** How often each gateway tells what accounts use of it, milliseconds. */
const TELL_MS = 1000;
/** What was told counts for so long: three reports may be lost. */
const VALID_MS = 3500;
/** Accounts in one report: about 30 KB. */
const ACCOUNTS_A_REPORT = 500;

interface Told {
  readonly use: AccountUseReport;
  /** Monotonic. */
  readonly at: number;
}

export interface SharedUseOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly reports: UseReports;
}

/**
 * What accounts use of all gateways: each tells the others of accounts that use a good part of a limit, and remembers what it
 * is told. Nobody is asked before a client is let in, so that an account may be over a limit by what it gets within
 * a second; without NATS every gateway holds the limits by itself.
 *
 * Lifetime: tells from `start()` to `close()`.
 */
export class SharedUse implements UseElsewhere {
  readonly #options: SharedUseOptions;
  readonly #nodes = new Map<string, Map<string, Told>>();
  readonly #stop: () => void;
  #quotas: Quotas | undefined;
  #timer: Timer | undefined;
  /** Accounts of the last report. */
  #told = new Set<string>();

  constructor(options: SharedUseOptions) {
    this.#options = options;
    this.#stop = options.reports.onReport(({ node, accounts }) => {
      if (node !== options.node) this.#heard(node, accounts);
    });
  }

  /** Other gateways that were heard of lately, for leak checks. */
  get gateways(): number {
    return this.#nodes.size;
  }

  /** @param quotas whose use is told */
  start(quotas: Quotas): void {
    this.#quotas = quotas;
    this.#wait();
  }

  of(accountSid: string): UseOfOthers {
    const sum = { connections: 0, subscriptions: 0, events: 0, bytes: 0, publishers: 0 };
    const from = this.#options.clock.monotonic() - VALID_MS;
    for (const accounts of this.#nodes.values()) {
      const told = accounts.get(accountSid);
      if (told === undefined || told.at < from) continue;
      sum.connections += told.use.connections;
      sum.subscriptions += told.use.subscriptions;
      sum.events += told.use.events;
      sum.bytes += told.use.bytes;
      if (told.use.events > 0) sum.publishers += 1;
    }
    return sum;
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stop();
    this.#nodes.clear();
  }

  #wait(): void {
    this.#timer = this.#options.clock.setTimer(TELL_MS, () => {
      this.#wait();
      this.#tell();
      this.#forget();
    });
  }

  #tell(): void {
    const { node, reports } = this.#options;
    const uses = this.#quotas?.takeReport(TELL_MS, this.#told) ?? [];
    // Who is below what is worth telling is told once more: that ends what others count.
    this.#told = new Set(uses.filter(({ worth }) => worth).map(({ use }) => use.accountSid));
    for (let at = 0; at < uses.length; at += ACCOUNTS_A_REPORT) {
      reports.publish({ node, accounts: uses.slice(at, at + ACCOUNTS_A_REPORT).map(({ use }) => use) });
    }
  }

  #heard(node: string, uses: readonly AccountUseReport[]): void {
    const at = this.#options.clock.monotonic();
    let accounts = this.#nodes.get(node);
    if (accounts === undefined) this.#nodes.set(node, (accounts = new Map<string, Told>()));
    for (const use of uses) accounts.set(use.accountSid, { use, at });
  }

  #forget(): void {
    const from = this.#options.clock.monotonic() - VALID_MS;
    for (const [node, accounts] of this.#nodes) {
      for (const [accountSid, { at }] of accounts) if (at < from) accounts.delete(accountSid);
      if (accounts.size === 0) this.#nodes.delete(node);
    }
  }
}
