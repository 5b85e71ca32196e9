import { isIP, isIPv6 } from 'node:net';

/** Where a datagram came from, or goes to. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** An IPv4 or IPv6 literal. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

export function isIpv6Address(text: string): boolean {
  return isIPv6(text);
}

/** One spelling per address: IPv4 mapped into IPv6 as IPv4, IPv6 in lower case. */
export function normalizeAddress(address: string): string {
  const lower = address.toLowerCase();
  return isIPv6(lower) && lower.startsWith('::ffff:') && lower.includes('.') ? lower.slice(7) : lower;
}
