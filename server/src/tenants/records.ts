import { z } from 'zod';
import { sidSchema } from '@hookswitch/shared';

/**
 * What SQL and KV hold. Secrets are sealed (secret-box.ts). `revision` rises with every write of any record, so that of
 * two copies the newer one is known.
 */
const base = {
  revision: z.number().int(),
  createdAt: z.string().describe('RFC 3339'),
  updatedAt: z.string().describe('RFC 3339'),
};
const name = z.string().trim().min(1).max(64);
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).max(2048);
const method = z.enum(['GET', 'POST']);
const sealed = z.string();

export const accountStatusSchema = z.enum(['active', 'suspended', 'closed']);
export type AccountStatus = z.infer<typeof accountStatusSchema>;

export const cidrSchema = z.union([z.cidrv4(), z.cidrv6()], {
  error: 'expected an address range such as 203.0.113.0/24 or 2001:db8::/32',
});
export const codecSchema = z.enum(['PCMU', 'PCMA']);
export const e164Schema = z.string().regex(/^\+[0-9]{3,15}$/, 'expected an E.164 number such as +15550100');

export const accountRecordSchema = z.object({
  kind: z.literal('account'),
  ...base,
  sid: sidSchema('account'),
  name,
  status: accountStatusSchema,
  authToken: sealed,
});
export const apiKeyRecordSchema = z.object({
  kind: z.literal('apiKey'),
  ...base,
  sid: sidSchema('apiKey'),
  accountSid: sidSchema('account'),
  name,
  secret: sealed,
});
export const applicationRecordSchema = z.object({
  kind: z.literal('application'),
  ...base,
  sid: sidSchema('application'),
  accountSid: sidSchema('account'),
  name,
  voiceUrl: httpUrl,
  voiceMethod: method,
  voiceFallbackUrl: httpUrl.nullable(),
  voiceFallbackMethod: method,
  statusCallback: httpUrl.nullable(),
  statusCallbackMethod: method,
});
export const numberRecordSchema = z.object({
  kind: z.literal('number'),
  ...base,
  sid: sidSchema('phoneNumber'),
  accountSid: sidSchema('account'),
  name,
  number: e164Schema,
  applicationSid: sidSchema('application').nullable(),
});
export const trunkRecordSchema = z.object({
  kind: z.literal('trunk'),
  ...base,
  sid: sidSchema('trunk'),
  accountSid: sidSchema('account'),
  name,
  allow: z.array(cidrSchema).max(100),
  outboundHost: z.string().min(1).max(253).nullable(),
  outboundPort: z.number().int().min(1).max(65_535).nullable(),
  digestUsername: z.string().min(1).max(128).nullable(),
  digestSecret: sealed.nullable(),
  codecs: z.array(codecSchema).min(1),
  channels: z.number().int().min(1).max(100_000).nullable(),
});

export const tenantRecordSchema = z.discriminatedUnion('kind', [
  accountRecordSchema,
  apiKeyRecordSchema,
  applicationRecordSchema,
  numberRecordSchema,
  trunkRecordSchema,
]);

export type AccountRecord = z.infer<typeof accountRecordSchema>;
export type ApiKeyRecord = z.infer<typeof apiKeyRecordSchema>;
export type ApplicationRecord = z.infer<typeof applicationRecordSchema>;
export type NumberRecord = z.infer<typeof numberRecordSchema>;
export type TrunkRecord = z.infer<typeof trunkRecordSchema>;
export type TenantRecord = z.infer<typeof tenantRecordSchema>;

export type TenantKind = TenantRecord['kind'];
export interface RecordOf {
  account: AccountRecord;
  apiKey: ApiKeyRecord;
  application: ApplicationRecord;
  number: NumberRecord;
  trunk: TrunkRecord;
}
/** As given to a repository, which numbers the revision. */
export type NewRecord<K extends TenantKind> = Omit<RecordOf[K], 'revision'>;
export type RecordChanges<K extends TenantKind> = Partial<Omit<RecordOf[K], 'kind' | 'sid' | 'revision' | 'createdAt'>>;
