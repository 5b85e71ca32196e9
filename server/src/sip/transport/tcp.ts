import { connect, createServer, isIPv6 } from 'node:net';
import type { Server } from 'node:net';
import { isWildcard } from './addresses.ts';
import type { SingleTransport } from './api.ts';
import { StreamTransport } from './stream-transport.ts';
import type { StreamTransportOptions } from './stream-transport.ts';

/** Binds a TCP listener. Rejects with the system's error when the address is not ours or the port is taken. */
export async function openTcpTransport(options: StreamTransportOptions): Promise<SingleTransport> {
  const server = createServer();
  await bind(server, options);
  return new StreamTransport(
    {
      protocol: 'tcp',
      server,
      accepted: 'connection',
      dial: ({ address, port }, ready) =>
        connect({ host: address, port, ...sourceAddress(options) }).once('connect', ready),
    },
    options,
  );
}

/** Starts listening. An IPv6 address takes IPv6 alone, so that both families can have the same port. */
export async function bind(server: Server, { address = '127.0.0.1', port = 0 }: StreamTransportOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Connections leave by the address that peers know us by, where there is one. */
export function sourceAddress({ address = '127.0.0.1' }: StreamTransportOptions): { readonly localAddress?: string } {
  return isWildcard(address) ? {} : { localAddress: address };
}
