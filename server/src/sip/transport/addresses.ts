import { isIP, isIPv6 } from 'node:net';

/** 4 or 6 for a numeric address (IPv6 without brackets), 0 for a name. */
export function ipVersion(host: string): 0 | 4 | 6 {
  const version = isIP(host);
  return version === 4 || version === 6 ? version : 0;
}

/** Does a socket bound there take packets for every address of the machine? */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** An IPv4 peer on an IPv6 socket is an IPv4 peer. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/** Can a socket bound to `local` send to `remote`? */
export function sameFamily(local: string, remote: string): boolean {
  return isIPv6(local) === isIPv6(remote);
}
