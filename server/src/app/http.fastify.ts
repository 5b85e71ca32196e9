import { existsSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify';
import type { Log, Metrics } from '../kernel/index.ts';
import type { PortChoice } from './config.ts';
import type { Health } from './health.ts';

export interface HttpServerOptions {
  readonly host: string;
  readonly port: PortChoice;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Built softphone page; a page that says how to build it is served while it is missing. Undefined: no page. */
  readonly pageDir: string | undefined;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Issues tokens for the demo page; undefined when the demo application does not run. */
  readonly demo: DemoAccess | undefined;
  /** Further routes. */
  readonly plugins?: readonly FastifyPluginCallback[];
}

export type { FastifyPluginCallback };

/** The demo page's way to a token: only for whoever presents the key, when there is one. */
export interface DemoAccess {
  /** Required when the page is reachable from elsewhere; undefined on loopback. */
  readonly key: string | undefined;
  token(identity: string): Promise<{ status: number; body: string }>;
}

export interface HttpServer {
  /** For the gateway's listeners: upgrade requests arrive here. */
  readonly server: Server;
  readonly port: number;
  /** Stops accepting and ends idle connections. Idempotent. */
  close(): Promise<void>;
}

const DEMO_COOKIE = 'hookswitch_demo';

/** The process's one HTTP server: page, health, metrics, demo token; the gateway's listeners attach to it. */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = (
    options.tls === undefined
      ? fastify({ logger: false, forceCloseConnections: true })
      : fastify({ logger: false, forceCloseConnections: true, https: options.tls })
  ) as FastifyInstance;
  addHealthRoutes(app, options);
  if (options.demo !== undefined) addDemoRoutes(app, options.demo, options.tls === undefined ? '' : '; Secure');
  for (const plugin of options.plugins ?? []) await app.register(plugin);
  if (options.pageDir !== undefined) await addPage(app, options.pageDir);
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) options.log.error({ err: error, url: request.url }, 'HTTP request failed');
    void reply.code(status).send({ status, title: status >= 500 ? 'Internal error' : error.message });
  });
  const port = await listen(app, options);
  return { server: app.server, port, close: () => app.close() };
}

async function listen(app: FastifyInstance, { host, port, log }: HttpServerOptions): Promise<number> {
  try {
    await app.listen({ host, port: port.number });
  } catch (error) {
    if (port.fixed || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    log.warn({ port: port.number }, 'the preferred port is taken: using a free one');
    await app.listen({ host, port: 0 });
  }
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port');
  return address.port;
}

function addHealthRoutes(app: FastifyInstance, { health, metrics }: HttpServerOptions): void {
  app.get('/healthz', (_request, reply) => {
    const report = health.live();
    return reply.code(report.ok ? 200 : 503).send(report);
  });
  app.get('/readyz', (_request, reply) => {
    const report = health.ready();
    return reply.code(report.ok ? 200 : 503).send(report);
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.expose();
    return reply.type(contentType).send(body);
  });
}

function addDemoRoutes(app: FastifyInstance, demo: DemoAccess, secure: string): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { key } = request.query as { key?: string };
    if (demo.key !== undefined && key === demo.key && request.url.startsWith('/?')) {
      void reply.header('set-cookie', `${DEMO_COOKIE}=${demo.key}; Path=/; HttpOnly; SameSite=Strict${secure}`);
    }
    done();
  });
  app.get('/demo/token', async (request, reply) => {
    // Without a key the address is the guard: a page elsewhere may point a name of its own at this machine.
    if (demo.key === undefined && !isLoopbackName(request.hostname)) {
      return reply
        .code(403)
        .send({ status: 403, title: 'Open the page by its address on this machine, such as 127.0.0.1' });
    }
    if (demo.key !== undefined && !(request.headers.cookie ?? '').includes(`${DEMO_COOKIE}=${demo.key}`)) {
      return reply
        .code(403)
        .send({ status: 403, title: 'Open the page by the address printed at start: it holds the demo key' });
    }
    const { identity = 'alice' } = request.query as { identity?: string };
    const answer = await demo.token(identity);
    return reply.code(answer.status).type('application/json').header('cache-control', 'no-store').send(answer.body);
  });
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

async function addPage(app: FastifyInstance, pageDir: string): Promise<void> {
  if (!existsSync(`${pageDir}/index.html`)) {
    app.get('/', (_request, reply: FastifyReply) =>
      reply.code(503).type('text/plain').send('The softphone page is not built yet. Run: npm run setup\n'),
    );
    return;
  }
  await app.register(fastifyStatic, { root: pageDir, wildcard: true, cacheControl: true, maxAge: 0, etag: true });
}

/** Reads PEM files. @throws Error that names the file which cannot be read */
export function readTlsFiles(files: { certFile: string; keyFile: string }): { cert: string; key: string } {
  return { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') };
}
