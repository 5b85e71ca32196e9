import { uriHost } from '../sip-uri.ts';
import type { Trunk, TrunkGateway } from './ports.ts';

/** Names a gateway of a trunk, the same as long as its address is: the key of its health. */
export function gatewayKey(trunk: Pick<Trunk, 'sid'>, gateway: TrunkGateway): string {
  return `${trunk.sid} ${gatewayName(gateway)}`;
}

/** For people: `sip.example.com:5060/tcp`. */
export function gatewayName({ host, port, transport }: TrunkGateway): string {
  return `${uriHost(host)}${port === null ? '' : `:${String(port)}`}/${transport}`;
}

/**
 * Host, port and transport of a URI that leads to a gateway. Without a port NAPTR and SRV records decide (RFC 3263), so
 * that UDP, the default, is not written: it would keep NAPTR from being asked.
 */
export function gatewayHostPort({ host, port, transport }: TrunkGateway): string {
  return `${uriHost(host)}${port === null ? '' : `:${String(port)}`}${transport === 'udp' ? '' : `;transport=${transport}`}`;
}

/** Whether a host is an address, so that media from there can be recognised. */
export function isAddress(host: string): boolean {
  return /^[0-9.]+$|:/.test(host);
}
