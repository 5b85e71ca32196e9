import { z } from 'zod';
import { NUMBER_TYPES } from '../../tenants/index.ts';
import type { NumberType, PoolNumber } from '../../tenants/index.ts';
import { formatted } from '../call-view.ts';
import { RestError } from '../errors.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, pageParameters } from '../paging.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const countrySchema = z
  .object({
    country_code: z.string(),
    country: z.string(),
    uri: z.string(),
    beta: z.literal(false),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'AvailablePhoneNumberCountry' });
const numberSchema = z
  .object({
    friendly_name: z.string(),
    phone_number: z.string(),
    lata: z.null(),
    locality: z.string().nullable(),
    rate_center: z.null(),
    latitude: z.null(),
    longitude: z.null(),
    region: z.string().nullable(),
    postal_code: z.null(),
    iso_country: z.string(),
    address_requirements: z.literal('none'),
    beta: z.literal(false),
    capabilities: z.object({
      voice: z.literal(true),
      SMS: z.literal(false),
      MMS: z.literal(false),
      fax: z.literal(false),
    }),
  })
  .meta({ id: 'AvailablePhoneNumber' });
/** What a type is called in addresses, and in the names of operations. */
const PATHS: Readonly<Record<NumberType, string>> = {
  local: 'Local',
  'toll-free': 'TollFree',
  mobile: 'Mobile',
  national: 'National',
  'shared-cost': 'SharedCost',
  voip: 'Voip',
  'machine-to-machine': 'MachineToMachine',
};
const KEYS = ['', '', 'ABC', 'DEF', 'GHI', 'JKL', 'MNO', 'PQRS', 'TUV', 'WXYZ'];
const wish = z.union([z.boolean(), z.stringbool()]).optional();
const query = z.object({
  AreaCode: z.coerce.number().int().min(1).max(99_999).optional().describe('Digits behind the country code'),
  Contains: z
    .string()
    .regex(/^[+0-9A-Za-z*]{2,16}$/, 'expected 2 to 16 digits, letters as on the keys, or * for any digit')
    .optional(),
  InRegion: z.string().max(64).optional(),
  InLocality: z.string().max(64).optional(),
  VoiceEnabled: wish,
  SmsEnabled: wish.describe('There are none: numbers are for voice'),
  MmsEnabled: wish,
  FaxEnabled: wish,
  ...pageParameters,
});
const countryPath = accountPath.extend({ CountryCode: z.string().regex(/^[A-Z]{2}$/) });
const tags = ['AvailablePhoneNumbers'];

/** Numbers that the operator has and no account took: `POST IncomingPhoneNumbers` takes one. */
export function availablePhoneNumberRoutes(app: RestApp, services: RestServices): void {
  countries(app, services);
  for (const type of NUMBER_TYPES) numbersOf(app, services, type);
}

function countries(app: RestApp, { store }: RestServices): void {
  app.get(
    '/Accounts/:AccountSid/AvailablePhoneNumbers.json',
    {
      schema: {
        operationId: 'ListAvailablePhoneNumberCountry',
        summary: 'Countries with numbers that can be taken',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ countries: z.array(countrySchema), uri: z.string() }) },
      },
    },
    async (request) => {
      const { sid } = contextOf(request).account;
      const found = await store.pool.countries();
      return { countries: found.map((each) => countryView(sid, each)), uri: request.url };
    },
  );
  app.get(
    '/Accounts/:AccountSid/AvailablePhoneNumbers/:CountryCode.json',
    {
      schema: {
        operationId: 'FetchAvailablePhoneNumberCountry',
        summary: 'One country',
        tags,
        params: countryPath,
        response: { 200: countrySchema },
      },
    },
    async (request) => {
      const found = (await store.pool.countries()).find(({ country }) => country === request.params.CountryCode);
      if (found === undefined) throw new RestError('notFound');
      return countryView(contextOf(request).account.sid, found);
    },
  );
}

/** As in the 2010 API one page is all there is. */
function numbersOf(app: RestApp, { store }: RestServices, type: NumberType): void {
  app.get(
    `/Accounts/:AccountSid/AvailablePhoneNumbers/:CountryCode/${PATHS[type]}.json`,
    {
      schema: {
        operationId: `ListAvailablePhoneNumber${PATHS[type]}`,
        summary: `Numbers that can be taken (${type})`,
        tags,
        params: countryPath,
        querystring: query,
        response: { 200: z.object({ available_phone_numbers: z.array(numberSchema), uri: z.string() }) },
      },
    },
    async (request) => {
      const { AreaCode, Contains, InRegion, InLocality, PageSize = DEFAULT_PAGE_SIZE, ...wishes } = request.query;
      const { SmsEnabled, MmsEnabled, FaxEnabled, VoiceEnabled } = wishes;
      if ([SmsEnabled, MmsEnabled, FaxEnabled].includes(true) || VoiceEnabled === false) {
        return { available_phone_numbers: [], uri: request.url };
      }
      const found = await store.pool.available({
        country: request.params.CountryCode,
        type,
        region: InRegion,
        locality: InLocality,
        contains: Contains === undefined ? undefined : onKeys(Contains),
        // Area codes are those of North America.
        startsWith: AreaCode === undefined ? undefined : `+1${AreaCode}`,
        limit: Math.min(PageSize, MAX_PAGE_SIZE),
      });
      return { available_phone_numbers: found.map(numberView), uri: request.url };
    },
  );
}

/** Letters as the digits they are on. */
function onKeys(text: string): string {
  return text.toUpperCase().replace(/[A-Z]/g, (letter) => String(KEYS.findIndex((keys) => keys.includes(letter))));
}

function countryView(
  accountSid: string,
  { country, types }: { readonly country: string; readonly types: readonly NumberType[] },
): z.input<typeof countrySchema> {
  const base = `/2010-04-01/Accounts/${accountSid}/AvailablePhoneNumbers/${country}`;
  return {
    country_code: country,
    country: new Intl.DisplayNames('en', { type: 'region' }).of(country) ?? country,
    uri: `${base}.json`,
    beta: false,
    subresource_uris: Object.fromEntries(
      types.map((type) => [type.replaceAll('-', '_'), `${base}/${PATHS[type]}.json`]),
    ),
  };
}

function numberView({ number, country, locality, region }: PoolNumber): z.input<typeof numberSchema> {
  return {
    friendly_name: formatted(number),
    phone_number: number,
    lata: null,
    locality,
    rate_center: null,
    latitude: null,
    longitude: null,
    region,
    postal_code: null,
    iso_country: country,
    address_requirements: 'none',
    beta: false,
    capabilities: { voice: true, SMS: false, MMS: false, fax: false },
  };
}
