import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fastify } from 'fastify';

export interface BareRoute {
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

/** A process of its own with one fastify route that answers everything with this JSON text. */
export async function startBareRoute(body: string): Promise<BareRoute> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, BARE_ROUTE_BODY: body } });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => {
      resolve((message as { port: number }).port);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`the bare route ended: ${String(code)}`));
    });
  });
  return {
    port,
    pid: child.pid ?? 0,
    close: async () => {
      child.kill();
      await exited;
    },
  };
}

const answer = process.env['BARE_ROUTE_BODY'];
if (answer !== undefined && process.send !== undefined) {
  const app = fastify();
  const value: unknown = JSON.parse(answer);
  app.get('/*', () => value);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  process.send({ port: typeof address === 'object' ? address?.port : 0 });
}
