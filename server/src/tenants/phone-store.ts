import { z } from 'zod';
import { TenantError } from './errors.ts';
import { check } from './record-writer.ts';
import type { RecordWriter, TenantStoreParts } from './record-writer.ts';
import { sipDomainRecordSchema, sipUserRecordSchema } from './records.ts';
import type { SipDomainRecord, SipUserRecord } from './records.ts';
import { defined } from './trunk-input.ts';

export const newSipDomainSchema = sipDomainRecordSchema.pick({ domain: true }).extend({
  applicationSid: sipDomainRecordSchema.shape.applicationSid.default(null),
  registration: z.boolean().default(true),
});
/** A domain may have a name for people and addresses of its own, too. */
const storedDomainSchema = newSipDomainSchema.extend({
  name: sipDomainRecordSchema.shape.name.optional(),
  voice: sipDomainRecordSchema.shape.voice,
});
export type NewSipDomain = z.input<typeof storedDomainSchema>;
export const sipDomainChangesSchema = sipDomainRecordSchema
  .pick({ applicationSid: true, registration: true })
  .partial();
const storedChangesSchema = sipDomainChangesSchema.extend({
  ...sipDomainRecordSchema.pick({ name: true, domain: true }).partial().shape,
  voice: sipDomainRecordSchema.shape.voice.unwrap().optional(),
});
export type SipDomainChanges = z.input<typeof storedChangesSchema>;

const newUserSchema = sipUserRecordSchema.pick({ username: true }).extend({
  /** Given, or made here. */
  password: z.string().min(8, 'expected at least 8 characters').max(128).optional(),
  callerNumber: sipUserRecordSchema.shape.callerNumber.default(null),
});
export type NewSipUser = z.input<typeof newUserSchema>;

/** What the password of a SIP user is sealed for. */
export const sipPasswordContext = (sid: string): string => `sipUser:${sid}:password`;

/** Writes of SIP domains and their users. @throws TenantError from every method */
export class PhoneStore {
  readonly #parts: TenantStoreParts;
  readonly #writer: RecordWriter;

  constructor(parts: TenantStoreParts, writer: RecordWriter) {
    this.#parts = parts;
    this.#writer = writer;
  }

  async addDomain(accountSid: string, input: NewSipDomain): Promise<SipDomainRecord> {
    const { name, ...values } = check(storedDomainSchema, input, 'sipDomain');
    return await this.#writer.insert('sipDomain', {
      ...this.#writer.stamp('sipDomain', this.#writer.sid('sipDomain')),
      accountSid,
      name: name ?? values.domain.slice(0, 64),
      ...values,
      mappings: [],
    });
  }

  domains(accountSid?: string): Promise<SipDomainRecord[]> {
    return this.#parts.repository.list('sipDomain', accountSid);
  }

  async updateDomain(sid: string, changes: SipDomainChanges): Promise<SipDomainRecord> {
    return await this.#writer.update('sipDomain', sid, defined(check(storedChangesSchema, changes, 'sipDomain')));
  }

  /** Its users have to be removed before. */
  removeDomain(sid: string): Promise<void> {
    return this.#writer.remove('sipDomain', sid);
  }

  /** The password is returned in clear, because a phone has to be given it. */
  async addUser(domainSid: string, input: NewSipUser): Promise<{ user: SipUserRecord; password: string }> {
    const values = check(newUserSchema, input, 'sipUser');
    const domain = await this.#parts.repository.get('sipDomain', domainSid);
    if (domain === undefined) throw new TenantError('not-found', `there is no sipDomain ${domainSid}`);
    const sid = this.#writer.sid('sipUser');
    const password = values.password ?? Buffer.from(this.#parts.random.bytes(15)).toString('base64url');
    const user = await this.#writer.insert('sipUser', {
      ...this.#writer.stamp('sipUser', sid),
      accountSid: domain.accountSid,
      name: values.username,
      domainSid,
      username: values.username,
      password: this.#parts.secrets.seal(password, sipPasswordContext(sid)),
      callerNumber: values.callerNumber,
    });
    return { user, password };
  }

  async users(domainSid?: string): Promise<SipUserRecord[]> {
    const all = await this.#parts.repository.list('sipUser');
    return domainSid === undefined ? all : all.filter((user) => user.domainSid === domainSid);
  }

  /** For who sets a phone up. */
  password(user: SipUserRecord): string {
    return this.#parts.secrets.open(user.password, sipPasswordContext(user.sid));
  }

  removeUser(sid: string): Promise<void> {
    return this.#writer.remove('sipUser', sid);
  }
}
