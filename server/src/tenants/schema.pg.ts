import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type { AccountGuards } from './account-guards.ts';
import type { AccountLimits } from './account-limits.ts';
import type { NumberType } from './number-pool.ts';
import type { ListMapping, NumberVoice, PublicJwk, TenantRecord } from './records.ts';
import type { TrunkSettings } from './trunk-record.ts';

/** Tables of accounts and what belongs to them. After a change: `npx drizzle-kit generate` (see migrations/README.md). */
export const tenants = pgSchema('tenants');

/** Numbers every write, so that of two copies of a record the newer one is known. */
export const revisions = tenants.sequence('revisions');

const base = {
  sid: text().primaryKey(),
  name: text().notNull(),
  revision: bigint({ mode: 'number' })
    .notNull()
    .default(sql`nextval('tenants.revisions')`),
  createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true, mode: 'date' }).notNull(),
};
const httpMethod = { enum: ['GET', 'POST'] } as const;

export const accounts = tenants.table(
  'accounts',
  {
    ...base,
    status: text({ enum: ['active', 'suspended', 'closed'] }).notNull(),
    authToken: text('auth_token').notNull(),
    ownerSid: text('owner_sid').references((): AnyPgColumn => accounts.sid),
    limits: jsonb().$type<AccountLimits>().notNull().default({}),
    guards: jsonb().$type<AccountGuards>().notNull().default({}),
  },
  (table) => [index('accounts_owner').on(table.ownerSid)],
);

const accountSid = () =>
  text('account_sid')
    .notNull()
    .references(() => accounts.sid);

export const apiKeys = tenants.table(
  'api_keys',
  { ...base, accountSid: accountSid(), secret: text().notNull() },
  (table) => [index('api_keys_account').on(table.accountSid)],
);

export const publicKeys = tenants.table(
  'public_keys',
  { ...base, accountSid: accountSid(), kid: text().notNull(), jwk: jsonb().$type<PublicJwk>().notNull() },
  (table) => [unique('public_keys_kid').on(table.accountSid, table.kid)],
);

export const applications = tenants.table(
  'applications',
  {
    ...base,
    accountSid: accountSid(),
    voiceUrl: text('voice_url').notNull(),
    voiceMethod: text('voice_method', httpMethod).notNull(),
    voiceFallbackUrl: text('voice_fallback_url'),
    voiceFallbackMethod: text('voice_fallback_method', httpMethod).notNull(),
    statusCallback: text('status_callback'),
    statusCallbackMethod: text('status_callback_method', httpMethod).notNull(),
  },
  (table) => [index('applications_account').on(table.accountSid)],
);

export const numbers = tenants.table(
  'numbers',
  {
    ...base,
    accountSid: accountSid(),
    number: text().notNull().unique(),
    applicationSid: text('application_sid').references(() => applications.sid),
    voice: jsonb().$type<NumberVoice>(),
  },
  (table) => [index('numbers_account').on(table.accountSid)],
);

export const trunks = tenants.table(
  'trunks',
  {
    ...base,
    accountSid: accountSid(),
    allow: jsonb().$type<string[]>().notNull(),
    outboundHost: text('outbound_host'),
    outboundPort: integer('outbound_port'),
    inboundUsername: text('inbound_username'),
    inboundSecret: text('inbound_secret'),
    digestUsername: text('digest_username'),
    digestSecret: text('digest_secret'),
    codecs: jsonb().$type<('PCMU' | 'PCMA')[]>().notNull(),
    channels: integer(),
    settings: jsonb().$type<Partial<TrunkSettings>>().notNull().default({}),
  },
  (table) => [index('trunks_account').on(table.accountSid)],
);

export const sipDomains = tenants.table(
  'sip_domains',
  {
    ...base,
    accountSid: accountSid(),
    domain: text().notNull().unique(),
    applicationSid: text('application_sid').references(() => applications.sid),
    registration: boolean().notNull(),
    voice: jsonb().$type<NumberVoice>(),
    mappings: jsonb().$type<ListMapping[]>().notNull().default([]),
  },
  (table) => [index('sip_domains_account').on(table.accountSid)],
);

export const sipUsers = tenants.table(
  'sip_users',
  {
    ...base,
    accountSid: accountSid(),
    domainSid: text('domain_sid')
      .notNull()
      .references(() => sipDomains.sid),
    username: text().notNull(),
    password: text().notNull(),
    callerNumber: text('caller_number'),
  },
  (table) => [
    unique('sip_users_name').on(table.domainSid, table.username),
    index('sip_users_account').on(table.accountSid),
  ],
);

export const credentialLists = tenants.table('credential_lists', { ...base, accountSid: accountSid() }, (table) => [
  index('credential_lists_account').on(table.accountSid),
]);

export const credentials = tenants.table(
  'credentials',
  {
    ...base,
    accountSid: accountSid(),
    listSid: text('list_sid')
      .notNull()
      .references(() => credentialLists.sid),
    username: text().notNull(),
    password: text().notNull(),
  },
  (table) => [
    unique('credentials_name').on(table.listSid, table.username),
    index('credentials_account').on(table.accountSid),
  ],
);

export const ipLists = tenants.table('ip_lists', { ...base, accountSid: accountSid() }, (table) => [
  index('ip_lists_account').on(table.accountSid),
]);

export const ipAddresses = tenants.table(
  'ip_addresses',
  {
    ...base,
    accountSid: accountSid(),
    listSid: text('list_sid')
      .notNull()
      .references(() => ipLists.sid),
    address: text().notNull(),
    prefix: integer().notNull(),
  },
  (table) => [index('ip_addresses_list').on(table.listSid), index('ip_addresses_account').on(table.accountSid)],
);

/** What each record was, version by version; secrets sealed as they are. */
export const versions = tenants.table(
  'versions',
  {
    sid: text().notNull(),
    version: integer().notNull(),
    at: timestamp({ withTimezone: true, mode: 'date' }).notNull(),
    record: jsonb().$type<TenantRecord>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.sid, table.version] })],
);

/** Numbers that the operator has for accounts to take. A number is available while no account has it. */
export const numberPool = tenants.table(
  'number_pool',
  {
    number: text().primaryKey(),
    country: text().notNull(),
    type: text().$type<NumberType>().notNull(),
    locality: text(),
    region: text(),
  },
  (table) => [index('number_pool_country').on(table.country, table.type, table.number)],
);
