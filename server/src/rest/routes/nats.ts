import { z } from 'zod';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const accessSchema = z
  .object({
    address: z.string().describe('host and port'),
    managed: z.boolean().describe('false: logins are what the owner of the NATS server gave; docs/nats.md'),
    user: z.string().describe('who logs in; the password is its secret'),
    subjects: z.object({
      events: z.string().describe('subscribe'),
      publish: z.string().describe('request'),
      history: z.string().describe('request'),
    }),
  })
  .meta({ id: 'NatsAccess' });

/** EV-5: how backends of an account reach its events over NATS. */
export function natsRoutes(app: RestApp, { nats }: RestServices): void {
  app.get(
    '/accounts/:AccountSid/nats',
    {
      schema: {
        operationId: 'fetchNatsAccess',
        summary: 'Access of trusted backends over NATS',
        tags: ['Events'],
        params: accountPath,
        response: { 200: accessSchema },
      },
    },
    (request) => {
      const { address, managed, subjectsOf } = nats;
      const user = managed ? 'sid of an API key' : 'given by the owner of the server';
      return { address, managed, user, subjects: subjectsOf(contextOf(request).account.sid) };
    },
  );
}
