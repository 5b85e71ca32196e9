import type { KeyObject } from 'node:crypto';
import type { AccountGuards } from './account-guards.ts';
import type { AccountLimits } from './account-limits.ts';

export type { AccountGuards, AllAccountGuards } from './account-guards.ts';
import type { NumberPlan, TrunkGateway, TrunkIdentity, TrunkRegistration, TrunkSettings } from './trunk-record.ts';
import type { NumberPool, NumberType } from './number-pool.ts';
import type { AccountStatus, NewRecord, RecordChanges, RecordOf, TenantKind, TenantRecord } from './records.ts';

/** Where a record stands in a list: lists are ordered by time of creation, then sid. */
export interface RecordPosition {
  readonly createdAt: string;
  readonly sid: string;
}
/** A piece of a list, newest first. */
export interface RecordQuery {
  /** Only of this account; of accounts: itself and those it owns. */
  readonly accountSid?: string;
  /** Older than this one (`after`), or the closest newer ones (`before`). */
  readonly after?: RecordPosition;
  readonly before?: RecordPosition;
  readonly limit: number;
  readonly name?: string;
  /** Of accounts. */
  readonly status?: AccountStatus;
  /** Of numbers: a part of it, `*` for any one digit. */
  readonly numberLike?: string;
  /** Of numbers: as the operator's pool has it; one that is not there is `local`. */
  readonly numberType?: NumberType;
  /** Of credentials and addresses: only those of this list. */
  readonly listSid?: string;
}

/** A record as it was. */
export interface TenantVersion {
  /** From 1. */
  readonly version: number;
  readonly at: string;
  readonly record: TenantRecord;
}
/** Versions of a record that are kept: the newest ones. */
export const MAX_VERSIONS = 100;

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
  /** Newest first, at most `limit`. */
  page<K extends TenantKind>(kind: K, query: RecordQuery): Promise<RecordOf[K][]>;
  /** What the record was, oldest first: the newest `MAX_VERSIONS` of a record that is there. */
  versions(sid: string): Promise<TenantVersion[]>;
  readonly pool: NumberPool;
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
  /** The account that may act for it. */
  readonly ownerSid: string | undefined;
  /** Where it differs from the defaults. The same object as long as nothing changed. Left out: nowhere. */
  readonly limits?: AccountLimits;
  /** Its own. Left out: those of its owner. */
  readonly guards?: AccountGuards;
}
export interface DirectoryKey {
  readonly sid: string;
  readonly accountSid: string;
  readonly secret: string;
  /** False when the account is suspended or closed: tokens of the key are to be refused. */
  readonly accountActive: boolean;
}
/** Checks what an account signed itself (ES256). */
export interface DirectoryPublicKey {
  readonly sid: string;
  readonly accountSid: string;
  readonly kid: string;
  /** The same object as long as the key is the same. */
  readonly key: KeyObject;
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
  /** Its application; with addresses of its own and no application it is one itself, under its own sid. */
  readonly applicationSid: string | undefined;
}
export interface DirectoryTrunk {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  /** CIDR ranges that INVITEs of this trunk come from. */
  readonly allow: readonly string[];
  /** What the carrier has to present on calls to us; undefined: its address is enough. */
  readonly inbound: { readonly username: string; readonly secret: string } | undefined;
  /** Where outgoing calls go; empty: the trunk takes none. In the order of the record. */
  readonly gateways: readonly TrunkGateway[];
  /** Numbers it serves, by their beginning; empty: all. */
  readonly prefixes: readonly string[];
  /** Lowest first, among trunks that serve a number equally well. */
  readonly priority: number;
  /** Cheapest first, among those of equal priority. */
  readonly cost: number;
  /** Credentials for a digest challenge of the far end. */
  readonly digest: { readonly username: string; readonly secret: string } | undefined;
  /** In order of preference. */
  readonly codecs: readonly ('PCMU' | 'PCMA')[];
  /** Whether accounts below its own may use it too. */
  readonly sharing: TrunkSettings['sharing'];
  readonly channels: TrunkChannelLimits;
  readonly srtp: TrunkSettings['srtp'];
  /** Seconds between OPTIONS pings; 0: none. */
  readonly optionsIntervalS: number;
  readonly numbers: NumberPlan;
  readonly identity: TrunkIdentity;
  readonly register: TrunkRegistration | undefined;
  /** RFC 3262 on outgoing calls. */
  readonly reliableProvisional: TrunkSettings['reliableProvisional'];
  /** RFC 4028 on outgoing calls. */
  readonly sessionTimer: { readonly expiresS: number; readonly minSeS: number } | undefined;
  /** Whether the carrier may transfer calls where no `referUrl` decides. */
  readonly transfers: TrunkSettings['transfers'];
}

