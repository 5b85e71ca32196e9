import { readFileSync } from 'node:fs';
import type { EventSink } from '../calls/ports.ts';
import { createUserAgent, openSipTransports } from '../sip/index.ts';
import type { OverloadReport, SipTransportsOptions, TransportSet, UserAgent, UserAgentOptions } from '../sip/index.ts';
import type { Config } from './config.ts';
import { announcedAddress } from './platform.ts';
import type { Platform } from './platform.ts';
import { selfSignedCertificate } from './tls.ts';

/** Binds what SIP is spoken over: UDP and TCP on one port, and TLS where it is configured. The platform closes it. */
export function openSipTransport(platform: Platform): Promise<TransportSet> {
  const { config, startup, metrics } = platform;
  return startup.step(
    'SIP transports',
    async () => {
      const transports = await bind(platform, await listenOn(platform, config.sip));
      metrics.gauge(
        'hookswitch_sip_connections',
        'SIP connections over TCP and TLS',
        [],
        () => transports.stats.connections,
      );
      return transports;
    },
    (transports) => transports.close(),
  );
}

/** Where events of this node go. */
export interface Teller {
  readonly events: EventSink;
  readonly accountSid: string;
}

/** Tells the operator, in the log and by events, that calls are refused for want of room. */
export function overloadReports(
  { log, node }: Pick<Platform, 'log' | 'node'>,
  { events, accountSid }: Teller,
): (report: OverloadReport) => void {
  return ({ what, ...facts }) => {
    const { refused } = facts;
    if (what === 'recovered') {
      log.info({ refused }, 'every call is taken again');
      events.emit({ accountSid, type: 'node.recovered', subject: node, data: { node, refused } });
      return;
    }
    log.warn(
      { ...facts, hint: 'give this server more processor time, or send a part of the calls to another one' },
      'more calls come than there is room for: a part of the new ones is answered 503',
    );
    events.emit({ accountSid, type: 'node.overloaded', subject: node, data: { node, ...facts } });
  };
}

/**
 * Starts the user agent on the transports. The platform closes it, before the transports.
 *
 * @param options.teller who is told of overload, for the account that events of nodes go to
 */
export function openUserAgent<C>(
  platform: Platform,
  { teller, ...options }: Pick<UserAgentOptions<C>, 'transport' | 'handlers' | 'tap'> & { readonly teller: Teller },
): Promise<UserAgent> {
  const { clock, random, log, metrics, startup, config } = platform;
  const { reliableProvisionals, sessionInterval, keepAliveMs } = config.sip;
  const behaviour = {
    reliableProvisionals,
    keepAliveMs,
    sessionTimer: { interval: sessionInterval },
    overload: { onReport: overloadReports(platform, teller) },
  };
  return startup.step(
    'SIP user agent',
    () => createUserAgent({ clock, random, log, metrics, ...behaviour, ...options }),
    // The BYEs of calls that are still up are repeated until they are answered, for a while.
    (opened) => opened.end({ timeoutMs: 2000 }),
  );
}

/** The public address stands for the bound one of its own family. */
function announcedAs(address: string, publicAddress: string | undefined): string {
  const fits = publicAddress?.includes(':') === address.includes(':');
  return announcedAddress(address, fits ? publicAddress : undefined);
}

/** Ports that were only preferred give way to free ones when somebody has them. */
async function bind(platform: Platform, listen: SipTransportsOptions['listen']): Promise<TransportSet> {
  const { config, clock, random, log } = platform;
  const { addresses, port, tls, authoritiesFile } = config.sip;
  const authorities = authoritiesFile === undefined ? {} : { authorities: readFileSync(authoritiesFile, 'utf8') };
  const open = (chosen: SipTransportsOptions['listen']): Promise<TransportSet> =>
    openSipTransports({
      listen: { ...chosen, ...(chosen.tls === undefined ? {} : { tls: { ...chosen.tls, ...authorities } }) },
      tlsClient: authorities,
      addresses,
      advertisedAddresses: addresses.map((address) => announcedAs(address, config.publicAddress)),
      clock,
      random,
      log,
    });
  try {
    return await open(listen);
  } catch (error) {
    const movable = !port.fixed || tls?.port.fixed === false;
    if (!movable || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    log.warn({ port: port.number, tlsPort: tls?.port.number }, 'a preferred SIP port is taken: using free ones');
    const free = port.fixed ? {} : { udp: { port: 0 }, tcp: { port: 0 } };
    const freeTls = listen.tls === undefined || tls?.port.fixed !== false ? {} : { tls: { ...listen.tls, port: 0 } };
    return open({ ...listen, ...free, ...freeTls });
  }
}

async function listenOn(platform: Platform, sip: Config['sip']): Promise<SipTransportsOptions['listen']> {
  const { number } = sip.port;
  const plain = { udp: { port: number }, tcp: { port: number } };
  const { tls } = sip;
  if (tls === undefined) return plain;
  const { config, clock } = platform;
  const certificate =
    tls.certificate === 'self-signed'
      ? await selfSignedCertificate(config.dataDir, announcedAs(sip.host, config.publicAddress), clock)
      : tls.certificate;
  return { ...plain, tls: { port: tls.port.number, certificate, clientCertificates: tls.clients } };
}
