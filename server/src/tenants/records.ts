import { z } from 'zod';
import { sidSchema } from '@hookswitch/shared';
import { ownGuardsSchema } from './account-guards.ts';
import { ownLimitsSchema } from './account-limits.ts';
import { trunkSettingsSchema } from './trunk-record.ts';

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

const accountStatusSchema = z.enum(['active', 'suspended', 'closed']);
export type AccountStatus = z.infer<typeof accountStatusSchema>;

const cidrSchema = z.union([z.cidrv4(), z.cidrv6()], {
  error: 'expected an address range such as 203.0.113.0/24 or 2001:db8::/32',
});
const codecSchema = z.enum(['PCMU', 'PCMA']);
const e164Schema = z.string().regex(/^\+[0-9]{3,15}$/, 'expected an E.164 number such as +15550100');

export const accountRecordSchema = z.object({
  kind: z.literal('account'),
  ...base,
  sid: sidSchema('account'),
  name,
  status: accountStatusSchema,
  authToken: sealed,
  /** The account that made it and may act for it; null: an account of its own. */
  ownerSid: sidSchema('account').nullable().default(null),
  /** Where it differs from the server's defaults. */
  limits: ownLimitsSchema.default({}),
  /** Against calls that others make at its cost. */
  guards: ownGuardsSchema.default({}),
});
const apiKeyRecordSchema = z.object({
  kind: z.literal('apiKey'),
  ...base,
  sid: sidSchema('apiKey'),
  accountSid: sidSchema('account'),
  name,
  secret: sealed,
});
/** The public half of a key pair (RFC 7517): ES256 only. */
const publicJwkSchema = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
  y: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
});
export type PublicJwk = z.infer<typeof publicJwkSchema>;
/** Checks the tokens that an account signs with a key of its own. */
export const publicKeyRecordSchema = z.object({
  kind: z.literal('publicKey'),
  ...base,
  sid: sidSchema('publicKey'),
  accountSid: sidSchema('account'),
  name,
  /** Names the key in the header of a token. Once in an account. */
  kid: z.string().min(1).max(128),
  jwk: publicJwkSchema,
});
/** `ws` and `wss`: an application that stays connected while it has a call. */
const voiceUrl = z.url({ protocol: /^(?:https?|wss?)$/, error: 'expected an http, https, ws or wss URL' }).max(2048);
export const applicationRecordSchema = z.object({
  kind: z.literal('application'),
  ...base,
  sid: sidSchema('application'),
  accountSid: sidSchema('account'),
  name,
  /** Empty: none yet; calls to it end with an error. */
  voiceUrl: voiceUrl.or(z.literal('')),
  voiceMethod: method,
  voiceFallbackUrl: voiceUrl.nullable(),
  voiceFallbackMethod: method,
  statusCallback: httpUrl.nullable(),
  statusCallbackMethod: method,
});
/** What runs the calls of a number that has no application. */
const numberVoiceSchema = applicationRecordSchema.pick({
  voiceUrl: true,
  voiceMethod: true,
  voiceFallbackUrl: true,
  voiceFallbackMethod: true,
  statusCallback: true,
  statusCallbackMethod: true,
});
export type NumberVoice = z.infer<typeof numberVoiceSchema>;
export const numberRecordSchema = z.object({
  kind: z.literal('number'),
  ...base,
  sid: sidSchema('phoneNumber'),
  accountSid: sidSchema('account'),
  name,
  number: e164Schema,
  /** Goes before `voice`. */
  applicationSid: sidSchema('application').nullable(),
  voice: numberVoiceSchema.nullable().default(null),
});
export const trunkRecordSchema = z.object({
  kind: z.literal('trunk'),
  ...base,
  sid: sidSchema('trunk'),
  accountSid: sidSchema('account'),
  name,
  allow: z.array(cidrSchema).max(100),
  /** Of records from before there were several gateways (`settings.gateways`); null in newer ones. */
  outboundHost: z.string().min(1).max(253).nullable(),
  outboundPort: z.number().int().min(1).max(65_535).nullable(),
  /** What the carrier has to present on calls to us; null: its address is enough. */
  inboundUsername: z.string().min(1).max(128).nullable().default(null),
  inboundSecret: sealed.nullable().default(null),
  digestUsername: z.string().min(1).max(128).nullable(),
  digestSecret: sealed.nullable(),
  codecs: z.array(codecSchema).min(1),
  /** Calls at once, both directions together; null: no limit. */
  channels: z.number().int().min(1).max(100_000).nullable(),
  settings: trunkSettingsSchema.prefault({}),
});

