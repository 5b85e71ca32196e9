import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { restApi } from '../rest/api.fastify.ts';
import { PageTokens } from '../rest/index.ts';
import { Health } from './health.ts';
import { openHttpServer } from './http.fastify.ts';
import type { DemoAccess, FastifyPluginCallback, HttpServer } from './http.fastify.ts';

let opened: HttpServer | undefined;
let dir: string | undefined;

async function open(
  demo?: DemoAccess,
  plugins: readonly FastifyPluginCallback[] = [],
): Promise<{ base: string; health: Health }> {
  dir = mkdtempSync(join(tmpdir(), 'hookswitch-http-'));
  writeFileSync(join(dir, 'index.html'), '<title>page</title>');
  const health = new Health();
  opened = await openHttpServer({
    host: '127.0.0.1',
    port: { number: 0, fixed: false },
    tls: undefined,
    pageDir: dir,
    health,
    metrics: createMetrics(),
    log: silentLog,
    demo,
    plugins,
  });
  return { base: `http://127.0.0.1:${opened.port}`, health };
}

afterEach(async () => {
  await opened?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

describe('HTTP server', () => {
  it('serves the page, and health by what is well', async () => {
    const { base, health } = await open();
    expect(await (await fetch(base)).text()).toContain('page');
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    health.state = 'ready';
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    health.add({ name: 'nats', problem: () => 'not connected' });
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const ready = await fetch(`${base}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ok: false, problems: { nats: 'not connected' } });
    health.add({ name: 'cluster', problem: () => undefined, show: () => ({ members: 2 }) });
    expect(await (await fetch(`${base}/healthz`)).json()).toMatchObject({ parts: { cluster: { members: 2 } } });
    health.state = 'draining';
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    expect((await fetch(`${base}/metrics`)).headers.get('content-type')).toContain('text/plain');
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
  });

  it('serves the page, the REST API and its documentation beside each other', async () => {
    const nothing = {} as never;
    const tenants = {
      store: nothing,
      directory: nothing,
      revocations: nothing,
      hub: nothing,
      presence: nothing,
      nats: nothing,
      bridgeRequests: nothing,
      callMessages: nothing,
      registrations: nothing,
      records: nothing,
      callRequests: nothing,
      callControl: nothing,
      endUnheld: nothing,
      conferences: nothing,
      queues: nothing,
      recordingFiles: nothing,
      transcode: nothing,
    };
    const services = { ...tenants, clock: systemClock, random: systemRandom, log: silentLog };
    const { base } = await open(undefined, [restApi({ ...services, pages: new PageTokens(new Uint8Array(32)) })]);
    expect(await (await fetch(base)).text()).toContain('page');
    const answer = await fetch(`${base}/2010-04-01/Accounts.json`);
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 20003 }]);
    const unknown = await fetch(`${base}/v1/nothing`);
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get('content-type')).toContain('application/problem+json');
    expect(await (await fetch(`${base}/docs/api`)).text()).toContain('swagger');
    expect((await fetch(`${base}/docs/api/static/swagger-ui-bundle.js`)).status).toBe(200);
    expect(await (await fetch(`${base}/docs/api/json`)).json()).toMatchObject({ openapi: '3.1.0' });
  });

  it('gives demo tokens on loopback, and not to a page under a foreign name', async () => {
    const { base } = await open({ key: undefined, token: () => Promise.resolve({ status: 200, body: '{}' }) });
    expect((await fetch(`${base}/demo/token`)).status).toBe(200);
    const foreign = request(`${base}/demo/token`, { headers: { host: 'rebound.example:8080' } }).end();
    const [response] = (await once(foreign, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  it('gives demo tokens elsewhere only to who opened the page with the key', async () => {
    const token = (identity: string) => Promise.resolve({ status: 200, body: JSON.stringify({ identity }) });
    const { base } = await open({ key: 'the-key', token });
    expect((await fetch(`${base}/demo/token?identity=alice`)).status).toBe(403);
    expect((await fetch(`${base}/?key=wrong`)).headers.get('set-cookie')).toBeNull();
    const page = await fetch(`${base}/?key=the-key`);
    expect(await page.text()).toContain('page');
    // Browsers drop a secure cookie that came without TLS.
    expect(page.headers.get('set-cookie')).not.toContain('Secure');
    const cookie = (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const given = await fetch(`${base}/demo/token?identity=alice`, { headers: { cookie } });
    expect(await given.json()).toEqual({ identity: 'alice' });
  });
});
