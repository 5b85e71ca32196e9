import { z } from 'zod';
import { sidFromHex } from '@hookswitch/shared';
import type { SidKind } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import { TenantError } from './errors.ts';
import type { TenantMirror, TenantRepository } from './ports.ts';
import { applicationRecordSchema, numberRecordSchema, trunkRecordSchema, accountRecordSchema } from './records.ts';
import type {
  AccountRecord,
  AccountStatus,
  ApiKeyRecord,
  ApplicationRecord,
  NewRecord,
  NumberRecord,
  RecordOf,
  TenantKind,
  TenantRecord,
  TrunkRecord,
} from './records.ts';
import type { SecretBox } from './secret-box.ts';

export interface TenantStoreParts {
  readonly repository: TenantRepository;
  readonly mirror: TenantMirror;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  readonly random: Random;
}

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
  .pick({ number: true, name: true, applicationSid: true })
  .partial({ name: true, applicationSid: true });
export type NewNumber = z.input<typeof newNumberSchema>;

const trunk = trunkRecordSchema.shape;
const newTrunkSchema = z.object({
  name: trunk.name,
  allow: trunk.allow.default([]),
  outboundHost: trunk.outboundHost.default(null),
  outboundPort: trunk.outboundPort.default(null),
  digestUsername: trunk.digestUsername.default(null),
  /** In clear; stored sealed. */
  digestSecret: z.string().min(1).max(256).nullable().default(null),
  codecs: trunk.codecs.default(['PCMU', 'PCMA']),
  channels: trunk.channels.default(null),
});
export type NewTrunk = z.input<typeof newTrunkSchema>;

/** What a secret is sealed for. */
export const secretContext = {
  authToken: (sid: string): string => `account:${sid}:authToken`,
  keySecret: (sid: string): string => `apiKey:${sid}:secret`,
  digest: (sid: string): string => `trunk:${sid}:digestSecret`,
};

/**
 * Writes of accounts, keys, applications, numbers and trunks: checked, secrets sealed, stored, then announced. The only
 * way to change them.
 * @throws TenantError from every method
 */
export class TenantStore {
  readonly #parts: TenantStoreParts;

  constructor(parts: TenantStoreParts) {
    this.#parts = parts;
  }

