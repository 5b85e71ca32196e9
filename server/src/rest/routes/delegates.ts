import { z } from 'zod';
import { DelegateError } from '../../app-server/index.ts';
import type { Delegate, DelegateStore } from '../../app-server/index.ts';
import { RestError } from '../errors.ts';
import { accountPath, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const delegateSchema = z
  .strictObject({
    url: z.url({ protocol: /^(?:https?|wss?)$/, error: 'expected an http, https, ws or wss URL' }).max(2048),
    method: z.enum(['GET', 'POST']).default('POST'),
    attributes: z
      .array(z.strictObject({ name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), value: z.string().max(1024) }))
      .max(32)
      .default([])
      .describe('told with the request as parameters Config_<name>, in this order'),
  })
  .meta({ id: 'Delegate' });
const listSchema = z.object({ delegates: z.array(delegateSchema).max(5).describe('in the order of being asked') });
const shownSchema = z.object({
  delegates: z.array(
    z.object({
      url: z.string(),
      method: z.enum(['GET', 'POST']),
      attributes: z.array(z.object({ name: z.string(), value: z.string() })),
    }),
  ),
});
const path = accountPath.extend({ Sid: sid('application') });
const PATH = '/accounts/:AccountSid/applications/:Sid/delegates';
const tags = ['Delegates'];

/** Who is asked for the first instructions of an application's calls, before the application itself. */
export function delegateRoutes(app: RestApp, services: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    PATH,
    {
      schema: {
        ...schema,
        operationId: 'fetchDelegates',
        summary: 'Delegates of an application',
        response: { 200: shownSchema },
      },
    },
    (request) => {
      const accountSid = ownerOf(services, contextOf(request).account.sid, request.params.Sid);
      return view(storeOf(services).get(accountSid, request.params.Sid));
    },
  );
  app.put(
    PATH,
    {
      schema: {
        ...schema,
        operationId: 'updateDelegates',
        summary: 'Replace the list; an empty one: the application alone is asked',
        body: listSchema,
        response: { 200: shownSchema },
      },
    },
    async (request) => {
      const accountSid = ownerOf(services, contextOf(request).account.sid, request.params.Sid);
      const { delegates } = request.body;
      try {
        await storeOf(services).put(accountSid, request.params.Sid, delegates);
      } catch (error) {
        if (!(error instanceof DelegateError)) throw error;
        throw new RestError('unavailable', error.message, { headers: { 'retry-after': '1' }, cause: error });
      }
      return view(delegates);
    },
  );
}

function storeOf({ delegates }: RestServices): DelegateStore {
  if (delegates === undefined) throw new RestError('unavailable', 'This server has no delegates');
  return delegates;
}

function ownerOf({ directory }: RestServices, accountSid: string, applicationSid: string): string {
  if (directory.application(applicationSid)?.accountSid !== accountSid) throw new RestError('notFound');
  return accountSid;
}

function view(delegates: readonly Delegate[]): z.infer<typeof shownSchema> {
  return { delegates: delegates.map(({ attributes, ...rest }) => ({ ...rest, attributes: [...attributes] })) };
}
