import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MEDIA_PATHS } from '../media-layer/index.ts';
import { openApiDocument } from './document.fastify.ts';
import { RestWorld } from './testing/rest-world.ts';

interface Api {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string } | undefined>>>>;
}

describe('CR-4 the OpenAPI document', () => {
  let world: RestWorld;
  let api: Api;
  beforeAll(async () => {
    world = await RestWorld.open();
    api = JSON.parse(await openApiDocument()) as Api;
  });
  afterAll(() => world.app.close());

  it('is valid against the schema of OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(api) as never);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
    // It can fail.
    const broken = { ...api, paths: { '/x': { get: { responses: { 200: {} } } } } };
    expect((await new Validator().validate(broken as never)).valid).toBe(false);
  });

  it('names every operation once, and all parameters of a path', () => {
    const ids: string[] = [];
    for (const [path, item] of Object.entries(api.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      for (const operation of Object.values(item)) {
        const { operationId = '', parameters = [] } = operation as {
          operationId?: string;
          parameters?: { name: string; in: string }[];
        };
        ids.push(operationId);
        const given = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect(given.sort(), operationId).toEqual(names);
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain('');
  });

  it('MC-6 has the routes of the media layer', () => {
    expect(Object.keys(MEDIA_PATHS).length).toBeGreaterThan(4);
    expect(Object.keys(api.paths)).toEqual(expect.arrayContaining(Object.keys(MEDIA_PATHS)));
  });

  it('is served, with a page that shows it', async () => {
    const served = await world.app.inject('/docs/api/json');
    expect(Object.keys(served.json<Api>().paths).sort()).toEqual(Object.keys(api.paths).sort());
    const page = await world.app.inject('/docs/api');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.body).toContain('swagger-ui');
    for (const [, file = ''] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const asset = await world.app.inject(new URL(file, 'http://host/docs/api/').pathname);
      expect(asset.statusCode, file).toBe(200);
    }
  });
});
