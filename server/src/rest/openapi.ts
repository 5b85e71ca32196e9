import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { MEDIA_PATHS } from '../media-layer/index.ts';
import { OTHER_PATHS } from './other-paths.ts';

type Document = OpenAPIV3_1.Document;
type Operation = OpenAPIV3_1.OperationObject;
/** Who asks: an account, or the operator of the server. */
export const SECURITY_SCHEMES: Record<'basic' | 'accessToken' | 'operator', OpenAPIV3_1.SecuritySchemeObject> = {
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'AccountSid and auth token, or the sid of an API key and its secret',
  },
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token of a client with the `trace` grant',
  },
  operator: {
    type: 'http',
    scheme: 'bearer',
    description: "The operator's key: `operatorKey` in the file run.json of the data directory, new at every start",
  },
};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Adds what is the same for all routes: authentication, errors, encodings of bodies; leaves out schemas nobody names. */
export const completeDocument: typeof jsonSchemaTransformObject = (document) => {
  const api = jsonSchemaTransformObject(document) as Document;
  const all = Object.entries({ ...api.paths, ...MEDIA_PATHS, ...OTHER_PATHS });
  const paths = all.map(([path, item]): [string, OpenAPIV3_1.PathItemObject] => {
    const operations = METHODS.flatMap((method) => {
      const operation = item?.[method];
      return operation === undefined ? [] : [[method, completeOperation(path, operation)] as const];
    });
    return [path, { ...item, ...Object.fromEntries(operations) }];
  });
  const complete: Document = {
    ...api,
    security: [{ basic: [] }],
    paths: Object.fromEntries(paths),
    components: {
      ...api.components,
      responses: ERRORS,
    },
  };
  return withUsedSchemas(complete);
};

function completeOperation(path: string, operation: Operation): Operation {
  const legacy = path.startsWith('/2010-04-01');
  const { '204': deleted, ...responses } = operation.responses ?? {};
  return {
    ...operation,
    ...(operation.requestBody === undefined ? {} : { requestBody: bodyOf(operation.requestBody, legacy) }),
    responses: {
      ...responses,
      ...(deleted === undefined ? {} : { '204': { description: 'Done' } }),
      default: { $ref: `#/components/responses/${legacy ? 'Error' : 'Problem'}` },
    },
  };
}

/** As a form, too, where the API has forms; a body is needed where one of its members is. */
function bodyOf(body: NonNullable<Operation['requestBody']>, withForm: boolean): NonNullable<Operation['requestBody']> {
  const json = '$ref' in body ? undefined : body.content['application/json'];
  if (json === undefined || '$ref' in body) return body;
  const { required = [] } = (json.schema ?? {}) as { readonly required?: readonly string[] };
  const content = withForm ? { 'application/x-www-form-urlencoded': json, 'application/json': json } : body.content;
  return { ...body, required: required.length > 0, content };
}

const text = { type: 'string' } as const;
const whole = { type: 'integer' } as const;
const ERRORS: Record<string, OpenAPIV3_1.ResponseObject> = {
  Error: {
    description: 'An error',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: { code: whole, message: text, more_info: text, status: whole },
          required: ['code', 'message', 'more_info', 'status'],
        },
      },
    },
  },
  Problem: {
    description: 'An error (RFC 9457)',
    content: {
      'application/problem+json': {
        schema: {
          type: 'object',
          properties: {
            type: text,
            title: text,
            status: whole,
            code: whole,
            detail: text,
            instance: text,
            errors: {
              type: 'array',
              items: { type: 'object', properties: { detail: text, pointer: text }, required: ['detail', 'pointer'] },
            },
          },
          required: ['type', 'title', 'status', 'code', 'instance'],
        },
      },
    },
  },
};

/** The registry of schemas is that of the whole program. */
function withUsedSchemas(api: Document): Document {
  const all = api.components?.schemas ?? {};
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(all[name] ?? {});
    }
  };
  follow(api.paths);
  const schemas = Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)));
  return { ...api, components: { ...api.components, schemas } };
}