/** Calls of a trunk at once: together, towards us, from us. Undefined: no limit. Shares are of the total. */
export interface TrunkChannelLimits {
  readonly total?: number;
  readonly in?: number;
  readonly out?: number;
  /** Kept free of outgoing calls. */
  readonly keptForCallers?: number;
  /** By account. */
  readonly shares?: Readonly<Record<string, { readonly reserved: number; readonly most?: number }>>;
}

/** A SIP domain of an account, whose users' phones register here. */
export interface DirectorySipDomain {
  readonly sid: string;
  readonly accountSid: string;
  /** Lower case. */
  readonly domain: string;
  readonly applicationSid: string | undefined;
  readonly registration: boolean;
}
export interface DirectorySipUser {
  readonly sid: string;
  readonly domainSid: string;
  readonly username: string;
  readonly password: string;
  /** E.164. */
  readonly callerNumber: string | undefined;
}
/** What the lists say that are mapped to a SIP domain. Undefined: none of that kind is. */
export interface SipDomainAccess {
  readonly address: 'allowed' | 'refused' | undefined;
  readonly credentials: 'needed' | undefined;
}
export interface DirectoryPhones {
  /** By name, any case. */
  domain(name: string): DirectorySipDomain | undefined;
  domainBySid(sid: string): DirectorySipDomain | undefined;
  /** Who may register: users, and credentials of lists. Names are compared exactly (RFC 3261 section 19.1.4). */
  user(domainSid: string, username: string): DirectorySipUser | undefined;
  /** Who may call: users, and credentials of lists for calls. */
  caller(domainSid: string, username: string): DirectorySipCaller | undefined;
  access(domainSid: string, ip: string): SipDomainAccess;
}
export interface DirectorySipCaller extends DirectorySipUser {
  /** It is of a list: it may call as anybody. */
  readonly listed: boolean;
}

/**
 * The configuration as call and gateway processes see it: synchronous, from memory, kept up to date within moments of a
 * commit. Secrets are in clear here and only here. While the bus is down it answers what was last known.
 */
export interface Directory {
  /** Resolves when the whole configuration was read once. */
  readonly ready: Promise<void>;
  accountBySid(sid: string): DirectoryAccount | undefined;
  /** The installation's own, made at the very first start. */
  oldestAccount(): DirectoryAccount | undefined;
  /** The secret that validates and makes the account's request signatures. */
  authToken(accountSid: string): string | undefined;
  apiKey(sid: string): DirectoryKey | undefined;
  /** Of all accounts, in no order. */
  apiKeys(): DirectoryKey[];
  publicKeyBySid(sid: string): DirectoryPublicKey | undefined;
  publicKeyByKid(accountSid: string, kid: string): DirectoryPublicKey | undefined;
  numberByE164(number: string): DirectoryNumber | undefined;
  /** Of one account, oldest first. */
  numbers(accountSid: string): DirectoryNumber[];
  application(sid: string): DirectoryApplication | undefined;
  /** Oldest first; when an account is given those that it may use, its own first. */
  trunks(accountSid?: string): DirectoryTrunk[];
  trunk(sid: string): DirectoryTrunk | undefined;
  /** The trunk whose allow-list names `ip` most closely; undefined for an unknown source or a text that is no address. */
  trunkBySourceIp(ip: string): DirectoryTrunk | undefined;
  /** All trunks that allow `ip`, closest first: a carrier's address may serve several accounts, the number decides. */
  trunksBySourceIp(ip: string): DirectoryTrunk[];
  /** Trunks whose carrier presents this user (digest), oldest first. */
  trunksByInboundUser(username: string): DirectoryTrunk[];
  /** SIP domains and their users. */
  readonly phones: DirectoryPhones;
  /** Of the copy that is in use here; undefined: there is none. */
  revisionOf(sid: string): number | undefined;
  /** Called after each change. Returns what takes the listener back. */
  onChange(listener: (change: { readonly kind: TenantKind; readonly sid: string }) => void): () => void;
  close(): void;
}
