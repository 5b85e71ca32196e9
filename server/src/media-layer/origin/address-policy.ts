import ipaddr from 'ipaddr.js';
import type { AddressPolicy } from './ports.ts';

/**
 * Public unicast addresses, and what the operator lists. Loopback, private, link-local (metadata services of clouds), shared, reserved,
 * multicast and translated addresses (IPv4 in IPv6 of any kind) are none of these, whatever notation hides them.
 *
 * @param allowed networks in CIDR notation that are allowed although they are not public
 * @throws Error for what is no CIDR
 */
export function addressPolicy(allowed: readonly string[] = []): AddressPolicy {
  const networks = allowed.map((cidr) => ipaddr.parseCIDR(cidr));
  return {
    allows(text) {
      if (!ipaddr.isValid(text)) return false;
      const address = ipaddr.process(text);
      if (address.range() === 'unicast') return true;
      return networks.some(([network, bits]) => network.kind() === address.kind() && address.match([network, bits]));
    },
  };
}

/** An address literal as a URL writes it; undefined for names. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? bare : undefined;
}
