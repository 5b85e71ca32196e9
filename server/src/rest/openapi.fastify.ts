import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { REST_CODES } from './codes.ts';
import { SECURITY_SCHEMES, completeDocument } from './openapi.ts';

/**
 * OpenAPI 3.1 from the routes' schemas: a page at /docs/api, the document at /docs/api/json, and what an error code means
 * at /docs/errors/{code}. For everybody: there is nothing of an account in it.
 */
export function addDocumentation(app: FastifyInstance): void {
  void app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Hookswitch REST API', version: '1', license: { name: 'MIT' } },
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    transform: jsonSchemaTransform,
    transformObject: completeDocument,
  });
  void app.register(fastifySwaggerUi, { routePrefix: '/docs/api', staticCSP: true });
  app.get('/docs/errors/:code', { schema: { hide: true } }, (request, reply) => {
    const { code } = request.params as { code: string };
    const row = Object.values(REST_CODES).find((candidate) => String(candidate.code) === code);
    return row === undefined
      ? reply.code(404).send({ status: 404, title: 'There is no such error code' })
      : reply.send(row);
  });
}
