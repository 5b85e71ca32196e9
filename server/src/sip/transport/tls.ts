import type { Socket } from 'node:net';
import { TLSSocket, connect, createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { ipVersion } from './addresses.ts';
import type { Endpoint, SingleTransport } from './api.ts';
import { Certificate } from './certificate.ts';
import type { CertificateSource } from './certificate.ts';
import { CONNECTION_LIMITS } from './connection.ts';
import { TransportError } from './errors.ts';
import { isIdentity, sipIdentities } from './peer-identity.ts';
import { StreamTransport } from './stream-transport.ts';
import type { StreamMedium, StreamTransportOptions } from './stream-transport.ts';
import { bind, sourceAddress } from './tcp.ts';

export interface TlsTransportOptions extends StreamTransportOptions {
  /** Ours, shown to peers in both directions. */
  readonly certificate: CertificateSource;
  /** Whom to believe, PEM (default: the authorities that Node brings along). */
  readonly authorities?: string | readonly string[];
  /**
   * Check the certificate of peers that we connect to, against `serverName` or the address (default true). False takes
   * any certificate: the connection is private from onlookers, not from whoever pretends to be the peer.
   */
  readonly verifyPeers?: boolean;
  /** Certificates of peers that connect to us: not asked for (default), asked for, or required. */
  readonly clientCertificates?: 'none' | 'ask' | 'require';
}

const VERSION = { minVersion: 'TLSv1.2' } as const;

/** Without a certificate of ours: what connects to nobody but whoever we call. */
export type TlsClientOptions = Omit<TlsTransportOptions, 'certificate' | 'clientCertificates'>;

/**
 * TLS towards peers that we connect to, with no port that listens: enough for a trunk whose gateway speaks TLS. Contact
 * names the connection that is up to the peer (the checks and the registration of a trunk keep one up), so that what it
 * sends inside calls comes back over it; new calls of it cannot come by TLS.
 * DEVIATION: before there is a connection the default port, 5061, is named, where nobody listens: a peer that reuses no
 * connection then cannot hang up, and its silence ends the call.
 */
export function createTlsClientTransport(options: TlsClientOptions): SingleTransport {
  const medium = { protocol: 'tls', server: undefined, accepted: 'secureConnection' } as const;
  return new StreamTransport({ ...medium, dial: dialler(options, () => undefined) }, options);
}

/**
 * Binds a TLS listener (TLS 1.2 or later). Rejects with the system's error when the address is not ours or the port is
 * taken, and when the certificate cannot be used.
 */
export async function openTlsTransport(options: TlsTransportOptions): Promise<SingleTransport> {
  const trust = trustOf(options);
  const { clientCertificates = 'none' } = options;
  const certificate = await Certificate.load(options.certificate, {
    ...options,
    changed: (pem) => {
      server.setSecureContext({ ...VERSION, ...trust, ...pem });
    },
  });
  const handshakeTimeout = options.limits?.connectMs ?? CONNECTION_LIMITS.connectMs;
  const server = createServer({
    ...VERSION,
    ...trust,
    ...certificate.current,
    handshakeTimeout,
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: clientCertificates === 'require',
  } satisfies TlsOptions);
  server.on('tlsClientError', (error, socket) => {
    options.log.debug({ err: error, source: socket.remoteAddress }, 'a TLS handshake with a SIP peer failed');
    socket.destroy();
  });
  server.once('close', () => {
    certificate.close();
  });
  try {
    await bind(server, options);
  } catch (error) {
    certificate.close();
    throw error;
  }
  const dial = dialler(options, () => certificate.current);
  return new StreamTransport({ protocol: 'tls', server, accepted: 'secureConnection', dial, peerName }, options);
}

/** How peers are connected to and checked. @param own our certificate, as it is now, if there is one */
function dialler(options: TlsClientOptions, own: () => Certificate['current'] | undefined): StreamMedium['dial'] {
  const trust = trustOf(options);
  const proven = new ProvenNames();
  return (destination, ready) => {
    const expected = destination.serverName ?? proven.of(destination) ?? destination.address;
    const socket = connect({
      host: destination.address,
      port: destination.port,
      ...sourceAddress(options),
      ...VERSION,
      ...trust,
      ...own(),
      ...serverNameIndication(expected),
      rejectUnauthorized: options.verifyPeers !== false,
      checkServerIdentity: (_host, peer) => {
        if (options.verifyPeers === false || isIdentity(peer, expected)) return undefined;
        const names = sipIdentities(peer).join(', ');
        return new TransportError(
          'certificate',
          `the certificate of ${destination.address} is for ${names}, not for ${expected}`,
        );
      },
    });
    return socket.once('secureConnect', () => {
      if (options.verifyPeers !== false) proven.note(destination, expected);
      ready();
    });
  };
}

function trustOf({ authorities }: TlsClientOptions): { readonly ca?: string[] } {
  return authorities === undefined ? {} : { ca: [authorities].flat() };
}

/** Names only: addresses may not be sent (RFC 6066 section 3). */
function serverNameIndication(name: string): { readonly servername?: string } {
  return ipVersion(name) !== 0 ? {} : { servername: name };
}

const MAX_PROVEN = 1_000;

/**
 * Under which name each address proved itself last. Contacts inside dialogs are mere addresses, which certificates of
 * carriers do not hold: whoever was checked by name there is checked by the same name again. The oldest is forgotten.
 */
class ProvenNames {
  readonly #names = new Map<string, string>();

  of({ address }: Endpoint): string | undefined {
    return this.#names.get(address);
  }

  note({ address }: Endpoint, name: string): void {
    this.#names.delete(address);
    this.#names.set(address, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_PROVEN && oldest !== undefined) this.#names.delete(oldest);
  }
}

/** Who a peer that connected to us has proved to be. */
function peerName(socket: Socket): string | undefined {
  return socket instanceof TLSSocket && socket.authorized ? sipIdentities(socket.getPeerCertificate())[0] : undefined;
}
