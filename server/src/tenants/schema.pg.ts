import { bigint, index, integer, jsonb, pgSchema, text, timestamp } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';

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

export const accounts = tenants.table('accounts', {
  ...base,
  status: text({ enum: ['active', 'suspended', 'closed'] }).notNull(),
  authToken: text('auth_token').notNull(),
});

const accountSid = () =>
  text('account_sid')
    .notNull()
    .references(() => accounts.sid);

export const apiKeys = tenants.table(
  'api_keys',
  { ...base, accountSid: accountSid(), secret: text().notNull() },
  (table) => [index('api_keys_account').on(table.accountSid)],
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
    digestUsername: text('digest_username'),
    digestSecret: text('digest_secret'),
    codecs: jsonb().$type<('PCMU' | 'PCMA')[]>().notNull(),
    channels: integer(),
  },
  (table) => [index('trunks_account').on(table.accountSid)],
);
