import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { silentLog } from '../../kernel/index.ts';
import { MEDIA_PATHS } from './api-document.ts';
import { keepingRoutes } from './keeping.fastify.ts';
import { mediaRoutes } from './media.fastify.ts';
import { recordingMediaRoutes } from './recordings.fastify.ts';

it('MC-6 every route of the media layer is in the OpenAPI document, and nothing else', async () => {
  const nothing = {} as never;
  const served = new Set<string>();
  const app = fastify({ exposeHeadRoutes: false });
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) served.add(`${one.toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
  const parts = { layer: nothing, callers: nothing, log: silentLog };
  await app.register(mediaRoutes({ ...parts, addresses: nothing }));
  const limitOf = (): number => 0;
  await app.register(
    keepingRoutes({ ...parts, housekeeping: nothing, statistics: nothing, recordings: nothing, limitOf }),
  );
  const ofRecordings = { recordings: nothing, statistics: nothing, addresses: nothing, clock: nothing };
  await app.register(recordingMediaRoutes({ ...parts, ...ofRecordings }));
  const described = Object.entries(MEDIA_PATHS).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  expect(described.sort()).toEqual([...served].sort());
  await app.close();
});
