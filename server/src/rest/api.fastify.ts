import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { describeError, randomHex } from '../kernel/index.ts';
import type { Log, Random } from '../kernel/index.ts';
import { AllowedMethods } from './allowed-methods.ts';
import { Authenticator } from './auth.ts';
import { RestError, legacyErrorBody, problemBody, toRestError } from './errors.ts';
import { effectiveLimits } from '../tenants/index.ts';
import { parseForm } from './form.ts';
import { LoginLimiter } from './login-limiter.ts';
import { addDocumentation } from './openapi.fastify.ts';
import { asOperator, isOperator } from './operator.ts';
import { RequestLimiter } from './request-limiter.ts';
import { LEGACY_ROUTES, OPERATOR_ROUTES, V1_ROUTES } from './routes/index.ts';
import { CONTEXT, REQUEST_ID, baseOf, contextOf } from './services.ts';
import type { RestContext, RestServices } from './services.ts';

export interface RestApiOptions extends RestServices {
  readonly random: Random;
  readonly log: Log;
  /** Default: see `LoginLimiter`. */
  readonly limiter?: LoginLimiter;
  /** Default: see `RequestLimiter`. */
  readonly requests?: RequestLimiter;
}

/** Bytes of a request body. */
const MAX_BODY = 256 * 1024;

/**
 * The REST API: 2010-04-01 resources, /v1, and its documentation. Callers authenticate with HTTP Basic by account or API
 * key and reach their own account and those that it owns. There is no CORS: secrets of an account do not belong in pages.
 */
export function restApi(options: RestApiOptions): FastifyPluginCallback {
  const auth = new Authenticator({
    directory: options.directory,
    limiter: options.limiter ?? new LoginLimiter({ clock: options.clock }),
  });
  return (app, _options, done) => {
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    addParsers(app);
    addRequestIds(app, options.random);
    addDocumentation(app);
    const parts = { ...options, auth, requests: options.requests ?? new RequestLimiter({ clock: options.clock }) };
    void app.register(version({ ...parts, routes: LEGACY_ROUTES, operatorRoutes: [], errorBody: legacyErrorBody }), {
      prefix: '/2010-04-01',
    });
    const operatorRoutes = OPERATOR_ROUTES;
    void app.register(version({ ...parts, routes: V1_ROUTES, operatorRoutes, errorBody: problemBody }), {
      prefix: '/v1',
    });
    done();
  };
}

interface VersionParts extends RestApiOptions {
  readonly auth: Authenticator;
  readonly requests: RequestLimiter;
  readonly routes: typeof LEGACY_ROUTES;
  readonly operatorRoutes: typeof OPERATOR_ROUTES;
  readonly errorBody: (error: RestError, base: string, requestId: string) => object;
}

/** One version of the API: its errors outside, its routes inside behind the authentication. */
function version(parts: VersionParts): FastifyPluginCallback {
  return (app, _options, done) => {
    const allowed = new AllowedMethods();
    app.addHook('onRoute', ({ url, method }) => {
      if (!url.endsWith('*')) allowed.add(url, method);
    });
    app.setErrorHandler((thrown, request, reply) => sendError(parts, { thrown, request, reply }));
    app.all('/*', { schema: { hide: true } }, (request) => {
      const methods = allowed.of(request.url.split('?', 1)[0] ?? '');
      if (methods.length === 0) throw new RestError('notFound');
      const allow = methods.join(', ');
      throw new RestError('methodNotAllowed', `This address takes ${allow}`, { headers: { allow } });
    });
    void app.register((inner, _inner, ready) => {
      addAuthentication(inner, parts);
      for (const routes of parts.routes) routes(inner.withTypeProvider<ZodTypeProvider>(), parts);
      ready();
    });
    void app.register((inner, _inner, ready) => {
      addOperatorAuthentication(inner, parts);
      for (const routes of parts.operatorRoutes) routes(inner.withTypeProvider<ZodTypeProvider>(), parts);
      ready();
    });
    done();
  };
}

/** Routes that belong to no account. */
function addOperatorAuthentication(app: FastifyInstance, { operatorKey = '' }: VersionParts): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isOperator(request, operatorKey)) {
      const headers = { 'www-authenticate': 'Bearer realm="hookswitch"' };
      const message =
        "Only the operator of this server may do this: give the operator's key, or use `hookswitch cluster`";
      throw new RestError('unauthorized', message, { headers });
    }
    done();
  });
}

function addParsers(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: MAX_BODY },
    (_request, body, done) => {
      try {
        done(null, parseForm(String(body)));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  app.addHook('onRoute', (route) => {
    route.bodyLimit = MAX_BODY;
  });
  // A request without parameters may come without a body.
  app.addHook('preValidation', (request, _reply, done) => {
    request.body ??= {};
    done();
  });
}

function addRequestIds(app: FastifyInstance, random: Random): void {
  app.decorateRequest(REQUEST_ID, '');
  app.decorateRequest(CONTEXT, null);
  app.addHook('onRequest', (request, reply, done) => {
    const id = `RQ${randomHex(random, 16)}`;
    request.setDecorator(REQUEST_ID, id);
    void reply.headers({ 'x-request-id': id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    done();
  });
}

function addAuthentication(app: FastifyInstance, parts: VersionParts): void {
  const { auth, requests, directory } = parts;
  const contextFor = async (request: FastifyRequest, reply: FastifyReply): Promise<RestContext> => {
    const principal = auth.authenticate(request.headers.authorization, request.ip);
    const { AccountSid = principal.accountSid } = request.params as { AccountSid?: string };
    const { limits } = directory.accountBySid(principal.accountSid) ?? {};
    const answered = await requests.admit(principal.accountSid, effectiveLimits(limits));
    reply.raw.once('finish', answered).once('close', answered);
    return { principal, account: auth.account(principal, AccountSid) };
  };
  app.addHook('onRequest', async (request, reply) => {
    request.setDecorator<RestContext>(CONTEXT, asOperator(request, parts) ?? (await contextFor(request, reply)));
  });
  // What belongs to a suspended account can be looked at by its owner. The account itself is what the owner changes.
  app.addHook('preHandler', (request, _reply, done) => {
    const { account } = contextOf(request);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const ofAccount = request.routeOptions.url?.endsWith('/Accounts/:AccountSid.json') === true;
    if (account.status !== 'active' && !reads && !ofAccount) {
      throw new RestError('accountInactive', `Account ${account.sid} is not active`);
    }
    done();
  });
}

interface Failure {
  readonly thrown: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function sendError({ log, errorBody }: VersionParts, { thrown, request, reply }: Failure): FastifyReply {
  const requestId = request.getDecorator<string>(REQUEST_ID);
  let error = toRestError(thrown);
  if (error.status >= 500) {
    const path = request.url.split('?', 1)[0];
    log.error({ err: thrown, cause: describeError(thrown), requestId, method: request.method, path }, 'REST failed');
  }
  if (error.reason === 'internal') error = new RestError('internal', `Internal error; in the log as ${requestId}`);
  const problem = errorBody === problemBody;
  // As text, past the route's schemas.
  return reply
    .code(error.status)
    .headers(error.headers)
    .type(problem ? 'application/problem+json' : 'application/json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send(errorBody(error, baseOf(request), requestId));
}
