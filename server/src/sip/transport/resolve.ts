import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SipUri } from '../message/index.ts';
import type { Endpoint } from './api.ts';
import { defaultPort } from './via.ts';

/** Finds where to send for a URI. At once for numeric hosts. Rejects when the name is unknown. */
export type Resolver = (uri: SipUri) => Endpoint | Promise<Endpoint>;

/**
 * Numeric hosts, else the system's address look-up.
 * DEVIATION: RFC 3263's NAPTR and SRV records are not asked for yet; the first address found is taken.
 */
export const resolveUri: Resolver = (uri) => {
  const host = uri.params.get('maddr') ?? uri.host;
  const port = uri.port ?? defaultPort('udp');
  if (isIP(host) !== 0) return { protocol: 'udp', address: host, port };
  return lookup(host, { order: 'ipv4first' }).then(({ address }) => ({ protocol: 'udp', address, port }));
};
