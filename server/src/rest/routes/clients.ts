import { deviceStateSchema } from '@hookswitch/shared';
import { z } from 'zod';
import type { Registration } from '../../bridge/ports.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const state = deviceStateSchema.describe('away: calls do not ring it; busy: it is in a call');
const clientSchema = z
  .object({
    identity: z.string(),
    state: deviceStateSchema.describe('available if any device is, else busy if any is, else away'),
    devices: z.array(
      z.object({
        registration: z.string(),
        device: z.string().nullable().describe('the name that it gave itself'),
        state,
        since: z.string().describe('RFC 3339: when it first registered'),
      }),
    ),
  })
  .meta({ id: 'Client' });
type Client = z.infer<typeof clientSchema>;

/** Softphone identities that are registered, and what they are doing. */
export function clientRoutes(app: RestApp, { registrations }: RestServices): void {
  app.get(
    '/accounts/:AccountSid/clients',
    {
      schema: {
        operationId: 'listClients',
        summary: 'Registered softphones by identity',
        tags: ['Presence'],
        params: accountPath,
        querystring: z.object({
          prefix: z.string().max(256).default('').describe('Identities that begin so, such as `support/`'),
          state: deviceStateSchema.optional(),
          After: z.string().max(256).optional().describe('`next` of the page before'),
          PageSize: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: {
          200: z.object({
            clients: z.array(clientSchema),
            total: z.number().int().describe('of all pages'),
            next: z.string().nullable().describe('After of the next page; null: this is the last'),
          }),
        },
      },
    },
    async (request) => {
      const { prefix, state: wanted, After: after, PageSize: limit } = request.query;
      const found = await registrations.list(contextOf(request).account.sid, prefix);
      const clients = byIdentity(found).filter((client) => wanted === undefined || client.state === wanted);
      const left = after === undefined ? clients : clients.filter(({ identity }) => identity > after);
      const page = left.slice(0, limit);
      const next = left.length > limit ? (page.at(-1)?.identity ?? null) : null;
      return { clients: page, total: clients.length, next };
    },
  );
}

function byIdentity(registrations: readonly Registration[]): Client[] {
  const devices = Map.groupBy(registrations, ({ identity }) => identity);
  return [...devices]
    .map(([identity, held]): Client => {
      const states = new Set(held.map((each) => each.state ?? 'available'));
      const best = (['available', 'busy', 'away'] as const).find((each) => states.has(each)) ?? 'available';
      return { identity, state: best, devices: held.map(deviceOf) };
    })
    .sort((a, b) => (a.identity < b.identity ? -1 : 1));
}

function deviceOf({ registration, device, state: doing, since }: Registration): Client['devices'][number] {
  return {
    registration,
    device: device ?? null,
    state: doing ?? 'available',
    since: new Date(since).toISOString(),
  };
}
