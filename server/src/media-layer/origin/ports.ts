import type { LookupAddress } from 'node:dns';

/** Which addresses may be connected to for tenants. */
export interface AddressPolicy {
  /** @param address IPv4 or IPv6, in any notation; anything else is refused */
  allows(address: string): boolean;
}

/** All addresses of a name, as `dns.lookup` finds them. */
export type Resolve = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;
