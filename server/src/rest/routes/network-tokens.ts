import { z } from 'zod';
import { rfc2822 } from '../dates.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { turnCredentials } from '../turn-credentials.ts';

/** A day: the longest, too. */
const DEFAULT_TTL_S = 86_400;
const iceServerSchema = z.object({
  url: z.string(),
  urls: z.string(),
  username: z.string().optional(),
  credential: z.string().optional(),
});
const tokenSchema = z
  .object({
    account_sid: z.string(),
    username: z.string(),
    password: z.string(),
    ttl: z.string().describe('Seconds'),
    ice_servers: z.array(iceServerSchema),
    date_created: z.string(),
    date_updated: z.string(),
  })
  .meta({ id: 'Token' });

/** Credentials for the operator's TURN servers, good for a while. Nothing is stored. */
export function networkTokenRoutes(app: RestApp, { clock, iceServers }: RestServices): void {
  app.post(
    '/Accounts/:AccountSid/Tokens.json',
    {
      schema: {
        operationId: 'CreateToken',
        summary: 'STUN and TURN servers, with credentials that end by themselves',
        description: 'Where the operator has named no servers the list is empty, and so are user name and password.',
        tags: ['Tokens'],
        params: accountPath,
        body: z.object({
          Ttl: z.coerce.number().int().min(1).max(DEFAULT_TTL_S).default(DEFAULT_TTL_S).describe('Seconds'),
        }),
        response: { 201: tokenSchema },
      },
    },
    async (request, reply) => {
      const { sid } = contextOf(request).account;
      const { Ttl: ttlSeconds } = request.body;
      const { urls, secret } = iceServers ?? { urls: [], secret: undefined };
      const now = clock.now();
      const none = { username: '', password: '' };
      const made = secret === undefined ? none : turnCredentials(secret, { now, ttlSeconds, name: sid });
      const relay = secret === undefined ? {} : { username: made.username, credential: made.password };
      return await reply.code(201).send({
        account_sid: sid,
        ...made,
        ttl: String(ttlSeconds),
        ice_servers: urls.map((url) => ({ url, urls: url, ...(/^turns?:/.test(url) ? relay : {}) })),
        date_created: rfc2822(now),
        date_updated: rfc2822(now),
      });
    },
  );
}
