import { promises } from 'node:dns';
import { SingleFlight } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import type { Dns, NaptrRecord, SrvRecord } from './ports.ts';

export interface DnsOptions {
  readonly clock: Clock;
  /** Servers to ask, `address` or `address:port` (default: those of the system, and its hosts file). */
  readonly servers?: readonly string[];
  /** For one try of one server, milliseconds (default 2 000; two tries). */
  readonly timeoutMs?: number;
  /** Most names kept (default 10 000). The oldest answer makes room. */
  readonly maxEntries?: number;
}

interface Entry {
  readonly value: readonly unknown[];
  readonly until: number;
}

/** Bounds on how long an answer is kept, seconds. */
const TTL = { least: 5, most: 3_600, none: 30, unknown: 60 } as const;

/** Answers that mean: there is nothing of that kind. */
const NOTHING: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME']);

/**
 * The system's DNS, with a cache. Addresses are kept by their TTL, between 5 s and an hour; that there is nothing, for 30 s.
 * DEVIATION: Node does not tell the TTL of SRV and NAPTR records: they are kept for 60 s.
 */
export function createDns(options: DnsOptions): Dns {
  return new CachingDns(options);
}

class CachingDns implements Dns {
  readonly #resolver: promises.Resolver;
  readonly #options: DnsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new SingleFlight<string, readonly unknown[]>();

  constructor(options: DnsOptions) {
    this.#options = options;
    this.#resolver = new promises.Resolver({ timeout: options.timeoutMs ?? 2_000, tries: 2 });
    if (options.servers !== undefined) this.#resolver.setServers(options.servers);
  }

  naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.#ask(`naptr ${name}`, async () => ({
      value: await this.#resolver.resolveNaptr(name),
      ttl: TTL.unknown,
    }));
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#ask(`srv ${name}`, async () => {
      const records = await this.#resolver.resolveSrv(name);
      const value = records.map(({ name: target, ...rest }) => ({ ...rest, target }));
      return { value, ttl: TTL.unknown };
    });
  }

  addresses(name: string, family: 4 | 6): Promise<readonly string[]> {
    return this.#ask(`a${family} ${name}`, () => this.#addresses(name, family));
  }

  async #addresses(name: string, family: 4 | 6): Promise<{ value: readonly string[]; ttl: number }> {
    try {
      const found =
        family === 4
          ? await this.#resolver.resolve4(name, { ttl: true })
          : await this.#resolver.resolve6(name, { ttl: true });
      const ttl = Math.min(...found.map((record) => record.ttl));
      return { value: found.map(({ address }) => address), ttl };
    } catch (error) {
      if (this.#options.servers !== undefined) throw error;
      // Names of the hosts file, of mDNS and the like, which DNS servers do not know.
      const found = await promises.lookup(name, { family, all: true });
      return { value: found.map(({ address }) => address), ttl: TTL.unknown };
    }
  }

  async #ask<T>(key: string, look: () => Promise<{ value: readonly T[]; ttl: number }>): Promise<readonly T[]> {
    const now = this.#options.clock.monotonic();
    const known = this.#entries.get(key);
    if (known !== undefined && known.until > now) return known.value as readonly T[];
    const found = await this.#flights.run(key, async () => {
      const { value, ttl } = await look().catch((error: unknown) => {
        if (!NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return { value: [], ttl: TTL.none };
      });
      this.#keep(key, value, Math.max(TTL.least, Math.min(TTL.most, ttl)));
      return value;
    });
    return found as readonly T[];
  }

  #keep(key: string, value: readonly unknown[], ttlSeconds: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#options.clock.monotonic() + ttlSeconds * 1000 });
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size > (this.#options.maxEntries ?? 10_000)) this.#entries.delete(oldest);
  }
}
