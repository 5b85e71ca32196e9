import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { hubConnectionRoutes } from '../app/hub-connections.fastify.ts';
import { traceRoutes } from '../trace/http.fastify.ts';
import { silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { restApi } from './api.fastify.ts';
import { openApiDocument } from './document.fastify.ts';
import { OTHER_PATHS } from './other-paths.ts';

type Operations = Record<string, { readonly security?: readonly Record<string, unknown>[] } | undefined>;

it('CR-4 every route of the operator, and every trace, is in the OpenAPI document, and says whose it is', async () => {
  const { paths } = JSON.parse(await openApiDocument()) as { paths: Record<string, Operations> };
  const nothing = {} as never;
  const app = fastify({ exposeHeadRoutes: false });
  const served = new Set<string>();
  app.addHook('onRoute', ({ method, url }) => {
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    const isOthers = path.startsWith('/v1/accounts/') && !/\/trace(s|\b)/.test(path);
    if (!path.startsWith('/v1/') || path.endsWith('*') || isOthers) return;
    for (const one of [method].flat()) served.add(`${one.toLowerCase()} ${path}`);
  });
  await app.register(hubConnectionRoutes({ gateway: () => undefined, access: nothing }));
  await app.register(traceRoutes({ traces: nothing, access: nothing }));
  const parts = { clock: systemClock, random: systemRandom, log: silentLog };
  await app.register(restApi({ ...parts, pages: nothing, store: nothing, directory: nothing } as never));
  expect(served.size).toBeGreaterThanOrEqual(16);
  for (const route of served) {
    const [method = '', path = ''] = route.split(' ');
    const operation = paths[path]?.[method];
    expect(operation, route).toBeDefined();
    const schemes = (operation?.security ?? []).flatMap((each) => Object.keys(each));
    expect(schemes, route).toContain(path.startsWith('/v1/accounts/') ? 'accessToken' : 'operator');
  }
  // And nothing that is not served.
  const described = Object.entries(OTHER_PATHS).flatMap(([path, item]) => Object.keys(item).map((m) => `${m} ${path}`));
  for (const route of described) expect(served, route).toContain(route);
  await app.close();
});
