import type { AccountStatus, NewRecord, RecordChanges, RecordOf, TenantKind, TenantRecord } from './records.ts';

/**
 * Where tenant records are stored for good. Every write gets a revision higher than any before. Writes are atomic.
 * @throws TenantError `exists`, `not-found` (the record, or the account or application it refers to), `in-use`,
 * `unavailable`
 */
export interface TenantRepository {
  insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]>;
  update<K extends TenantKind>(kind: K, sid: string, changes: RecordChanges<K>): Promise<RecordOf[K]>;
  /** False when there was none. */
  remove(kind: TenantKind, sid: string): Promise<boolean>;
  get<K extends TenantKind>(kind: K, sid: string): Promise<RecordOf[K] | undefined>;
  /** Oldest first; of one account when `accountSid` is given. */
  list<K extends TenantKind>(kind: K, accountSid?: string): Promise<RecordOf[K][]>;
}

/** Where committed records are announced to the processes that only read. Never rejects: what fails is repaired later. */
export interface TenantMirror {
  put(record: TenantRecord): Promise<void>;
  remove(kind: TenantKind, sid: string): Promise<void>;
}

export interface DirectoryAccount {
  readonly sid: string;
  readonly name: string;
  readonly status: AccountStatus;
}
export interface DirectoryKey {
  readonly sid: string;
  readonly accountSid: string;
  readonly secret: string;
  /** False when the account is suspended or closed: tokens of the key are to be refused. */
  readonly accountActive: boolean;
}
export interface DirectoryApplication {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  readonly voiceUrl: string;
  readonly voiceMethod: 'GET' | 'POST';
  readonly voiceFallbackUrl: string | undefined;
  readonly voiceFallbackMethod: 'GET' | 'POST';
  readonly statusCallback: string | undefined;
  readonly statusCallbackMethod: 'GET' | 'POST';
}
export interface DirectoryNumber {
  readonly sid: string;
  readonly accountSid: string;
  /** E.164. */
  readonly number: string;
  readonly applicationSid: string | undefined;
}
export interface DirectoryTrunk {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  /** CIDR ranges that INVITEs of this trunk come from. */
  readonly allow: readonly string[];
  /** Where outgoing calls go; undefined: the trunk takes none. */
  readonly outbound: { readonly host: string; readonly port: number } | undefined;
  /** Credentials for a digest challenge of the far end. */
  readonly digest: { readonly username: string; readonly secret: string } | undefined;
  /** In order of preference. */
  readonly codecs: readonly ('PCMU' | 'PCMA')[];
  /** Calls at once; undefined: no limit. */
  readonly channels: number | undefined;
}

/**
 * The configuration as call and gateway processes see it: synchronous, from memory, kept up to date within moments of a
 * commit. Secrets are in clear here and only here. While the bus is down it answers what was last known.
 */
export interface Directory {
  /** Resolves when the whole configuration was read once. */
  readonly ready: Promise<void>;
  accountBySid(sid: string): DirectoryAccount | undefined;
  /** The secret that validates and makes the account's request signatures. */
  authToken(accountSid: string): string | undefined;
  apiKey(sid: string): DirectoryKey | undefined;
  numberByE164(number: string): DirectoryNumber | undefined;
  /** Of one account, oldest first. */
  numbers(accountSid: string): DirectoryNumber[];
  application(sid: string): DirectoryApplication | undefined;
  /** Of one account, oldest first: the first with `outbound` is its default for outgoing calls. */
  trunks(accountSid: string): DirectoryTrunk[];
  trunk(sid: string): DirectoryTrunk | undefined;
  /** The trunk whose allow-list names `ip` most closely; undefined for an unknown source or a text that is no address. */
  trunkBySourceIp(ip: string): DirectoryTrunk | undefined;
  /** All trunks that allow `ip`, closest first: a carrier's address may serve several accounts, the number decides. */
  trunksBySourceIp(ip: string): DirectoryTrunk[];
  /** Called after each change. Returns what takes the listener back. */
  onChange(listener: (change: { readonly kind: TenantKind; readonly sid: string }) => void): () => void;
  close(): void;
}
