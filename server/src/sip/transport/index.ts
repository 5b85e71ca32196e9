export type { Endpoint, PacketHandler, Transport, TransportProtocol, TransportStats } from './api.ts';
export { resolveUri } from './resolve.ts';
export type { Resolver } from './resolve.ts';
export { openUdpTransport } from './udp.ts';
export type { UdpTransportOptions } from './udp.ts';
export { defaultPort, responseDestination, stampSource } from './via.ts';
