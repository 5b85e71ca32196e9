import { sidSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { LINK_SECONDS, SessionError, scopeOfId, sessionId } from '../../app-server/index.ts';
import type { SessionRecord, SessionScope } from '../../app-server/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath } from '../parameters.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices, SessionAccess } from '../services.ts';

const cookieSchema = z.object({
  name: z.string(),
  value: z.string(),
  domain: z.string(),
  path: z.string(),
  secure: z.boolean(),
  httpOnly: z.boolean(),
  origin: z.string().nullable().describe('it goes nowhere else; null: to every host of the domain'),
  expiresAt: z.string().nullable().describe('null: with the session'),
});
const stateSchema = z
  .object({
    id: z.string(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    callSid: z.string().nullable().describe('of a caller who is withheld: the one call that the state is of'),
    createdAt: z.string(),
    usedAt: z.string().describe('last use, give or take an eighth of the idle time'),
    cookies: z.array(cookieSchema),
    visits: z.array(z.object({ linkSid: z.string(), webSession: z.string(), at: z.string() })),
  })
  .meta({ id: 'SessionState' });
const party = z.string().min(1).max(255);
const filter = z.object({ From: party.optional(), To: party.optional() });
const path = accountPath.extend({ Id: z.string().min(1).max(1024) });
const newLinkSchema = z.strictObject({
  from: party.describe('the caller, as the application is told it'),
  to: party.describe('the callee'),
  callSid: sidSchema('call').optional(),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .describe('where visitors are sent'),
  seconds: z.number().int().min(60).max(LINK_SECONDS.most).default(LINK_SECONDS.default).describe('life of the link'),
});
const linkSchema = z
  .object({
    sid: z.string(),
    link: z.string().describe('the address to give to the caller; shown this once'),
    url: z.string(),
    from: z.string(),
    to: z.string(),
    callSid: z.string().nullable(),
    expiresAt: z.string(),
  })
  .meta({ id: 'TrackingLink' });

const COLLECTION = '/accounts/:AccountSid/session-state';
const tags = ['Session state'];

/** What application servers keep with callers, and links that tie a web session to it. */
export function sessionStateRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
  trackingLinks(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const schema = { tags, params: accountPath, querystring: filter };
  app.get(
    COLLECTION,
    {
      schema: {
        ...schema,
        operationId: 'listSessionState',
        summary: 'Session state of an account, the last used first, 1,000 at most',
        response: { 200: z.object({ session_state: z.array(stateSchema) }) },
      },
    },
    async (request) => {
      const found = await listed(services, contextOf(request).account.sid, request.query);
      return { session_state: found.slice(0, 1000).map(view) };
    },
  );
  app.delete(
    COLLECTION,
    {
      schema: {
        ...schema,
        operationId: 'deleteSessionStateOf',
        summary: 'Forget what is kept with a caller, a callee or a pairing: From or To has to be given',
        response: { 200: z.object({ deleted: z.number().int() }) },
      },
    },
    async (request) => {
      const { From, To } = request.query;
      if (From === undefined && To === undefined) throw new RestError('badRequest', 'Give From, To or both');
      const { state } = accessOf(services);
      const found = await listed(services, contextOf(request).account.sid, request.query);
      await known(() => Promise.all(found.map(({ scope }) => state.remove(scope))));
      return { deleted: found.length };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    `${COLLECTION}/:Id`,
    {
      schema: {
        ...schema,
        operationId: 'fetchSessionState',
        summary: 'What is kept of one session',
        response: { 200: stateSchema },
      },
    },
    async (request) => {
      const scope = scopeIn(contextOf(request).account.sid, request.params.Id);
      const found = await known(() => accessOf(services).state.read(scope));
      if (found === undefined) throw new RestError('notFound');
      return view(found);
    },
  );
  app.delete(
    `${COLLECTION}/:Id`,
    {
      schema: {
        ...schema,
        operationId: 'deleteSessionState',
        summary: 'Forget it. A call in progress goes on and begins a new one',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const scope = scopeIn(contextOf(request).account.sid, request.params.Id);
      await known(() => accessOf(services).state.remove(scope));
      return await reply.code(204).send(null);
    },
  );
}

function trackingLinks(app: RestApp, services: RestServices): void {
  app.post(
    '/accounts/:AccountSid/tracking-links',
    {
      schema: {
        operationId: 'createTrackingLink',
        summary: 'A link whose visit is told by an event and by the next request for the pairing',
        tags,
        params: accountPath,
        body: newLinkSchema,
        response: { 201: linkSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const { link, opaque } = await known(() => accessOf(services).links.create({ ...request.body, accountSid }));
      return await reply.code(201).send({
        sid: link.sid,
        link: `${baseOf(request)}/l/${opaque}`,
        url: link.url,
        from: link.from,
        to: link.to,
        callSid: link.callSid ?? null,
        expiresAt: iso8601(link.expiresAt),
      });
    },
  );
}

function accessOf({ sessions }: RestServices): SessionAccess {
  if (sessions === undefined) throw new RestError('unavailable', 'This server keeps no session state');
  return sessions;
}

function listed(
  services: RestServices,
  accountSid: string,
  { From, To }: z.infer<typeof filter>,
): Promise<SessionRecord[]> {
  const wanted = { ...(From === undefined ? {} : { from: From }), ...(To === undefined ? {} : { to: To }) };
  return known(() => accessOf(services).state.list(accountSid, wanted));
}

function scopeIn(accountSid: string, id: string): SessionScope {
  const scope = scopeOfId(accountSid, id);
  if (scope === undefined) throw new RestError('notFound');
  return scope;
}

async function known<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    throw new RestError('unavailable', error.message, { headers: { 'retry-after': '1' }, cause: error });
  }
}

function view({ scope, createdAt, usedAt, cookies, visits }: SessionRecord): z.infer<typeof stateSchema> {
  const pair = scope.kind === 'pair' ? scope : undefined;
  return {
    id: sessionId(scope),
    from: pair?.from ?? null,
    to: pair?.to ?? null,
    callSid: scope.kind === 'call' ? scope.callSid : null,
    createdAt: iso8601(createdAt),
    usedAt: iso8601(usedAt),
    cookies: cookies
      .filter(({ removed }) => removed !== true)
      .map(({ name, value, domain, path: below, secure, httpOnly, origin, expiresAt }) => ({
        name,
        value,
        domain,
        path: below,
        secure,
        httpOnly,
        origin: origin ?? null,
        expiresAt: expiresAt === undefined ? null : iso8601(expiresAt),
      })),
    visits: visits.map(({ linkSid, webSession, at }) => ({ linkSid, webSession, at: iso8601(at) })),
  };
}
