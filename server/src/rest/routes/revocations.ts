import { z } from 'zod';
import { MAX_REVOCATIONS, RevocationError, newRevocation } from '../../hub/index.ts';
import type { Revocation } from '../../hub/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { metaOf, metaSchema, pageParameters, readPage } from '../paging.ts';
import type { PageLoad } from '../paging.ts';
import { accountPath } from '../parameters.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const revocationSchema = z
  .object({
    sid: z.string(),
    accountSid: z.string(),
    kind: z.enum(['token', 'identity', 'key', 'account']),
    value: z.string(),
    before: z.string(),
    reason: z.string().nullable(),
    createdAt: z.string(),
    expiresAt: z.string().describe('no token that it hits lives longer: it is forgotten then'),
  })
  .meta({ id: 'Revocation' });
const newSchema = z.strictObject({
  kind: z
    .enum(['token', 'identity', 'key', 'account'])
    .describe('one token, or all of an identity, of an API key, of the account'),
  value: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('jti of the token, the identity, or sid of the key; not with account'),
  before: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('tokens made before this time end (default and latest: now); a token itself ends whenever it was made'),
  reason: z.string().max(200).optional(),
});
const path = accountPath.extend({ Sid: z.string().regex(/^RV[0-9a-f]{32}$/) });
const tags = ['Tokens'];
const COLLECTION = '/accounts/:AccountSid/revocations';
const INSTANCE = '/accounts/:AccountSid/revocations/:Sid';

/** Revocations: tokens that end before their time, on live connections within two seconds. */
export function revocationRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
}

function create(app: RestApp, { revocations, clock }: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createRevocation',
        summary: 'End tokens before their time',
        description: 'Revoking the same target again replaces the revocation: clients with newer tokens are not hit.',
        tags,
        params: accountPath,
        body: newSchema,
        response: { 201: revocationSchema },
      },
    },
    async (request, reply) => {
      const { kind, value, before, reason } = request.body;
      if ((value === undefined) !== (kind === 'account')) {
        const detail = kind === 'account' ? 'is not given for an account' : `is needed for kind ${kind}`;
        throw new RestError('badRequest', `value: ${detail}`, { errors: [{ detail, pointer: '/value' }] });
      }
      const revocation = newRevocation(
        {
          accountSid: contextOf(request).account.sid,
          kind,
          ...(value === undefined ? {} : { value }),
          before: before === undefined ? undefined : Date.parse(before),
          reason,
        },
        clock,
      );
      await stored(() => revocations.add(revocation));
      return await reply.code(201).send(view(revocation));
    },
  );
}

function list(app: RestApp, { revocations, pages }: RestServices): void {
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listRevocations',
        summary: 'Revocations in force',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ revocations: z.array(revocationSchema), meta: metaSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        Promise.resolve(pieceOf(revocations.list(owner), load)),
      );
      const views = page.items.map(({ revocation }) => view(revocation));
      return { revocations: views, meta: metaOf('revocations', page, baseOf(request)) };
    },
  );
}

function instance(app: RestApp, { revocations }: RestServices): void {
  const find = (accountSid: string, sid: string): Revocation => {
    const found = revocations.list(accountSid).find((one) => one.sid === sid);
    if (found === undefined) throw new RestError('notFound');
    return found;
  };
  const schema = { tags, params: path };
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'fetchRevocation',
        summary: 'One revocation',
        response: { 200: revocationSchema },
      },
    },
    (request) => Promise.resolve(view(find(contextOf(request).account.sid, request.params.Sid))),
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'deleteRevocation',
        summary: 'Let tokens work again that have not expired',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { accountSid, sid } = find(contextOf(request).account.sid, request.params.Sid);
      await stored(() => revocations.remove(accountSid, sid));
      return await reply.code(204).send(null);
    },
  );
}

interface Listed {
  readonly createdAt: string;
  readonly sid: string;
  readonly revocation: Revocation;
}

/** Newest first. */
function pieceOf(all: readonly Revocation[], { limit, after, before }: PageLoad): Listed[] {
  const listed = all.map((revocation) => ({
    createdAt: new Date(revocation.createdAt).toISOString(),
    sid: revocation.sid,
    revocation,
  }));
  const order = (a: Omit<Listed, 'revocation'>, b: Omit<Listed, 'revocation'>): number =>
    a.createdAt === b.createdAt ? compare(b.sid, a.sid) : compare(b.createdAt, a.createdAt);
  listed.sort(order);
  if (before !== undefined) return listed.filter((one) => order(one, before) < 0).slice(-limit);
  return listed.filter((one) => after === undefined || order(one, after) > 0).slice(0, limit);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RevocationError)) throw error;
    if (error.reason === 'full') {
      throw new RestError('conflict', `An account has ${MAX_REVOCATIONS} revocations at most: delete some, or wait`);
    }
    throw new RestError('unavailable', 'Revocations cannot be stored at the moment: try again', {
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
}

function view(revocation: Revocation): z.infer<typeof revocationSchema> {
  const { sid, accountSid, kind, value, before, reason, createdAt, expiresAt } = revocation;
  return {
    sid,
    accountSid,
    kind,
    value,
    before: new Date(before).toISOString(),
    reason: reason ?? null,
    createdAt: iso8601(createdAt),
    expiresAt: iso8601(expiresAt),
  };
}
