import type { z } from 'zod';
import { randomHex } from '../kernel/index.ts';
import { TenantError } from './errors.ts';
import { ownGuardsSchema } from './account-guards.ts';
import type { AccountGuards } from './account-guards.ts';
import { ownLimitsSchema } from './account-limits.ts';
import type { AccountLimits } from './account-limits.ts';
import { PhoneStore } from './phone-store.ts';
import type { RecordQuery, TenantRepository, TenantVersion } from './ports.ts';
import type { NumberPool } from './number-pool.ts';
import { PublicKeyStore } from './public-key-store.ts';
import { RecordWriter, check } from './record-writer.ts';
import type { TenantStoreParts } from './record-writer.ts';
import { applicationRecordSchema, numberRecordSchema, accountRecordSchema } from './records.ts';
import type {
  AccountRecord,
  AccountStatus,
  ApiKeyRecord,
  ApplicationRecord,
  NumberRecord,
  RecordOf,
  TenantKind,
  TenantRecord,
  TrunkRecord,
} from './records.ts';
import { SipListStore } from './sip-list-store.ts';
import { changedTrunk, checkTrunk, defined, newTrunkSchema } from './trunk-input.ts';
import type { NewTrunk, TrunkChanges } from './trunk-input.ts';
import { gatewaysOf } from './trunk-record.ts';

const nameSchema = accountRecordSchema.shape.name;
const application = applicationRecordSchema.pick({
  name: true,
  voiceUrl: true,
  voiceMethod: true,
  voiceFallbackUrl: true,
  voiceFallbackMethod: true,
  statusCallback: true,
  statusCallbackMethod: true,
});
const newApplicationSchema = application.extend({
  voiceMethod: application.shape.voiceMethod.default('POST'),
  voiceFallbackUrl: application.shape.voiceFallbackUrl.default(null),
  voiceFallbackMethod: application.shape.voiceFallbackMethod.default('POST'),
  statusCallback: application.shape.statusCallback.default(null),
  statusCallbackMethod: application.shape.statusCallbackMethod.default('POST'),
});
export type NewApplication = z.input<typeof newApplicationSchema>;
const applicationChangesSchema = application.partial();
export type ApplicationChanges = z.input<typeof applicationChangesSchema>;

const newNumberSchema = numberRecordSchema
  .pick({ number: true, name: true, applicationSid: true, voice: true })
  .partial({ name: true, applicationSid: true, voice: true });
export type NewNumber = z.input<typeof newNumberSchema>;
// Without its default: a member left out stays as it is.
const numberChangesSchema = newNumberSchema
  .omit({ number: true })
  .extend({ voice: numberRecordSchema.shape.voice.unwrap() })
  .partial();
export type NumberChanges = z.input<typeof numberChangesSchema>;

const strictLimitsSchema = ownLimitsSchema.strict();
const strictGuardsSchema = ownGuardsSchema.strict();
const accountChangesSchema = accountRecordSchema.pick({ name: true, status: true }).partial();
export type AccountChanges = z.input<typeof accountChangesSchema>;

/** What a secret is sealed for. */
export const secretContext = {
  authToken: (sid: string): string => `account:${sid}:authToken`,
  keySecret: (sid: string): string => `apiKey:${sid}:secret`,
  digest: (sid: string): string => `trunk:${sid}:digestSecret`,
  inbound: (sid: string): string => `trunk:${sid}:inboundSecret`,
};

/**
 * Writes of accounts, keys, applications, numbers and trunks: checked, secrets sealed, stored, then announced. The only
 * way to change them.
 * @throws TenantError from every method
 */
export class TenantStore {
  /** SIP domains and their users. */
  readonly phones: PhoneStore;
  /** Who may call through SIP domains and register at them. */
  readonly sipLists: SipListStore;
  /** Public keys that check the tokens an account signs itself. */
  readonly publicKeys: PublicKeyStore;
  readonly #parts: TenantStoreParts;
  readonly #writer: RecordWriter;

