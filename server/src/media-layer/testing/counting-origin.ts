import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** What the origin does with one request; `n` counts them from 1 on for each path. */
export type OriginBehaviour = (request: IncomingMessage, response: ServerResponse, n: number) => void;

/** A real HTTP server that counts who asks for what. */
export interface CountingOrigin {
  readonly url: string;
  /** Requests in order: path and headers. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  count(path: string): number;
  /** From now on. */
  serve(path: string, behaviour: OriginBehaviour): void;
  /** Gives a new origin: refuses connections until `back`. */
  close(): Promise<void>;
}

export async function startOrigin(): Promise<CountingOrigin> {
  const behaviours = new Map<string, OriginBehaviour>();
  const requests: { path: string; headers: IncomingMessage['headers'] }[] = [];
  const count = (path: string): number => requests.filter((request) => request.path === path).length;
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push({ path, headers: request.headers });
    const behaviour = behaviours.get(path);
    if (behaviour === undefined) response.writeHead(404).end();
    else behaviour(request, response, count(path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    requests,
    count,
    serve: (path, behaviour) => behaviours.set(path, behaviour),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
