import type { Clock, Random } from '../../kernel/index.ts';
import { formatUri } from '../message/index.ts';
import type { SipUri } from '../message/index.ts';
import { TransportError, defaultPort, ipVersion } from '../transport/index.ts';
import type { Endpoint, Resolver, Transport, TransportProtocol } from '../transport/index.ts';
import { createDns } from './dns.ts';
import { orderNaptr, orderSrv } from './order.ts';
import type { Dns } from './ports.ts';

export interface LocatorOptions {
  readonly dns: Dns;
  readonly random: Random;
  /** What we can send over, the preferred one first. */
  readonly protocols: readonly TransportProtocol[];
  /** Address families that we can send to, the preferred one first (default 4, then 6). */
  readonly families?: readonly (4 | 6)[];
}

/** Most addresses tried for one request. */
const MAX_CANDIDATES = 16;

const SERVICE: Readonly<Record<string, TransportProtocol>> = { 'sip+d2u': 'udp', 'sip+d2t': 'tcp', 'sips+d2t': 'tls' };
const SRV_PREFIX: Readonly<Record<TransportProtocol, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
};

/** A host and a port that addresses are to be found for. */
interface Target {
  readonly protocol: TransportProtocol;
  readonly host: string;
  readonly port: number;
}

/** Finds where requests go (RFC 3263 section 4), best first. Numeric hosts are answered at once. */
export function createLocator(options: LocatorOptions): Resolver {
  const locator = new Locator(options);
  return (uri) => locator.locate(uri);
}

/** The locator for a transport, with the DNS servers of the system. */
export function systemLocator(options: {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
}): Resolver {
  return createLocator({ ...options, dns: createDns(options), protocols: options.transport.protocols });
}

class Locator {
  readonly #options: LocatorOptions;

  constructor(options: LocatorOptions) {
    this.#options = options;
  }

  locate(uri: SipUri): readonly Endpoint[] | Promise<readonly Endpoint[]> {
    const host = (uri.params.get('maddr') ?? uri.host).replace(/\.$/, '');
    const wanted = wantedProtocol(uri);
    if (wanted === 'none')
      return Promise.reject(
        new TransportError('no-transport', `${formatUri(uri)} asks for a transport that is not spoken here`),
      );
    // RFC 5922 section 4: the name to check is that of the URI, whatever DNS makes of it.
    const serverName = ipVersion(uri.host) === 0 ? { serverName: uri.host.toLowerCase() } : {};
    const named = (endpoints: Endpoint[]): Endpoint[] =>
      endpoints.map((endpoint) => (endpoint.protocol === 'tls' ? { ...endpoint, ...serverName } : endpoint));
    if (ipVersion(host) !== 0) {
      const protocol = wanted ?? (uri.scheme === 'sips' ? 'tls' : 'udp');
      return named([{ protocol, address: host, port: uri.port ?? defaultPort(protocol) }]);
    }
    return this.#byName(uri, host, wanted).then(named);
  }

  async #byName(uri: SipUri, host: string, wanted: TransportProtocol | undefined): Promise<Endpoint[]> {
    const targets = await this.#targets(uri, host, wanted);
    const found: Endpoint[] = [];
    let problem: unknown;
    for (const target of targets) {
      if (found.length >= MAX_CANDIDATES) break;
      try {
        found.push(...(await this.#addresses(target)));
      } catch (error) {
        problem ??= error;
      }
    }
    if (found.length > 0) return found.slice(0, MAX_CANDIDATES);
    const cause = problem === undefined ? {} : { cause: problem };
    throw new TransportError('unreachable', `DNS knows no address for ${formatUri(uri)}`, cause);
  }

  /** Sections 4.1 and 4.2: protocol, host and port, before their addresses are looked up. */
  async #targets(uri: SipUri, host: string, wanted: TransportProtocol | undefined): Promise<Target[]> {
    const secure = uri.scheme === 'sips';
    const plain = wanted ?? (secure ? 'tls' : 'udp');
    if (uri.port !== undefined) return [{ protocol: plain, host, port: uri.port }];
    // Where DNS cannot say, the host's own addresses are the best guess: the hosts file may know them.
    const served = await this.#served(host, wanted, secure).catch(() => []);
    return served.length > 0 ? served : [{ protocol: plain, host, port: defaultPort(plain) }];
  }

  #served(host: string, wanted: TransportProtocol | undefined, secure: boolean): Promise<Target[]> {
    return wanted === undefined ? this.#byNaptr(host, secure) : this.#bySrv(SRV_PREFIX[wanted] + host, wanted);
  }

  async #byNaptr(host: string, secure: boolean): Promise<Target[]> {
    const usable = (protocol: TransportProtocol): boolean =>
      this.#options.protocols.includes(protocol) && (!secure || protocol === 'tls');
    const targets: Target[] = [];
    for (const { flags, service, replacement } of orderNaptr(await this.#options.dns.naptr(host))) {
      const protocol = SERVICE[service.toLowerCase()];
      if (protocol === undefined || flags.toLowerCase() !== 's' || !usable(protocol)) continue;
      targets.push(...(await this.#bySrv(replacement, protocol)));
    }
    if (targets.length > 0) return targets;
    for (const protocol of this.#options.protocols)
      if (usable(protocol)) targets.push(...(await this.#bySrv(SRV_PREFIX[protocol] + host, protocol)));
    return targets;
  }

  async #bySrv(name: string, protocol: TransportProtocol): Promise<Target[]> {
    const records = await this.#options.dns.srv(name);
    return orderSrv(records, this.#options.random)
      .slice(0, MAX_CANDIDATES)
      .filter(({ target }) => target !== '' && target !== '.')
      .map(({ target, port }) => ({ protocol, host: target, port }));
  }

  async #addresses({ protocol, host, port }: Target): Promise<Endpoint[]> {
    const families = this.#options.families ?? [4, 6];
    const lists = await Promise.allSettled(families.map((family) => this.#options.dns.addresses(host, family)));
    const found = lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []));
    const failed = lists.find((list) => list.status === 'rejected');
    if (found.length === 0 && failed !== undefined) throw failed.reason;
    return found.map((address) => ({ protocol, address, port }));
  }
}

/** What the URI asks for; undefined when that is left to DNS, `none` when we cannot give it. */
function wantedProtocol(uri: SipUri): TransportProtocol | 'none' | undefined {
  const transport = uri.params.get('transport')?.toLowerCase();
  if (transport === undefined) return undefined;
  // Section 26.2.2 of RFC 3261: with sips, `tcp` means TLS over TCP, and UDP is out of the question.
  if (uri.scheme === 'sips') return transport === 'tcp' || transport === 'tls' ? 'tls' : 'none';
  return transport === 'udp' || transport === 'tcp' || transport === 'tls' ? transport : 'none';
}
