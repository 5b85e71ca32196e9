import { z } from 'zod';
import { DelegateError } from '../../app-server/index.ts';
import { iso8601, rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, nameParameter, sid } from '../parameters.ts';
import { contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import type { ApplicationRecord, TenantStore } from '../../tenants/index.ts';
import { atVersion, versionParameter } from '../versions.ts';
import { SMS_VIEW, smsSchema, voiceOf, voiceParameters, voiceSchema, voiceView } from '../voice.ts';
import { showsVoice } from '../voice-shown.ts';
import { optional } from './accounts.ts';

const applicationSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    friendly_name: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    ...voiceSchema,
    ...smsSchema,
    sms_status_callback: z.null(),
    message_status_callback: z.null(),
    public_application_connect_enabled: z.literal(false),
    uri: z.string(),
  })
  .meta({ id: 'Application' });
const path = accountPath.extend({ Sid: sid('application') });
const body = z.object({ FriendlyName: nameParameter, ...voiceParameters });
const tags = ['Applications'];
const COLLECTION = '/Accounts/:AccountSid/Applications.json';
const INSTANCE = '/Accounts/:AccountSid/Applications/:Sid.json';

/** Applications: what answers the calls of numbers, SIP domains and tokens. */
export function applicationRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages, directory } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateApplication',
        summary: 'Create an application',
        tags,
        params: accountPath,
        body,
        response: { 201: applicationSchema },
      },
    },
    async (request, reply) => {
      const { FriendlyName: name = '', ...given } = request.body;
      const application = await store.createApplication(contextOf(request).account.sid, {
        voiceUrl: '',
        ...voiceOf(given),
        name: name === '' ? `Application Created at ${iso8601(services.clock.now())}` : name,
      });
      await seen(services, () => directory.application(application.sid) !== undefined);
      return await reply.code(201).send(view(application));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListApplication',
        summary: 'Applications of an account',
        tags,
        params: accountPath,
        querystring: z.object({ FriendlyName: z.string().optional(), ...pageParameters }),
        response: { 200: z.object({ applications: z.array(applicationSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('application', { accountSid: owner, ...optional('name', query.FriendlyName), ...load }),
      );
      return { applications: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store, directory } = services;
  const schema = { tags, params: path };
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'FetchApplication',
        summary: 'One application',
        querystring: versionParameter,
        response: { 200: applicationSchema },
      },
    },
    async (request) => {
      const found = await applicationOf(store, contextOf(request).account.sid, request.params.Sid);
      return view(await atVersion(store, found, request.query));
    },
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateApplication',
        summary: 'Change what is given of an application',
        body,
        response: { 200: applicationSchema },
      },
    },
    async (request) => {
      const before = await applicationOf(store, contextOf(request).account.sid, request.params.Sid);
      const { FriendlyName: name, ...given } = request.body;
      const changes = { ...optional('name', name === '' ? undefined : name), ...voiceOf(given) };
      const record = await store.updateApplication(before.sid, changes);
      // The next call comes to what is said now.
      await seen(services, () => showsVoice(directory, record.sid, record));
      return view(record);
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteApplication',
        summary: 'Delete an application that no number and no SIP domain uses',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const found = await applicationOf(store, contextOf(request).account.sid, request.params.Sid);
      await store.deleteApplication(found.sid);
      await forgetDelegates(services, found);
      return await reply.code(204).send(null);
    },
  );
}

/** Of an application that is gone. Sids never come back: what could not be removed is asked for by nobody. */
async function forgetDelegates({ delegates }: RestServices, { sid, accountSid }: ApplicationRecord): Promise<void> {
  try {
    await delegates?.remove(accountSid, sid);
  } catch (error) {
    if (!(error instanceof DelegateError)) throw error;
  }
}

async function applicationOf(store: TenantStore, accountSid: string, wanted: string): Promise<ApplicationRecord> {
  const application = await store.record('application', wanted);
  if (application?.accountSid !== accountSid) throw new RestError('notFound');
  return application;
}

function view(application: ApplicationRecord): z.input<typeof applicationSchema> {
  return {
    sid: application.sid,
    account_sid: application.accountSid,
    api_version: '2010-04-01',
    friendly_name: application.name,
    date_created: rfc2822(application.createdAt),
    date_updated: rfc2822(application.updatedAt),
    ...voiceView(application),
    ...SMS_VIEW,
    sms_status_callback: null,
    message_status_callback: null,
    public_application_connect_enabled: false,
    uri: `/2010-04-01/Accounts/${application.accountSid}/Applications/${application.sid}.json`,
  };
}
