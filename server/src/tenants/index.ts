export { DatabaseError, TenantError } from './errors.ts';
export type {
  Directory,
  DirectoryAccount,
  DirectoryApplication,
  DirectoryKey,
  DirectoryNumber,
  DirectoryTrunk,
  TenantMirror,
  TenantRepository,
} from './ports.ts';
export { tenantRecordSchema } from './records.ts';
export type {
  AccountRecord,
  AccountStatus,
  ApiKeyRecord,
  ApplicationRecord,
  NewRecord,
  NumberRecord,
  RecordChanges,
  RecordOf,
  TenantKind,
  TenantRecord,
  TrunkRecord,
} from './records.ts';
export { SecretBox, loadMasterKey, masterKeyFile } from './secret-box.ts';
export { TenantStore, allRecords } from './store.ts';
export type { ApplicationChanges, NewApplication, NewNumber, NewTrunk, TenantStoreParts } from './store.ts';
export { DirectoryView } from './directory-view.ts';
export { seedFirstAccount } from './seed.ts';
export type { SeedOptions, Seeded } from './seed.ts';
