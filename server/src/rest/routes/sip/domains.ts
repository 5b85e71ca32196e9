import { z } from 'zod';
import { newSipDomainSchema } from '../../../tenants/index.ts';
import type { NumberVoice, SipDomainRecord, TenantStore } from '../../../tenants/index.ts';
import { rfc2822 } from '../../dates.ts';
import { RestError } from '../../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../../paging.ts';
import {
  accountPath,
  instructionUrlParameter,
  methodParameter,
  nameParameter,
  sid,
  urlParameter,
} from '../../parameters.ts';
import { contextOf, inUse } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { atVersion, versionParameter } from '../../versions.ts';
import { mergeVoice, voiceOf, voiceView } from '../../voice.ts';
import { optional } from '../accounts.ts';

const method = z.enum(['GET', 'POST']);
const domainSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    domain_name: z.string(),
    friendly_name: z.string(),
    auth_type: z.string().describe('IP_ACL and CREDENTIAL_LIST, as calls are let in by'),
    voice_url: z.string().nullable(),
    voice_method: method,
    voice_fallback_url: z.string().nullable(),
    voice_fallback_method: method,
    voice_status_callback_url: z.string().nullable(),
    voice_status_callback_method: method,
    sip_registration: z.boolean(),
    secure: z.literal(false),
    emergency_calling_enabled: z.literal(false),
    emergency_caller_sid: z.null(),
    byoc_trunk_sid: z.null(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'LegacySipDomain' });
const changeable = {
  FriendlyName: nameParameter,
  VoiceUrl: instructionUrlParameter,
  VoiceMethod: methodParameter,
  VoiceFallbackUrl: instructionUrlParameter,
  VoiceFallbackMethod: methodParameter,
  VoiceStatusCallbackUrl: urlParameter,
  VoiceStatusCallbackMethod: methodParameter,
  SipRegistration: z.union([z.boolean(), z.stringbool()]).optional(),
};
const domainName = newSipDomainSchema.shape.domain;
export const domainPath = accountPath.extend({ DomainSid: sid('sipDomain') });
const tags = ['SIP'];
const COLLECTION = '/Accounts/:AccountSid/SIP/Domains.json';
const INSTANCE = '/Accounts/:AccountSid/SIP/Domains/:DomainSid.json';

/** SIP domains: what calls to a name of this server are handled by, and whether phones register under it. */
export function legacySipDomainRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
  change(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateSipDomain',
        summary: 'Create a SIP domain',
        description: 'Its name is one that leads to this server. Nobody calls through it until a list is mapped to it.',
        tags,
        params: accountPath,
        body: z.object({ DomainName: domainName, ...changeable }),
        response: { 201: domainSchema },
      },
    },
    async (request, reply) => {
      const { DomainName: domain, FriendlyName = '', SipRegistration: registration = false, ...given } = request.body;
      const made = await services.store.phones.addDomain(contextOf(request).account.sid, {
        domain,
        registration,
        voice: mergeVoice(null, voiceIn(given)),
        ...optional('name', FriendlyName === '' ? undefined : FriendlyName),
      });
      await inUse(services, made);
      return await reply.code(201).send(view(made));
    },
  );
}

function list(app: RestApp, { store, pages }: RestServices): void {
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListSipDomain',
        summary: 'SIP domains of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ domains: z.array(domainSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('sipDomain', { accountSid: owner, ...load }),
      );
      return { domains: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store } = services;
  const schema = { tags, params: domainPath };
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'FetchSipDomain',
        summary: 'One SIP domain',
        querystring: versionParameter,
        response: { 200: domainSchema },
      },
    },
    async (request) => {
      const found = await domainOf(store, contextOf(request).account.sid, request.params.DomainSid);
      return view(await atVersion(store, found, request.query));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteSipDomain',
        summary: 'Delete a SIP domain that has no users',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const found = await domainOf(store, contextOf(request).account.sid, request.params.DomainSid);
      await store.phones.removeDomain(found.sid);
      return await reply.code(204).send(null);
    },
  );
}

function change(app: RestApp, services: RestServices): void {
  const { store } = services;
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateSipDomain',
        summary: 'Change what is given of a SIP domain',
        tags,
        params: domainPath,
        body: z.object({ DomainName: domainName.optional(), ...changeable }),
        response: { 200: domainSchema },
      },
    },
    async (request) => {
      const { DomainName: domain, FriendlyName = '', SipRegistration: registration, ...given } = request.body;
      const before = await domainOf(store, contextOf(request).account.sid, request.params.DomainSid);
      const changed = await store.phones.updateDomain(before.sid, {
        ...optional('domain', domain),
        ...optional('registration', registration),
        ...optional('name', FriendlyName === '' ? undefined : FriendlyName),
        voice: mergeVoice(before.voice, voiceIn(given)),
      });
      await inUse(services, changed);
      return view(changed);
    },
  );
}

type VoiceGiven = Partial<z.infer<z.ZodObject<typeof changeable>>>;

function voiceIn({ VoiceStatusCallbackUrl, VoiceStatusCallbackMethod, ...others }: VoiceGiven): Partial<NumberVoice> {
  return voiceOf({
    ...others,
    StatusCallback: VoiceStatusCallbackUrl,
    StatusCallbackMethod: VoiceStatusCallbackMethod,
  });
}

/** @throws RestError `notFound` */
export async function domainOf(store: TenantStore, accountSid: string, wanted: string): Promise<SipDomainRecord> {
  const domain = await store.record('sipDomain', wanted);
  if (domain?.accountSid !== accountSid) throw new RestError('notFound');
  return domain;
}

function view(domain: SipDomainRecord): z.input<typeof domainSchema> {
  const voice = voiceView(domain.voice);
  const base = `/2010-04-01/Accounts/${domain.accountSid}/SIP/Domains/${domain.sid}`;
  return {
    sid: domain.sid,
    account_sid: domain.accountSid,
    api_version: '2010-04-01',
    domain_name: domain.domain,
    friendly_name: domain.name,
    auth_type: authType(domain),
    voice_url: voice.voice_url,
    voice_method: voice.voice_method,
    voice_fallback_url: voice.voice_fallback_url,
    voice_fallback_method: voice.voice_fallback_method,
    voice_status_callback_url: voice.status_callback,
    voice_status_callback_method: voice.status_callback_method,
    sip_registration: domain.registration,
    secure: false,
    emergency_calling_enabled: false,
    emergency_caller_sid: null,
    byoc_trunk_sid: null,
    date_created: rfc2822(domain.createdAt),
    date_updated: rfc2822(domain.updatedAt),
    uri: `${base}.json`,
    subresource_uris: {
      ip_access_control_list_mappings: `${base}/IpAccessControlListMappings.json`,
      credential_list_mappings: `${base}/CredentialListMappings.json`,
      auth: `${base}/Auth.json`,
    },
  };
}

function authType({ mappings }: SipDomainRecord): string {
  const calls = mappings.filter(({ use }) => use === 'calls');
  const types = calls.map(({ listSid }) => (listSid.startsWith('AL') ? 'IP_ACL' : 'CREDENTIAL_LIST'));
  return [...new Set(types)].sort().reverse().join(',');
}
