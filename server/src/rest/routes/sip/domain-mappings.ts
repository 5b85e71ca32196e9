import { z } from 'zod';
import type { ListMapping, SipDomainRecord } from '../../../tenants/index.ts';
import { rfc2822 } from '../../dates.ts';
import { RestError } from '../../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../../paging.ts';
import type { PageLoad } from '../../paging.ts';
import { sid } from '../../parameters.ts';
import { contextOf, inUse } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { domainOf, domainPath } from './domains.ts';

const mappingSchema = z
  .object({
    sid: z.string().describe('of the list'),
    account_sid: z.string(),
    domain_sid: z.string(),
    friendly_name: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'SipListMapping' });

interface Mapped {
  /** Below the domain. */
  readonly path: string;
  readonly operation: string;
  /** Of the list in an answer. */
  readonly member: 'credential_list_mappings' | 'ip_access_control_list_mappings' | 'contents';
  readonly list: 'credentialList' | 'ipAccessControlList';
  readonly body: z.ZodType<{ readonly listSid: string }>;
  readonly use: ListMapping['use'];
}
const credentialLists = {
  list: 'credentialList',
  body: z
    .object({ CredentialListSid: sid('credentialList') })
    .transform(({ CredentialListSid: listSid }) => ({ listSid })),
} as const;
const addressLists = {
  list: 'ipAccessControlList',
  body: z
    .object({ IpAccessControlListSid: sid('ipAccessControlList') })
    .transform(({ IpAccessControlListSid: listSid }) => ({ listSid })),
} as const;
/** The older addresses mean calls. */
const MAPPINGS: readonly Mapped[] = [
  {
    path: 'CredentialListMappings',
    operation: 'SipCredentialListMapping',
    member: 'credential_list_mappings',
    ...credentialLists,
    use: 'calls',
  },
  {
    path: 'IpAccessControlListMappings',
    operation: 'SipIpAccessControlListMapping',
    member: 'ip_access_control_list_mappings',
    ...addressLists,
    use: 'calls',
  },
  {
    path: 'Auth/Calls/CredentialListMappings',
    operation: 'SipAuthCallsCredentialListMapping',
    member: 'contents',
    ...credentialLists,
    use: 'calls',
  },
  {
    path: 'Auth/Calls/IpAccessControlListMappings',
    operation: 'SipAuthCallsIpAccessControlListMapping',
    member: 'contents',
    ...addressLists,
    use: 'calls',
  },
  {
    path: 'Auth/Registrations/CredentialListMappings',
    operation: 'SipAuthRegistrationsCredentialListMapping',
    member: 'contents',
    ...credentialLists,
    use: 'registrations',
  },
];

/** Which lists hold for a SIP domain: for calls through it, and for phones that register at it. */
export function domainMappingRoutes(app: RestApp, services: RestServices): void {
  for (const mapped of MAPPINGS) {
    create(app, services, mapped);
    list(app, services, mapped);
    instance(app, services, mapped);
  }
}

const collectionOf = ({ path }: Mapped): string => `/Accounts/:AccountSid/SIP/Domains/:DomainSid/${path}.json`;
const tags = ['SIP'];

