import { z } from 'zod';
import { MAX_TOKEN_TTL_SECONDS, identitySchema, tokenClaimsSchema } from '@hookswitch/shared';
import { TokenError, issueToken } from '../../hub/index.ts';
import type { Directory } from '../../tenants/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestContext, RestServices } from '../services.ts';

const { voice, hub, trace } = tokenClaimsSchema.shape.grants.shape;
const newSchema = z.strictObject({
  identity: identitySchema.optional(),
  ttl: z.number().int().min(1).max(MAX_TOKEN_TTL_SECONDS).default(3600).describe('seconds'),
  grants: z.strictObject({ voice, hub, trace }).prefault({}),
  keySid: sid('apiKey').optional().describe('key that signs it (default: the one that asks, else the oldest)'),
});
const tokenSchema = z
  .object({
    token: z.string().describe('the access token, a JWT'),
    jti: z.string().describe('names it in a revocation'),
    keySid: z.string(),
    identity: z.string().nullable(),
    expiresAt: z.string(),
  })
  .meta({ id: 'AccessToken' });

/** Access tokens, for backends that would rather ask for one than sign it. Nothing is stored. */
export function tokenRoutes(app: RestApp, services: RestServices): void {
  const { clock, random, directory } = services;
  app.post(
    '/accounts/:AccountSid/tokens',
    {
      schema: {
        operationId: 'createToken',
        summary: 'Make an access token',
        tags: ['Tokens'],
        params: accountPath,
        body: newSchema,
        response: { 201: tokenSchema },
      },
    },
    async (request, reply) => {
      const { identity, ttl, grants, keySid } = request.body;
      const context = contextOf(request);
      const key = keyOf(directory, keySid ?? (await keyFor(services, context)), context.account.sid);
      const token = issued(() =>
        issueToken(
          {
            accountSid: key.accountSid,
            keySid: key.sid,
            secret: key.secret,
            ttlSeconds: ttl,
            ...(identity === undefined ? {} : { identity }),
            ...(grants.voice === undefined ? {} : { voice: grants.voice }),
            ...(grants.hub === undefined ? {} : { hub: grants.hub }),
            ...(grants.trace === undefined ? {} : { trace: grants.trace }),
          },
          clock,
          random,
        ),
      );
      const { jti, exp } = claimsOf(token);
      return await reply
        .code(201)
        .send({ token, jti, keySid: key.sid, identity: identity ?? null, expiresAt: iso8601(exp * 1000) });
    },
  );
}

/** The key that asks when it is the account's own, else the account's oldest. */
async function keyFor({ store }: RestServices, { principal, account }: RestContext): Promise<string> {
  if (principal.keySid !== undefined && principal.accountSid === account.sid) return principal.keySid;
  const { key } = await store.credentials(account.sid);
  if (key === undefined) throw new RestError('conflict', 'The account has no API key to sign with: create one');
  return key.sid;
}

function keyOf(directory: Directory, keySid: string, accountSid: string) {
  const key = directory.apiKey(keySid);
  if (key?.accountSid === accountSid) return key;
  const detail = `there is no API key ${keySid} in this account`;
  throw new RestError('badRequest', `keySid: ${detail}`, { errors: [{ detail, pointer: '/keySid' }] });
}

function issued(make: () => string): string {
  try {
    return make();
  } catch (error) {
    if (error instanceof TokenError || error instanceof RangeError) {
      throw new RestError('badRequest', `grants: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function claimsOf(token: string): { readonly jti: string; readonly exp: number } {
  const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return z.object({ jti: z.string(), exp: z.number() }).parse(payload);
}
