import { z } from 'zod';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, applicationParameter, nameParameter, numberParameter, sid } from '../parameters.ts';
import { contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { TenantError } from '../../tenants/index.ts';
import type { NumberRecord, TenantStore } from '../../tenants/index.ts';
import { showsVoice } from '../voice-shown.ts';
import { atVersion, versionParameter } from '../versions.ts';
import { SMS_VIEW, mergeVoice, smsSchema, voiceOf, voiceParameters, voiceSchema, voiceView } from '../voice.ts';
import { optional } from './accounts.ts';

const numberSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    phone_number: z.string(),
    friendly_name: z.string(),
    capabilities: z.object({
      voice: z.literal(true),
      sms: z.literal(false),
      mms: z.literal(false),
      fax: z.literal(false),
    }),
    date_created: z.string(),
    date_updated: z.string(),
    ...voiceSchema,
    voice_application_sid: z.string().nullable(),
    voice_receive_mode: z.literal('voice'),
    ...smsSchema,
    sms_application_sid: z.null(),
    trunk_sid: z.null(),
    address_sid: z.null(),
    address_requirements: z.literal('none'),
    bundle_sid: z.null(),
    identity_sid: z.null(),
    emergency_status: z.literal('Inactive'),
    emergency_address_sid: z.null(),
    emergency_address_status: z.literal('unregistered'),
    beta: z.literal(false),
    origin: z.literal('hosted'),
    status: z.literal('in-use'),
    type: z.null(),
    uri: z.string(),
  })
  .meta({ id: 'IncomingPhoneNumber' });
const path = accountPath.extend({ Sid: sid('phoneNumber') });
const changeable = { FriendlyName: nameParameter, VoiceApplicationSid: applicationParameter, ...voiceParameters };
const tags = ['IncomingPhoneNumbers'];
/** Numbers of one type have a list of their own, in which numbers of that type are taken. */
const TYPES = { Local: 'local', Mobile: 'mobile', TollFree: 'toll-free' } as const;
type TypeName = keyof typeof TYPES;
const collection = (type: TypeName | undefined): string =>
  `/Accounts/:AccountSid/IncomingPhoneNumbers${type === undefined ? '' : `/${type}`}.json`;
const INSTANCE = '/Accounts/:AccountSid/IncomingPhoneNumbers/:Sid.json';

/** Numbers of an account. Here they are declared, not bought: whoever runs the server has them from a carrier. */
export function incomingPhoneNumberRoutes(app: RestApp, services: RestServices): void {
  for (const type of [undefined, 'Local', 'Mobile', 'TollFree'] as const) {
    create(app, services, type);
    list(app, services, type);
  }
  instance(app, services);
}

function create(app: RestApp, services: RestServices, type: TypeName | undefined): void {
  const { store, directory } = services;
  app.post(
    collection(type),
    {
      schema: {
        operationId: `CreateIncomingPhoneNumber${type ?? ''}`,
        summary: type === undefined ? 'Declare a number' : `Take a number of the operator's (${TYPES[type]})`,
        tags,
        params: accountPath,
        body: z.object({
          PhoneNumber: numberParameter.optional(),
          AreaCode: z
            .string()
            .regex(/^[0-9]{1,5}$/)
            .optional()
            .describe("In the place of PhoneNumber: one of the operator's"),
          ...changeable,
        }),
        response: { 201: numberSchema },
      },
    },
    async (request, reply) => {
      const { PhoneNumber, AreaCode, FriendlyName: name, VoiceApplicationSid, ...given } = request.body;
      const accountSid = contextOf(request).account.sid;
      const number = PhoneNumber ?? (await numberIn(store, AreaCode, type));
      if (type !== undefined) await checkType(store, number, type);
      const record = await takenOr(
        store.addNumber(accountSid, {
          number,
          ...optional('name', name === '' ? undefined : name),
          applicationSid: (await applicationOf(store, accountSid, VoiceApplicationSid)) ?? null,
          voice: mergeVoice(null, voiceOf(given)),
        }),
      );
      await seen(services, () => directory.numberByE164(number) !== undefined);
      return await reply.code(201).send(view(record));
    },
  );
}

