import { createServer, connect as connectPlain } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createSecureServer, connect as connectSecure } from 'node:tls';
import type { Authority } from '../certificates.ts';
import { freePort } from './ports.ts';

/** Speaks TLS in the place of a program that cannot: what goes in at one end as TCP comes out at the other as TLS. */
export interface TlsPipe {
  /** Where the pipe takes connections. */
  readonly port: number;
  /** The port that the other side of the pipe connects from; 0: any. */
  readonly from: number;
  close(): Promise<void>;
}

/** For a program that calls us: TCP in, one TLS connection out. */
export async function pipeIntoTls(to: { host: string; port: number }, authority: Authority): Promise<TlsPipe> {
  const localPort = await freePort(to.host);
  const server = createServer();
  return serve(server, 'connection', { host: to.host, from: localPort }, (ready) =>
    connectSecure({ ...to, ...{ localPort, localAddress: to.host }, ca: authority.cert }, ready),
  );
}

/** For a program that we call: TLS in, TCP out. */
export async function pipeOutOfTls(to: { host: string; port: number }, authority: Authority): Promise<TlsPipe> {
  const server = createSecureServer(await authority.issue([`IP:${to.host}`]));
  return serve(server, 'secureConnection', { host: to.host, from: 0 }, (ready) => connectPlain(to, ready));
}

async function serve(
  server: Server,
  event: 'connection' | 'secureConnection',
  { host, from }: { host: string; from: number },
  dial: (ready: () => void) => Socket,
): Promise<TlsPipe> {
  const sockets = new Set<Socket>();
  const own = (socket: Socket, other: () => Socket | undefined): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      // What is on its way still gets there.
      other()?.end();
    });
  };
  server.on(event, (incoming: Socket) => {
    const outgoing = dial(() => {
      incoming.pipe(outgoing);
      outgoing.pipe(incoming);
    });
    own(incoming, () => outgoing);
    own(outgoing, () => incoming);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    from,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
