import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import ipaddr from 'ipaddr.js';

/** Whether requests of tenants may go to an address: public unicast only, whatever notation hides it. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** The address was refused, not unreachable. */
export class BlockedAddressError extends Error {
  constructor(host: string) {
    super(`${host} is not a public address; the operator allows others with --webhook-private on`);
    this.name = 'BlockedAddressError';
  }
}

/** An address literal as a URL writes it; undefined for names. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? bare : undefined;
}

type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Name resolution for connecting: names that lead to anything but public addresses do not resolve. It is what the
 * connection itself is made with, so that a name cannot change its mind between check and use.
 */
export function publicLookup(hostname: string, options: LookupOptions, callback: Callback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const allowed = error === null ? addresses.filter(({ address }) => isPublicAddress(address)) : [];
    const [first] = allowed;
    if (error !== null) callback(error, []);
    else if (first === undefined) callback(new BlockedAddressError(hostname), []);
    else if (options.all === true) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
}
