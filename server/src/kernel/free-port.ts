import { createServer } from 'node:net';

/** A TCP port on `host` that nothing listened on a moment ago. Whoever uses it must cope with losing the race for it. */
export function freeTcpPort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error(`no port on ${host}`));
        else resolve(address.port);
      });
    });
  });
}
