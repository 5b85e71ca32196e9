export { accountGuardsSchema, guardsInForce, ownGuardsSchema } from './account-guards.ts';
export type { AccountGuards, AllAccountGuards } from './account-guards.ts';
export { isActive } from './account-active.ts';
export { isBelow } from './account-owners.ts';
export {
  DEFAULT_ACCOUNT_LIMITS,
  LONGEST_RETENTION_S,
  accountLimitsSchema,
  effectiveLimits,
  ownLimitsSchema,
} from './account-limits.ts';
export type { AccountLimits, AllAccountLimits } from './account-limits.ts';
export { DatabaseError, TenantError } from './errors.ts';
export type {
  Directory,
  DirectoryAccount,
  DirectoryApplication,
  DirectoryKey,
  DirectoryNumber,
  DirectoryPhones,
  DirectoryPublicKey,
  DirectorySipCaller,
  DirectorySipDomain,
  DirectorySipUser,
  DirectoryTrunk,
  RecordPosition,
  RecordQuery,
  SipDomainAccess,
  TenantMirror,
  TenantRepository,
  TenantVersion,
} from './ports.ts';
export { tenantRecordSchema } from './records.ts';
export type {
  AccountRecord,
  AccountStatus,
  ApiKeyRecord,
  ApplicationRecord,
  CredentialListRecord,
  CredentialRecord,
  IpAddressRecord,
  IpListRecord,
  ListMapping,
  NewRecord,
  NumberRecord,
  NumberVoice,
  PublicJwk,
  PublicKeyRecord,
  RecordChanges,
  RecordOf,
  SipDomainRecord,
  SipUserRecord,
  TenantKind,
  TenantRecord,
  TrunkRecord,
} from './records.ts';
export { SecretBox, loadMasterKey, masterKeyFile } from './secret-box.ts';
export { TenantStore, allRecords } from './store.ts';
export { PhoneStore, newSipDomainSchema, sipDomainChangesSchema } from './phone-store.ts';
export type { NewSipDomain, NewSipUser, SipDomainChanges } from './phone-store.ts';
export { RowReader } from './row-reader.ts';
export type { RowQuery } from './row-reader.ts';
export { MAX_LIST_ENTRIES } from './sip-list-store.ts';
export type { IpAddressChanges, NewIpAddress, SipListStore } from './sip-list-store.ts';
export { NUMBER_TYPES } from './number-pool.ts';
export type { NumberPool, NumberType, PoolNumber, PoolQuery } from './number-pool.ts';
export { MAX_PUBLIC_KEYS } from './public-key-store.ts';
export type { PublicKeyStore } from './public-key-store.ts';
export type { TenantStoreParts } from './record-writer.ts';
export type { AccountChanges, ApplicationChanges, NewApplication, NewNumber, NumberChanges } from './store.ts';
export { newTrunkSchema, trunkChangesSchema } from './trunk-input.ts';
export type { NewTrunk, TrunkChanges } from './trunk-input.ts';
export { gatewaySchema, gatewaysOf, trunkSettingsSchema } from './trunk-record.ts';
export type { NewTrunkSettings, NumberPlan, TrunkGateway, TrunkIdentity, TrunkSettings } from './trunk-record.ts';
export { DirectoryView } from './directory-view.ts';
export { DEMO_PHONE_DOMAIN, seedFirstAccount } from './seed.ts';
export type { SeedOptions, Seeded } from './seed.ts';