  /** The auth token is returned in clear here and nowhere else. */
  async createAccount(name: string): Promise<{ account: AccountRecord; authToken: string }> {
    const sid = this.#sid('account');
    const authToken = randomHex(this.#parts.random, 16);
    const account = await this.#insert('account', {
      ...this.#stamp('account', sid),
      name: check(nameSchema, name, 'name'),
      status: 'active',
      authToken: this.#parts.secrets.seal(authToken, secretContext.authToken(sid)),
    });
    return { account, authToken };
  }

  accounts(): Promise<AccountRecord[]> {
    return this.#parts.repository.list('account');
  }

  setAccountStatus(sid: string, status: AccountStatus): Promise<AccountRecord> {
    return this.#update('account', sid, { status });
  }

  /** The secret is returned in clear here and nowhere else. */
  async createKey(accountSid: string, name: string): Promise<{ key: ApiKeyRecord; secret: string }> {
    const sid = this.#sid('apiKey');
    const secret = Buffer.from(this.#parts.random.bytes(32)).toString('base64url');
    const key = await this.#insert('apiKey', {
      ...this.#stamp('apiKey', sid),
      accountSid,
      name: check(nameSchema, name, 'name'),
      secret: this.#parts.secrets.seal(secret, secretContext.keySecret(sid)),
    });
    return { key, secret };
  }

  keys(accountSid?: string): Promise<ApiKeyRecord[]> {
    return this.#parts.repository.list('apiKey', accountSid);
  }

  /** Tokens made with the key are refused from then on. */
  deleteKey(sid: string): Promise<void> {
    return this.#remove('apiKey', sid);
  }

  async createApplication(accountSid: string, input: NewApplication): Promise<ApplicationRecord> {
    const values = check(newApplicationSchema, input, 'application');
    return await this.#insert('application', {
      ...this.#stamp('application', this.#sid('application')),
      accountSid,
      ...values,
    });
  }

  async updateApplication(sid: string, changes: ApplicationChanges): Promise<ApplicationRecord> {
    const values = check(applicationChangesSchema, changes, 'application');
    // A member given as undefined means: leave it.
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    return await this.#update('application', sid, given);
  }

  applications(accountSid?: string): Promise<ApplicationRecord[]> {
    return this.#parts.repository.list('application', accountSid);
  }

  async addNumber(accountSid: string, input: NewNumber): Promise<NumberRecord> {
    const values = check(newNumberSchema, input, 'number');
    return await this.#insert('number', {
      ...this.#stamp('number', this.#sid('phoneNumber')),
      accountSid,
      number: values.number,
      name: values.name ?? values.number,
      applicationSid: values.applicationSid ?? null,
    });
  }

  numbers(accountSid?: string): Promise<NumberRecord[]> {
    return this.#parts.repository.list('number', accountSid);
  }

  async addTrunk(accountSid: string, input: NewTrunk): Promise<TrunkRecord> {
    const values = check(newTrunkSchema, input, 'trunk');
    if ((values.outboundHost === null) !== (values.outboundPort === null)) {
      throw new TenantError('invalid', 'a trunk needs outbound host and port together, or neither');
    }
    if ((values.digestUsername === null) !== (values.digestSecret === null)) {
      throw new TenantError('invalid', 'a trunk needs digest user and secret together, or neither');
    }
    const sid = this.#sid('trunk');
    const { digestSecret } = values;
    return await this.#insert('trunk', {
      ...this.#stamp('trunk', sid),
      accountSid,
      ...values,
      digestSecret: digestSecret === null ? null : this.#parts.secrets.seal(digestSecret, secretContext.digest(sid)),
    });
  }

  /** Replaces the trunk's address ranges. */
  async allowOnTrunk(sid: string, allow: readonly string[]): Promise<TrunkRecord> {
    return await this.#update('trunk', sid, { allow: check(trunk.allow, allow, 'allow') });
  }

  /** Replaces where the trunk's outgoing calls go. */
  async routeTrunk(sid: string, outboundHost: string, outboundPort: number): Promise<TrunkRecord> {
    return await this.#update('trunk', sid, {
      outboundHost: check(trunk.outboundHost, outboundHost, 'outboundHost'),
      outboundPort: check(trunk.outboundPort, outboundPort, 'outboundPort'),
    });
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

  async #insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    const stored = await this.#parts.repository.insert(kind, record);
    await this.#parts.mirror.put(stored);
    return stored;
  }

  async #update<K extends TenantKind>(kind: K, sid: string, changes: Partial<RecordOf[K]>): Promise<RecordOf[K]> {
    const updatedAt = new Date(this.#parts.clock.now()).toISOString();
    const stored = await this.#parts.repository.update(kind, sid, { ...changes, updatedAt });
    await this.#parts.mirror.put(stored);
    return stored;
  }

  async #remove(kind: TenantKind, sid: string): Promise<void> {
    if (!(await this.#parts.repository.remove(kind, sid)))
      throw new TenantError('not-found', `there is no ${kind} ${sid}`);
    await this.#parts.mirror.remove(kind, sid);
  }

  #sid(kind: SidKind): string {
    return sidFromHex(kind, randomHex(this.#parts.random, 16));
  }

  #stamp<K extends TenantKind>(kind: K, sid: string): { kind: K; sid: string; createdAt: string; updatedAt: string } {
    const now = new Date(this.#parts.clock.now()).toISOString();
    return { kind, sid, createdAt: now, updatedAt: now };
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = [what, ...(issue?.path ?? []).map(String)].join('.');
  throw new TenantError('invalid', `${where}: ${issue?.message ?? 'not valid'}`);
}

/** Every record, accounts first: what a mirror is rebuilt from. */
export async function allRecords(repository: TenantRepository): Promise<TenantRecord[]> {
  const kinds: TenantKind[] = ['account', 'apiKey', 'application', 'number', 'trunk'];
  const lists = await Promise.all(kinds.map((kind) => repository.list(kind)));
  return lists.flat();
}
