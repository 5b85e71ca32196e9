import { isIP } from 'node:net';
import { formatVia, withParam } from '../message/index.ts';
import type { SipRequest, Via } from '../message/index.ts';
import type { Endpoint, TransportProtocol } from './api.ts';

const DEFAULT_PORT: Readonly<Record<TransportProtocol, number>> = { udp: 5060, tcp: 5060, tls: 5061 };

/** Port of a hop that names none (RFC 3261 section 19.1.2). */
export function defaultPort(protocol: TransportProtocol): number {
  return DEFAULT_PORT[protocol];
}

/**
 * Notes in the topmost Via where the request really came from: `received` when the host differs or rport was asked for
 * (section 18.2.1, RFC 3581 section 4), and the `rport` value. Does nothing to a request without a readable Via.
 */
export function stampSource(request: SipRequest, source: Endpoint): void {
  const via = request.via;
  if (via === undefined) return;
  const wantsPort = via.params.has('rport');
  if (!wantsPort && via.host === source.address) return;
  let params = withParam(via.params, 'received', source.address);
  if (wantsPort) params = withParam(params, 'rport', String(source.port));
  const stamped = { ...via, params };
  request.headers.setFirst('via', formatVia(stamped), stamped);
}

/**
 * Where a response goes by its topmost Via (section 18.2.2): back over the connection that the request came by; over
 * UDP to where the request came from, at the port of the Via or, with rport, of the packet (RFC 3581 section 4).
 * DEVIATION: `maddr` is ignored: it would let anyone aim our answers at a third party.
 */
export function responseDestination(via: Via, source: Endpoint): Endpoint {
  if (source.protocol !== 'udp') return source;
  const rport = Number(via.params.get('rport') ?? '');
  const received = via.params.get('received');
  const address = received !== undefined && isIP(received) !== 0 ? received : source.address;
  if (Number.isInteger(rport) && rport > 0 && rport < 65_536)
    return { protocol: source.protocol, address, port: rport };
  return { protocol: source.protocol, address, port: via.port ?? defaultPort(source.protocol) };
}

/**
 * Where a response goes when the connection of its request is gone: a new one to the peer's address at the port of the
 * Via (section 18.2.2). Undefined over UDP.
 * DEVIATION: a host name in the Via is not looked up when that fails too (RFC 3263 section 5): whoever sends us
 * requests would choose whom we connect to.
 */
export function responseFallback(via: Via, source: Endpoint): Endpoint | undefined {
  const { protocol, address } = source;
  return protocol === 'udp' ? undefined : { protocol, address, port: via.port ?? defaultPort(protocol) };
}
