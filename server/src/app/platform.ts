import { networkInterfaces } from 'node:os';
import type { Clock, Log, Metrics, Random } from '../kernel/index.ts';
import type { Config } from './config.ts';
import type { Health } from './health.ts';
import type { Startup } from './startup.ts';

/** What every part of the process is given. */
export interface Platform {
  readonly config: Config;
  /** Name of this process on the bus; a new one at every start. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly startup: Startup;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The address others are told when a socket is bound to `host`: a wildcard says nothing. */
export function announcedAddress(host: string, publicAddress: string | undefined): string {
  if (publicAddress !== undefined) return publicAddress;
  if (host !== '0.0.0.0' && host !== '::') return host;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const [family, loopback] = host === '::' ? (['IPv6', '::1'] as const) : (['IPv4', '127.0.0.1'] as const);
  // A link-local address means nothing to others.
  const useful = addresses.filter((entry) => !entry.internal && !entry.address.startsWith('fe80:'));
  return useful.find((entry) => entry.family === family)?.address ?? loopback;
}

/**
 * Whether the page can be opened from other machines, so that whoever asks for a demo token has to show the demo key. The
 * names in requests are no guard there: any program may claim one.
 */
export function isExposed({ publicAddress, http }: Pick<Config, 'publicAddress' | 'http'>): boolean {
  return publicAddress !== undefined || !(http.host.startsWith('127.') || http.host === '::1');
}
