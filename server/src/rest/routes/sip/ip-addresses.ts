import { z } from 'zod';
import type { IpAddressRecord, TenantStore } from '../../../tenants/index.ts';
import { rfc2822 } from '../../dates.ts';
import { RestError } from '../../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../../paging.ts';
import { accountPath, nameParameter, sid } from '../../parameters.ts';
import { contextOf, inUse } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { optional } from '../accounts.ts';
import { listOf } from './lists.ts';

const addressSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    ip_access_control_list_sid: z.string(),
    friendly_name: z.string(),
    ip_address: z.string(),
    cidr_prefix_length: z.number().int(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'SipIpAddress' });
const tags = ['SIP'];
const listPath = accountPath.extend({ ListSid: sid('ipAccessControlList') });
const path = listPath.extend({ Sid: sid('ipAddress') });
const COLLECTION = '/Accounts/:AccountSid/SIP/IpAccessControlLists/:ListSid/IpAddresses.json';
const INSTANCE = '/Accounts/:AccountSid/SIP/IpAccessControlLists/:ListSid/IpAddresses/:Sid.json';
const address = z.union([z.ipv4(), z.ipv6()], { error: 'expected an IP address' });
const prefix = z.coerce.number().int().min(1).max(128).optional().describe('Bits that count; default all');

/** Addresses in a list. */
export function ipAddressRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateSipIpAddress',
        summary: 'Add an address, or a range of them',
        tags,
        params: listPath,
        body: z.object({ FriendlyName: nameParameter.unwrap(), IpAddress: address, CidrPrefixLength: prefix }),
        response: { 201: addressSchema },
      },
    },
    async (request, reply) => {
      const list = await listOf(store, 'ipList', {
        accountSid: contextOf(request).account.sid,
        listSid: request.params.ListSid,
      });
      const { FriendlyName: name, IpAddress, CidrPrefixLength = IpAddress.includes(':') ? 128 : 32 } = request.body;
      const made = await store.sipLists.addAddress(list, { name, address: IpAddress, prefix: CidrPrefixLength });
      await inUse(services, made);
      return await reply.code(201).send(view(made));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListSipIpAddress',
        summary: 'Addresses of a list',
        tags,
        params: listPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ ip_addresses: z.array(addressSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { sid: listSid } = await listOf(store, 'ipList', {
        accountSid: owner,
        listSid: request.params.ListSid,
      });
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('ipAddress', { accountSid: owner, listSid, ...load }),
      );
      return { ip_addresses: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store } = services;
  const schema = { tags, params: path };
  const found = (request: Parameters<typeof contextOf>[0], params: z.infer<typeof path>): Promise<IpAddressRecord> =>
    addressOf(store, contextOf(request).account.sid, params);
  app.get(
    INSTANCE,
    {
      schema: { ...schema, operationId: 'FetchSipIpAddress', summary: 'One address', response: { 200: addressSchema } },
    },
    async (request) => view(await found(request, request.params)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateSipIpAddress',
        summary: 'Change what is given of an address',
        body: z.object({ FriendlyName: nameParameter, IpAddress: address.optional(), CidrPrefixLength: prefix }),
        response: { 200: addressSchema },
      },
    },
    async (request) => {
      const before = await found(request, request.params);
      const { FriendlyName = '', IpAddress, CidrPrefixLength } = request.body;
      const changed = await store.sipLists.updateAddress(before, {
        ...optional('name', FriendlyName === '' ? undefined : FriendlyName),
        ...optional('address', IpAddress),
        ...optional('prefix', CidrPrefixLength),
      });
      await inUse(services, changed);
      return view(changed);
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteSipIpAddress',
        summary: 'Take an address out of a list',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await store.sipLists.removeEntry('ipAddress', (await found(request, request.params)).sid);
      return await reply.code(204).send(null);
    },
  );
}

async function addressOf(
  store: TenantStore,
  accountSid: string,
  { ListSid, Sid }: z.infer<typeof path>,
): Promise<IpAddressRecord> {
  const record = await store.record('ipAddress', Sid);
  if (record?.accountSid !== accountSid || record.listSid !== ListSid) throw new RestError('notFound');
  return record;
}

function view(record: IpAddressRecord): z.input<typeof addressSchema> {
  const { sid: id, accountSid, listSid } = record;
  return {
    sid: id,
    account_sid: accountSid,
    ip_access_control_list_sid: listSid,
    friendly_name: record.name,
    ip_address: record.address,
    cidr_prefix_length: record.prefix,
    date_created: rfc2822(record.createdAt),
    date_updated: rfc2822(record.updatedAt),
    uri: `/2010-04-01/Accounts/${accountSid}/SIP/IpAccessControlLists/${listSid}/IpAddresses/${id}.json`,
  };
}