function create(app: RestApp, services: RestServices, mapped: Mapped): void {
  const { store } = services;
  app.post(
    collectionOf(mapped),
    {
      schema: {
        operationId: `Create${mapped.operation}`,
        summary: `Let a list decide about ${mapped.use} of a SIP domain`,
        tags,
        params: domainPath,
        body: mapped.body,
        response: { 201: mappingSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const domain = await domainOf(store, accountSid, request.params.DomainSid);
      const mapping = await store.sipLists.map(domain, request.body.listSid, mapped.use);
      await inUse(services, await domainOf(store, accountSid, domain.sid));
      return await reply.code(201).send(await viewOf(services, domain, { mapping, mapped }));
    },
  );
}

function list(app: RestApp, services: RestServices, mapped: Mapped): void {
  const { store, pages } = services;
  const members = { [mapped.member]: z.array(mappingSchema), ...legacyPageSchema };
  app.get(
    collectionOf(mapped),
    {
      schema: {
        operationId: `List${mapped.operation}`,
        summary: `Lists that decide about ${mapped.use} of a SIP domain`,
        tags,
        params: domainPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object(members) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const domain = await domainOf(store, owner, request.params.DomainSid);
      const all = mappingsOf(domain, mapped).map((mapping) => ({
        sid: mapping.listSid,
        createdAt: mapping.at,
        mapping,
      }));
      const page = await readPage(pages, { url, owner, query }, (load) => Promise.resolve(piece(all, load)));
      const views = page.items.map(({ mapping }) => viewOf(services, domain, { mapping, mapped }));
      return { [mapped.member]: await Promise.all(views), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices, mapped: Mapped): void {
  const { store } = services;
  const url = collectionOf(mapped).replace('.json', '/:Sid.json');
  const schema = { tags, params: domainPath.extend({ Sid: sid(mapped.list) }) };
  app.get(
    url,
    {
      schema: {
        ...schema,
        operationId: `Fetch${mapped.operation}`,
        summary: 'One of them',
        response: { 200: mappingSchema },
      },
    },
    async (request) => {
      const domain = await domainOf(store, contextOf(request).account.sid, request.params.DomainSid);
      const mapping = mappingOf(domain, mapped, request.params.Sid);
      return await viewOf(services, domain, { mapping, mapped });
    },
  );
  app.delete(
    url,
    {
      schema: {
        ...schema,
        operationId: `Delete${mapped.operation}`,
        summary: 'Let a list no longer decide',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const domain = await domainOf(store, accountSid, request.params.DomainSid);
      await store.sipLists.unmap(domain, mappingOf(domain, mapped, request.params.Sid).listSid, mapped.use);
      await inUse(services, await domainOf(store, accountSid, domain.sid));
      return await reply.code(204).send(null);
    },
  );
}

/** Newest first. */
function mappingsOf({ mappings }: SipDomainRecord, { list: kind, use }: Mapped): ListMapping[] {
  const prefix = kind === 'credentialList' ? 'CL' : 'AL';
  const found = mappings.filter((mapping) => mapping.use === use && mapping.listSid.startsWith(prefix));
  return found.sort((a, b) => b.at.localeCompare(a.at) || b.listSid.localeCompare(a.listSid));
}

function mappingOf(domain: SipDomainRecord, mapped: Mapped, listSid: string): ListMapping {
  const found = mappingsOf(domain, mapped).find((mapping) => mapping.listSid === listSid);
  if (found === undefined) throw new RestError('notFound');
  return found;
}

/** A page of what is in memory as a whole. */
function piece<T extends { readonly createdAt: string; readonly sid: string }>(
  all: readonly T[],
  { after, before, limit }: PageLoad,
): T[] {
  const key = ({ createdAt, sid: id }: { createdAt: string; sid: string }): string => `${createdAt} ${id}`;
  const found = all.filter(
    (item) => (after === undefined || key(item) < key(after)) && (before === undefined || key(item) > key(before)),
  );
  return before === undefined ? found.slice(0, limit) : found.slice(-limit);
}

async function viewOf(
  { store }: RestServices,
  { accountSid, sid: domainSid }: SipDomainRecord,
  { mapping, mapped }: { readonly mapping: ListMapping; readonly mapped: Mapped },
): Promise<z.input<typeof mappingSchema>> {
  const kind = mapped.list === 'credentialList' ? 'credentialList' : 'ipList';
  const named = await store.record(kind, mapping.listSid);
  return {
    sid: mapping.listSid,
    account_sid: accountSid,
    domain_sid: domainSid,
    friendly_name: named?.name ?? '',
    date_created: rfc2822(mapping.at),
    date_updated: rfc2822(mapping.at),
    uri: `/2010-04-01/Accounts/${accountSid}/SIP/Domains/${domainSid}/${mapped.path}/${mapping.listSid}.json`,
  };
}