function list(app: RestApp, { store, pages }: RestServices, type: TypeName | undefined): void {
  app.get(
    collection(type),
    {
      schema: {
        operationId: `ListIncomingPhoneNumber${type ?? ''}`,
        summary: type === undefined ? 'Numbers of an account' : `Numbers of an account (${TYPES[type]})`,
        tags,
        params: accountPath,
        querystring: z.object({
          PhoneNumber: z.string().max(20).optional().describe('A part of the number; `*` stands for one digit'),
          FriendlyName: z.string().optional(),
          ...pageParameters,
        }),
        response: { 200: z.object({ incoming_phone_numbers: z.array(numberSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const filters = {
        ...optional('name', query.FriendlyName),
        ...optional('numberLike', query.PhoneNumber),
        ...(type === undefined ? {} : { numberType: TYPES[type] }),
      };
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('number', { accountSid: owner, ...filters, ...load }),
      );
      return { incoming_phone_numbers: page.items.map(view), ...legacyPage(page) };
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
        operationId: 'FetchIncomingPhoneNumber',
        summary: 'One number',
        querystring: versionParameter,
        response: { 200: numberSchema },
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
        operationId: 'UpdateIncomingPhoneNumber',
        summary: 'Change what is given of a number',
        description:
          'An application goes before addresses of the number itself; an empty VoiceApplicationSid takes it away.',
        body: z.object(changeable),
        response: { 200: numberSchema },
      },
    },
    async (request) => {
      const { FriendlyName: name, VoiceApplicationSid, ...given } = request.body;
      const accountSid = contextOf(request).account.sid;
      const before = await recordOf(store, accountSid, request.params.Sid);
      const record = await store.updateNumber(before.sid, {
        ...optional('name', name === '' ? undefined : name),
        ...optional('applicationSid', await applicationOf(store, accountSid, VoiceApplicationSid)),
        voice: mergeVoice(before.voice, voiceOf(given)),
      });
      // The next call comes to what is said now.
      await seen(services, () =>
        record.applicationSid === null && record.voice !== null && record.voice.voiceUrl !== ''
          ? showsVoice(directory, record.sid, record.voice)
          : directory.numberByE164(record.number)?.applicationSid === (record.applicationSid ?? undefined),
      );
      return view(record);
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteIncomingPhoneNumber',
        summary: 'Give a number up',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { sid: found, number } = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      await store.removeNumber(found);
      await seen(services, () => directory.numberByE164(number)?.sid !== found);
      return await reply.code(204).send(null);
    },
  );
}

/** One of the operator's numbers in an area of North America. @throws RestError when there is none */
async function numberIn(store: TenantStore, areaCode: string | undefined, type: TypeName | undefined): Promise<string> {
  if (areaCode === undefined) {
    throw new RestError('invalidNumber', 'PhoneNumber: give the number in E.164, such as +15550100');
  }
  const wanted = type === undefined ? {} : { type: TYPES[type] };
  const [found] = await store.pool.available({ startsWith: `+1${areaCode}`, ...wanted, limit: 1 });
  if (found === undefined) throw new RestError('noNumberFound', `AreaCode: no number of ${areaCode} is available`);
  return found.number;
}

/** A number that the pool does not have is declared, and `local`. @throws RestError `noNumberFound` for another type */
async function checkType(store: TenantStore, number: string, type: TypeName): Promise<void> {
  const [found] = await store.pool.available({ number, limit: 1 });
  if ((found?.type ?? 'local') === TYPES[type]) return;
  throw new RestError('noNumberFound', `PhoneNumber: ${number} is no ${TYPES[type]} number`);
}

/** Undefined: not given; null: taken away. @throws RestError `invalidApplication` for one of another account */
async function applicationOf(
  store: TenantStore,
  accountSid: string,
  given: string | undefined,
): Promise<string | null | undefined> {
  if (given === undefined) return undefined;
  if (given === '') return null;
  const application = await store.record('application', given);
  if (application?.accountSid === accountSid) return given;
  throw new RestError('invalidApplication', `VoiceApplicationSid: there is no application ${given}`);
}

async function takenOr<T>(made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if (!(error instanceof TenantError) || error.reason !== 'exists') throw error;
    throw new RestError('numberTaken', 'PhoneNumber: this number is in use', { cause: error });
  }
}

async function recordOf(store: TenantStore, accountSid: string, wanted: string): Promise<NumberRecord> {
  const number = await store.record('number', wanted);
  if (number?.accountSid !== accountSid) throw new RestError('notFound');
  return number;
}

function view(number: NumberRecord): z.input<typeof numberSchema> {
  return {
    sid: number.sid,
    account_sid: number.accountSid,
    api_version: '2010-04-01',
    phone_number: number.number,
    friendly_name: number.name,
    capabilities: { voice: true, sms: false, mms: false, fax: false },
    date_created: rfc2822(number.createdAt),
    date_updated: rfc2822(number.updatedAt),
    ...voiceView(number.voice),
    voice_application_sid: number.applicationSid,
    voice_receive_mode: 'voice',
    ...SMS_VIEW,
    sms_application_sid: null,
    trunk_sid: null,
    address_sid: null,
    address_requirements: 'none',
    bundle_sid: null,
    identity_sid: null,
    emergency_status: 'Inactive',
    emergency_address_sid: null,
    emergency_address_status: 'unregistered',
    beta: false,
    origin: 'hosted',
    status: 'in-use',
    type: null,
    uri: `/2010-04-01/Accounts/${number.accountSid}/IncomingPhoneNumbers/${number.sid}.json`,
  };
}