  constructor(parts: TenantStoreParts) {
    this.#parts = parts;
    this.#writer = new RecordWriter(parts);
    this.phones = new PhoneStore(parts, this.#writer);
    this.sipLists = new SipListStore(parts, this.#writer);
    this.publicKeys = new PublicKeyStore(parts, this.#writer);
  }

  /** One record by its sid; undefined: there is none. */
  record<K extends TenantKind>(kind: K, sid: string): Promise<RecordOf[K] | undefined> {
    return this.#parts.repository.get(kind, sid);
  }

  /** A piece of a list, newest first. */
  page<K extends TenantKind>(kind: K, query: RecordQuery): Promise<RecordOf[K][]> {
    return this.#parts.repository.page(kind, query);
  }

  /** What a record was, oldest first; of one that was removed nothing is left. */
  versions(sid: string): Promise<TenantVersion[]> {
    return this.#parts.repository.versions(sid);
  }

  /** Numbers of the operator that accounts may take. */
  get pool(): NumberPool {
    return this.#parts.repository.pool;
  }

  /** @param ownerSid the account that may act for the new one */
  async createAccount(
    name: string,
    ownerSid: string | null = null,
  ): Promise<{ account: AccountRecord; authToken: string }> {
    const sid = this.#writer.sid('account');
    const authToken = randomHex(this.#parts.random, 16);
    const account = await this.#writer.insert('account', {
      ...this.#writer.stamp('account', sid),
      name: check(nameSchema, name, 'name'),
      status: 'active',
      authToken: this.#parts.secrets.seal(authToken, secretContext.authToken(sid)),
      ownerSid,
      limits: {},
      guards: {},
    });
    return { account, authToken };
  }

  accounts(): Promise<AccountRecord[]> {
    return this.#parts.repository.list('account');
  }

  async updateAccount(sid: string, changes: AccountChanges): Promise<AccountRecord> {
    return await this.#writer.update('account', sid, defined(check(accountChangesSchema, changes, 'account')));
  }

  /** The account's own limits become these; what is left out is the default from now on. */
  async setAccountLimits(sid: string, limits: AccountLimits): Promise<AccountRecord> {
    return await this.#writer.update('account', sid, { limits: check(strictLimitsSchema, limits, 'limits') });
  }

  /** The account's own guards become these; what is left out is its owner's from now on, or the default. */
  async setAccountGuards(sid: string, guards: AccountGuards): Promise<AccountRecord> {
    return await this.#writer.update('account', sid, { guards: check(strictGuardsSchema, guards, 'guards') });
  }

  /** In clear. */
  authToken(account: AccountRecord): string {
    return this.#parts.secrets.open(account.authToken, secretContext.authToken(account.sid));
  }

  setAccountStatus(sid: string, status: AccountStatus): Promise<AccountRecord> {
    return this.#writer.update('account', sid, { status });
  }

  /** The secret is returned in clear here and nowhere else. */
  async createKey(accountSid: string, name: string): Promise<{ key: ApiKeyRecord; secret: string }> {
    const sid = this.#writer.sid('apiKey');
    const secret = Buffer.from(this.#parts.random.bytes(32)).toString('base64url');
    const key = await this.#writer.insert('apiKey', {
      ...this.#writer.stamp('apiKey', sid),
      accountSid,
      name: check(nameSchema, name, 'name'),
      secret: this.#parts.secrets.seal(secret, secretContext.keySecret(sid)),
    });
    return { key, secret };
  }

  keys(accountSid?: string): Promise<ApiKeyRecord[]> {
    return this.#parts.repository.list('apiKey', accountSid);
  }

  async renameKey(sid: string, name: string): Promise<ApiKeyRecord> {
    return await this.#writer.update('apiKey', sid, { name: check(nameSchema, name, 'name') });
  }

  /** Tokens made with the key are refused from then on. */
  deleteKey(sid: string): Promise<void> {
    return this.#writer.remove('apiKey', sid);
  }

  async createApplication(accountSid: string, input: NewApplication): Promise<ApplicationRecord> {
    const values = check(newApplicationSchema, input, 'application');
    return await this.#writer.insert('application', {
      ...this.#writer.stamp('application', this.#writer.sid('application')),
      accountSid,
      ...values,
    });
  }

  async updateApplication(sid: string, changes: ApplicationChanges): Promise<ApplicationRecord> {
    return await this.#writer.update(
      'application',
      sid,
      defined(check(applicationChangesSchema, changes, 'application')),
    );
  }

  /** @throws TenantError `in-use` while a number or a SIP domain refers to it */
  deleteApplication(sid: string): Promise<void> {
    return this.#writer.remove('application', sid);
  }

  applications(accountSid?: string): Promise<ApplicationRecord[]> {
    return this.#parts.repository.list('application', accountSid);
  }

  async addNumber(accountSid: string, input: NewNumber): Promise<NumberRecord> {
    const values = check(newNumberSchema, input, 'number');
    return await this.#writer.insert('number', {
      ...this.#writer.stamp('number', this.#writer.sid('phoneNumber')),
      accountSid,
      number: values.number,
      name: values.name ?? values.number,
      applicationSid: values.applicationSid ?? null,
      voice: values.voice ?? null,
    });
  }

  async updateNumber(sid: string, changes: NumberChanges): Promise<NumberRecord> {
    return await this.#writer.update('number', sid, defined(check(numberChangesSchema, changes, 'number')));
  }

  removeNumber(sid: string): Promise<void> {
    return this.#writer.remove('number', sid);
  }

  numbers(accountSid?: string): Promise<NumberRecord[]> {
    return this.#parts.repository.list('number', accountSid);
  }

  async addTrunk(accountSid: string, input: NewTrunk): Promise<TrunkRecord> {
    const values = check(newTrunkSchema, input, 'trunk');
    checkTrunk(values);
    const sid = this.#writer.sid('trunk');
    return await this.#writer.insert('trunk', {
      ...this.#writer.stamp('trunk', sid),
      accountSid,
      ...values,
      outboundHost: null,
      outboundPort: null,
      ...this.#sealTrunk(sid, values),
    });
  }

  /** Changes what is given. Gateways given replace a single one of an old record. */
  async updateTrunk(sid: string, changes: TrunkChanges): Promise<TrunkRecord> {
    const record = await this.#parts.repository.get('trunk', sid);
    if (record === undefined) throw new TenantError('not-found', `there is no trunk ${sid}`);
    const values = check(newTrunkSchema, changedTrunk(record, changes).values, 'trunk');
    checkTrunk({ ...values, settings: { ...values.settings, gateways: [...gatewaysOf({ ...record, ...values })] } });
    const single = changes.settings?.gateways === undefined ? {} : { outboundHost: null, outboundPort: null };
    return await this.#writer.update('trunk', sid, { ...values, ...single, ...this.#sealTrunk(sid, changes, record) });
  }

  deleteTrunk(sid: string): Promise<void> {
    return this.#writer.remove('trunk', sid);
  }

  trunks(accountSid?: string): Promise<TrunkRecord[]> {
    return this.#parts.repository.list('trunk', accountSid);
  }

  /** Secrets of an account for its owner, in clear: its auth token and its oldest key. */
  async credentials(
    accountSid: string,
  ): Promise<{ authToken: string; key: { sid: string; secret: string } | undefined }> {
    const { repository, secrets } = this.#parts;
    const account = await repository.get('account', accountSid);
    if (account === undefined) throw new TenantError('not-found', `there is no account ${accountSid}`);
    const [key] = await repository.list('apiKey', accountSid);
    return {
      authToken: secrets.open(account.authToken, secretContext.authToken(account.sid)),
      key:
        key === undefined
          ? undefined
          : { sid: key.sid, secret: secrets.open(key.secret, secretContext.keySecret(key.sid)) },
    };
  }

  /** Secrets given are sealed; those left out stay as they are stored. */
  #sealTrunk(
    sid: string,
    given: Pick<TrunkChanges, 'digestSecret' | 'inboundSecret'>,
    stored?: TrunkRecord,
  ): Pick<TrunkRecord, 'digestSecret' | 'inboundSecret'> {
    const { secrets } = this.#parts;
    const seal = (secret: string | null, context: string): string | null =>
      secret === null ? null : secrets.seal(secret, context);
    return {
      digestSecret:
        given.digestSecret === undefined
          ? (stored?.digestSecret ?? null)
          : seal(given.digestSecret, secretContext.digest(sid)),
      inboundSecret:
        given.inboundSecret === undefined
          ? (stored?.inboundSecret ?? null)
          : seal(given.inboundSecret, secretContext.inbound(sid)),
    };
  }
}

/** Every record, accounts first: what a mirror is rebuilt from. */
export async function allRecords(repository: TenantRepository): Promise<TenantRecord[]> {
  const kinds: TenantKind[] = [
    'account',
    'apiKey',
    'publicKey',
    'application',
    'number',
    'trunk',
    'sipDomain',
    'sipUser',
    'credentialList',
    'credential',
    'ipList',
    'ipAddress',
  ];
  const lists = await Promise.all(kinds.map((kind) => repository.list(kind)));
  return lists.flat();
}
