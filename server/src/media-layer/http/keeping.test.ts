import { createHash } from 'node:crypto';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { MemoryRecordingStore } from '../recordings/recording-store.memory.ts';
import { Housekeeping } from '../resources/housekeeping.ts';
import { Quota } from '../resources/quota.ts';
import { memoryStores, testLayer } from '../testing/layers.ts';
import { keepingRoutes } from './keeping.fastify.ts';
import { mediaRoutes } from './media.fastify.ts';

const [ACCOUNT, OTHER] = [`AC${'a'.repeat(32)}`, `AC${'b'.repeat(32)}`];

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function serve(): Promise<
  (method: string, path: string, more?: { body?: string; as?: string }) => Promise<Response>
> {
  const clock = new FakeClock();
  const stores = memoryStores(clock);
  const housekeeping = new Housekeeping({ ...stores, clock, log: silentLog });
  const limitOf = (): number => 1000;
  const made = testLayer({ clock, stores, allowance: new Quota({ housekeeping, clock, log: silentLog, limitOf }) });
  const recordings = new MemoryRecordingStore();
  const parts = { ...made, housekeeping, recordings, log: silentLog, limitOf };
  const callers = {
    accountOf: (header: string | undefined) => (header?.startsWith('AC') === true ? header : undefined),
  };
  const app = fastify({ forceCloseConnections: true });
  await app.register(mediaRoutes({ ...parts, callers }));
  await app.register(keepingRoutes({ ...parts, callers }));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  opened.push(() => app.close());
  return async (method, path, { body, as = ACCOUNT } = {}) => {
    const type = body?.startsWith('{') === true ? 'application/json' : 'audio/basic';
    const headers = { authorization: as, ...(body === undefined ? {} : { 'content-type': type }) };
    const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    await made.layer.settled();
    return response;
  };
}

describe('what an account keeps, over HTTP', () => {
  it('MC-6 uploads have an address that stays, until they are deleted', async () => {
    const ask = await serve();
    const put = await ask('PUT', '/v1/media/uploads/welcome.wav', { body: 'hello' });
    const { address } = (await put.json()) as { address: string };
    expect([put.status, put.headers.get('content-location')]).toEqual([201, address]);
    const heard = await ask('GET', address, { as: '' });
    expect([heard.status, (await heard.arrayBuffer()).byteLength]).toEqual([200, 5]);
    expect((await ask('GET', '/media/v1/resource?upload=welcome.wav')).headers.get('content-location')).toBe(address);
    expect((await ask('GET', '/media/v1/resource?upload=welcome.wav', { as: OTHER })).status).toBe(404);
    expect((await ask('DELETE', '/v1/media/uploads/welcome.wav', { as: OTHER })).status).toBe(404);
    expect((await ask('DELETE', '/v1/media/uploads/welcome.wav')).status).toBe(204);
    expect((await ask('GET', address, { as: '' })).status).toBe(404);
  });

  it('MC-1 an upload is answered with what is known of its audio', async () => {
    const ask = await serve();
    const put = await ask('PUT', '/v1/media/uploads/welcome', { body: 'hello' });
    expect(await put.json()).toMatchObject({
      ...{ name: 'welcome', codec: 'pcmu', rate: 8000, bytes: 5, durationSeconds: 5 / 8000, ageSeconds: 0 },
      ...{ sourceType: 'audio/pcmu', storedAt: expect.stringMatching(/^\d{4}-/) as unknown },
      sha256: createHash('sha256')
        .update(Buffer.from('hello').map((byte) => byte ^ 0xff))
        .digest('base64url'),
    });
  });

  it('MC-10 shows what is kept and what was done, to the account alone', async () => {
    const ask = await serve();
    await ask('PUT', '/v1/media/uploads/a', { body: 'hello' });
    await ask('GET', '/media/v1/resource?upload=a');
    expect(await (await ask('GET', '/v1/media')).json()).toMatchObject({
      kept: { sources: 1, renditions: 1, bytes: 10, limit: 1000 },
      done: { hits: 1, misses: 0, hitRatio: 1, bytes: 5, conversions: 1 },
    });
    expect(await (await ask('GET', '/v1/media', { as: OTHER })).json()).toMatchObject({
      kept: { sources: 0, bytes: 0 },
      done: { hits: 0, hitRatio: null },
    });
    expect((await ask('GET', '/v1/media', { as: 'nobody' })).status).toBe(401);
  });

  it.each([
    ['a name that is none', 'PUT /v1/media/uploads/a%2Fb', 'x', 400],
    ['no audio', 'PUT /v1/media/uploads/a', '<html>', 415],
    ['no body', 'PUT /v1/media/uploads/a', undefined, 415],
    ['a purge of nothing', 'POST /v1/media/purges', '{}', 400],
    ['a purge of two things', 'POST /v1/media/purges', '{"tag":"a","everything":true}', 400],
    ['a purge of too much', 'POST /v1/media/purges', '{"prefix":"http"}', 400],
  ])('MC-6 refuses %s', async (_name, line, body, status) => {
    const ask = await serve();
    const [method = '', path = ''] = line.split(' ');
    const response = await ask(method, path, body === undefined ? {} : { body });
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(await (await ask('GET', '/v1/media')).json()).toMatchObject({ kept: { sources: 0 } });
  });

  it('MC-6 an upload that does not fit into the quota is refused with the reason; what is kept stays', async () => {
    const ask = await serve();
    await ask('PUT', '/v1/media/uploads/a', { body: 'a'.repeat(400) });
    const refused = await ask('PUT', '/v1/media/uploads/b', { body: 'b'.repeat(700) });
    expect([refused.status, await refused.json()]).toMatchObject([
      507,
      { reason: 'too-large', title: expect.stringContaining('quota of media (mediaBytes)') as unknown },
    ]);
    expect((await ask('GET', '/media/v1/resource?upload=a')).status).toBe(200);
    // Another account has its own.
    expect((await ask('PUT', '/v1/media/uploads/b', { body: 'b'.repeat(400), as: OTHER })).status).toBe(201);
  });

  it('MC-6 purges what it is told to', async () => {
    const ask = await serve();
    await ask('PUT', '/v1/media/uploads/a', { body: 'hello' });
    const purge = await ask('POST', '/v1/media/purges', { body: '{"everything":true}' });
    expect([purge.status, await purge.json()]).toEqual([200, { purged: 1 }]);
    expect((await ask('GET', '/media/v1/resource?upload=a')).status).toBe(404);
  });
});