const listMappingSchema = z.object({
  /** Of a credential list or an IP access control list. */
  listSid: z.string(),
  /** What it lets in. Addresses are for calls only. */
  use: z.enum(['calls', 'registrations']),
  at: z.string().describe('RFC 3339'),
});
export type ListMapping = z.infer<typeof listMappingSchema>;
const sipUserName = z
  .string()
  .regex(/^[A-Za-z0-9._+~!*'()-]{1,64}$/, 'expected up to 64 letters, digits and . _ + - as in a SIP URI');

/** A domain whose phones register here. */
export const sipDomainRecordSchema = z.object({
  kind: z.literal('sipDomain'),
  ...base,
  sid: sidSchema('sipDomain'),
  accountSid: sidSchema('account'),
  name,
  domain: z
    .string()
    .toLowerCase()
    .max(253)
    .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$|^[0-9a-f:]*:[0-9a-f:.]*$/, {
      error: 'expected a domain name such as phones.example.com, or an IP address',
    }),
  /** Runs the calls of its phones; null: they may be called and cannot call. */
  applicationSid: sidSchema('application').nullable(),
  /** Phones may register. */
  registration: z.boolean(),
  /** Runs the calls of a domain that has no application. */
  voice: numberVoiceSchema.nullable().default(null),
  /** Lists of credentials and addresses that hold for it. */
  mappings: z.array(listMappingSchema).max(100).default([]),
});
/** A user of a SIP domain: one or several phones. */
export const sipUserRecordSchema = z.object({
  kind: z.literal('sipUser'),
  ...base,
  sid: sidSchema('sipUser'),
  accountSid: sidSchema('account'),
  name,
  domainSid: sidSchema('sipDomain'),
  username: sipUserName,
  password: sealed,
  /** Shown as caller instead of the SIP URI; null: the SIP URI. */
  callerNumber: e164Schema.nullable(),
});

/** Users that may call through, or register at, the SIP domains that the list is mapped to. */
export const credentialListRecordSchema = z.object({
  kind: z.literal('credentialList'),
  ...base,
  sid: sidSchema('credentialList'),
  accountSid: sidSchema('account'),
  name,
});
export const credentialRecordSchema = z.object({
  kind: z.literal('credential'),
  ...base,
  sid: sidSchema('credential'),
  accountSid: sidSchema('account'),
  name,
  listSid: sidSchema('credentialList'),
  username: sipUserName,
  password: sealed,
});
/** Addresses that may call through the SIP domains that the list is mapped to. */
export const ipListRecordSchema = z.object({
  kind: z.literal('ipList'),
  ...base,
  sid: sidSchema('ipAccessControlList'),
  accountSid: sidSchema('account'),
  name,
});
export const ipAddressRecordSchema = z.object({
  kind: z.literal('ipAddress'),
  ...base,
  sid: sidSchema('ipAddress'),
  accountSid: sidSchema('account'),
  name,
  listSid: sidSchema('ipAccessControlList'),
  address: z.union([z.ipv4(), z.ipv6()], { error: 'expected an IP address' }),
  /** Bits that count. */
  prefix: z.number().int().min(1).max(128),
});

export const tenantRecordSchema = z.discriminatedUnion('kind', [
  accountRecordSchema,
  apiKeyRecordSchema,
  publicKeyRecordSchema,
  applicationRecordSchema,
  numberRecordSchema,
  trunkRecordSchema,
  sipDomainRecordSchema,
  sipUserRecordSchema,
  credentialListRecordSchema,
  credentialRecordSchema,
  ipListRecordSchema,
  ipAddressRecordSchema,
]);

export type AccountRecord = z.infer<typeof accountRecordSchema>;
export type ApiKeyRecord = z.infer<typeof apiKeyRecordSchema>;
export type PublicKeyRecord = z.infer<typeof publicKeyRecordSchema>;
export type ApplicationRecord = z.infer<typeof applicationRecordSchema>;
export type NumberRecord = z.infer<typeof numberRecordSchema>;
export type TrunkRecord = z.infer<typeof trunkRecordSchema>;
export type SipDomainRecord = z.infer<typeof sipDomainRecordSchema>;
export type SipUserRecord = z.infer<typeof sipUserRecordSchema>;
export type CredentialListRecord = z.infer<typeof credentialListRecordSchema>;
export type CredentialRecord = z.infer<typeof credentialRecordSchema>;
export type IpListRecord = z.infer<typeof ipListRecordSchema>;
export type IpAddressRecord = z.infer<typeof ipAddressRecordSchema>;
export type TenantRecord = z.infer<typeof tenantRecordSchema>;

export type TenantKind = TenantRecord['kind'];
export interface RecordOf {
  account: AccountRecord;
  apiKey: ApiKeyRecord;
  publicKey: PublicKeyRecord;
  application: ApplicationRecord;
  number: NumberRecord;
  trunk: TrunkRecord;
  sipDomain: SipDomainRecord;
  sipUser: SipUserRecord;
  credentialList: CredentialListRecord;
  credential: CredentialRecord;
  ipList: IpListRecord;
  ipAddress: IpAddressRecord;
}
/** As given to a repository, which numbers the revision. */
export type NewRecord<K extends TenantKind> = Omit<RecordOf[K], 'revision'>;
export type RecordChanges<K extends TenantKind> = Partial<Omit<RecordOf[K], 'kind' | 'sid' | 'revision' | 'createdAt'>>;
