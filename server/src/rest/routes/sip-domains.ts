import { z } from 'zod';
import { iso8601 } from '../dates.ts';
import { atVersion, versionParameter } from '../versions.ts';
import { RestError } from '../errors.ts';
import { metaOf, metaSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { baseOf, contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { newSipDomainSchema, sipDomainChangesSchema } from '../../tenants/index.ts';
import type { SipDomainRecord, TenantStore } from '../../tenants/index.ts';

const domainSchema = z
  .object({
    sid: z.string(),
    accountSid: z.string(),
    domain: z.string(),
    applicationSid: z.string().nullable(),
    registration: z.boolean(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'SipDomain' });
const path = accountPath.extend({ Sid: sid('sipDomain') });
const tags = ['SIP domains'];
const COLLECTION = '/accounts/:AccountSid/sip-domains';
const INSTANCE = '/accounts/:AccountSid/sip-domains/:Sid';

/** Domains whose phones register here. */
export function sipDomainRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages, directory } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createSipDomain',
        summary: 'Create a SIP domain',
        tags,
        params: accountPath,
        body: newSipDomainSchema.strict(),
        response: { 201: domainSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      await checkApplication(store, accountSid, request.body.applicationSid);
      const domain = await store.phones.addDomain(accountSid, request.body);
      await seen(services, () => directory.phones.domainBySid(domain.sid) !== undefined);
      return await reply.code(201).send(view(domain));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listSipDomains',
        summary: 'SIP domains of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ sipDomains: z.array(domainSchema), meta: metaSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('sipDomain', { accountSid: owner, ...load }),
      );
      return { sipDomains: page.items.map(view), meta: metaOf('sipDomains', page, baseOf(request)) };
    },
  );
}

function instance(app: RestApp, { store }: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'fetchSipDomain',
        summary: 'One SIP domain',
        querystring: versionParameter,
        response: { 200: domainSchema },
      },
    },
    async (request) => {
      const found = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      return view(await atVersion(store, found, request.query));
    },
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'updateSipDomain',
        summary: 'Change what is given of a SIP domain',
        body: sipDomainChangesSchema.strict(),
        response: { 200: domainSchema },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const before = await recordOf(store, accountSid, request.params.Sid);
      await checkApplication(store, accountSid, request.body.applicationSid);
      return view(await store.phones.updateDomain(before.sid, request.body));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'deleteSipDomain',
        summary: 'Delete a SIP domain that has no users',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const found = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      await store.phones.removeDomain(found.sid);
      return await reply.code(204).send(null);
    },
  );
}

/** @throws RestError `invalidApplication` for one of another account */
async function checkApplication(
  store: TenantStore,
  accountSid: string,
  given: string | null | undefined,
): Promise<void> {
  if (given === undefined || given === null) return;
  const application = await store.record('application', given);
  if (application?.accountSid === accountSid) return;
  throw new RestError('invalidApplication', `applicationSid: there is no application ${given}`, {
    errors: [{ detail: 'there is no such application', pointer: '/applicationSid' }],
  });
}

async function recordOf(store: TenantStore, accountSid: string, wanted: string): Promise<SipDomainRecord> {
  const domain = await store.record('sipDomain', wanted);
  if (domain?.accountSid !== accountSid) throw new RestError('notFound');
  return domain;
}

function view(domain: SipDomainRecord): z.input<typeof domainSchema> {
  const { sid: id, accountSid, domain: name, applicationSid, registration, createdAt, updatedAt } = domain;
  return {
    sid: id,
    accountSid,
    domain: name,
    applicationSid,
    registration,
    createdAt: iso8601(createdAt),
    updatedAt: iso8601(updatedAt),
  };
}
