import { z } from 'zod';
import { isSid } from '@hookswitch/shared';
import { TenantError } from './errors.ts';
import { check } from './record-writer.ts';
import type { RecordWriter, TenantStoreParts } from './record-writer.ts';
import { credentialRecordSchema, ipAddressRecordSchema } from './records.ts';
import type {
  CredentialListRecord,
  CredentialRecord,
  IpAddressRecord,
  IpListRecord,
  ListMapping,
  SipDomainRecord,
} from './records.ts';
import { defined } from './trunk-input.ts';

const nameSchema = credentialRecordSchema.shape.name;
const passwordSchema = z.string().min(8, 'expected at least 8 characters').max(128);
const newCredentialSchema = z.object({ username: credentialRecordSchema.shape.username, password: passwordSchema });
const newAddressSchema = ipAddressRecordSchema.pick({ name: true, address: true, prefix: true });
const addressChangesSchema = newAddressSchema.partial();
export type NewIpAddress = z.input<typeof newAddressSchema>;
export type IpAddressChanges = z.input<typeof addressChangesSchema>;

type ListKind = 'credentialList' | 'ipList';
const ENTRIES = { credentialList: 'credential', ipList: 'ipAddress' } as const;
const SID_KIND = { credentialList: 'credentialList', ipList: 'ipAccessControlList' } as const;

/** Entries of one list at most: all are in the memory of every node. */
export const MAX_LIST_ENTRIES = 1000;

/** What the password of a credential is sealed for. */
export const credentialContext = (sid: string): string => `credential:${sid}:password`;

/** Writes of credential lists, IP access control lists, and which SIP domains they hold for. @throws TenantError */
export class SipListStore {
  readonly #parts: TenantStoreParts;
  readonly #writer: RecordWriter;

  constructor(parts: TenantStoreParts, writer: RecordWriter) {
    this.#parts = parts;
    this.#writer = writer;
  }

  async addCredentialList(accountSid: string, name: string): Promise<CredentialListRecord> {
    const stamp = this.#writer.stamp('credentialList', this.#writer.sid('credentialList'));
    return await this.#writer.insert('credentialList', { ...stamp, accountSid, name: check(nameSchema, name, 'name') });
  }

  async addIpList(accountSid: string, name: string): Promise<IpListRecord> {
    const stamp = this.#writer.stamp('ipList', this.#writer.sid('ipAccessControlList'));
    return await this.#writer.insert('ipList', { ...stamp, accountSid, name: check(nameSchema, name, 'name') });
  }

  async renameCredentialList(sid: string, name: string): Promise<CredentialListRecord> {
    return await this.#writer.update('credentialList', sid, { name: check(nameSchema, name, 'name') });
  }

  async renameIpList(sid: string, name: string): Promise<IpListRecord> {
    return await this.#writer.update('ipList', sid, { name: check(nameSchema, name, 'name') });
  }

  /** With what is in it. @throws TenantError `in-use` while it is mapped to a SIP domain */
  async removeList(kind: ListKind, accountSid: string, sid: string): Promise<void> {
    const { repository } = this.#parts;
    const domains = await repository.list('sipDomain', accountSid);
    const user = domains.find(({ mappings }) => mappings.some(({ listSid }) => listSid === sid));
    if (user !== undefined)
      throw new TenantError('in-use', `the list is mapped to SIP domain ${user.domain}: unmap it`);
    for (const entry of await this.#entries(kind, accountSid, sid)) {
      await this.#writer.remove(ENTRIES[kind], entry.sid);
    }
    await this.#writer.remove(kind, sid);
  }

  async addCredential(
    list: CredentialListRecord,
    input: { readonly username: string; readonly password: string },
  ): Promise<CredentialRecord> {
    const { username, password } = check(newCredentialSchema, input, 'credential');
    await this.#checkRoom('credentialList', list);
    const sid = this.#writer.sid('credential');
    return await this.#writer.insert('credential', {
      ...this.#writer.stamp('credential', sid),
      accountSid: list.accountSid,
      name: username,
      listSid: list.sid,
      username,
      password: this.#parts.secrets.seal(password, credentialContext(sid)),
    });
  }

  async changePassword(sid: string, given: string): Promise<CredentialRecord> {
    const password = check(passwordSchema, given, 'password');
    return await this.#writer.update('credential', sid, {
      password: this.#parts.secrets.seal(password, credentialContext(sid)),
    });
  }

  async addAddress(list: IpListRecord, input: NewIpAddress): Promise<IpAddressRecord> {
    const values = check(newAddressSchema, input, 'ipAddress');
    checkPrefix(values);
    await this.#checkRoom('ipList', list);
    return await this.#writer.insert('ipAddress', {
      ...this.#writer.stamp('ipAddress', this.#writer.sid('ipAddress')),
      accountSid: list.accountSid,
      listSid: list.sid,
      ...values,
    });
  }

  async updateAddress(before: IpAddressRecord, changes: IpAddressChanges): Promise<IpAddressRecord> {
    const values = defined(check(addressChangesSchema, changes, 'ipAddress'));
    checkPrefix({ ...before, ...values });
    return await this.#writer.update('ipAddress', before.sid, values);
  }

  removeEntry(kind: 'credential' | 'ipAddress', sid: string): Promise<void> {
    return this.#writer.remove(kind, sid);
  }

  /** Mapped twice it stays as it is. @throws TenantError `not-found` for a list of another account */
  async map(domain: SipDomainRecord, listSid: string, use: ListMapping['use']): Promise<ListMapping> {
    const kind = isSid(SID_KIND.credentialList, listSid) ? 'credentialList' : 'ipList';
    const list = await this.#parts.repository.get(kind, listSid);
    if (list?.accountSid !== domain.accountSid) throw new TenantError('not-found', `there is no list ${listSid}`);
    const there = domain.mappings.find((mapping) => mapping.listSid === listSid && mapping.use === use);
    if (there !== undefined) return there;
    const made = { listSid, use, at: new Date(this.#parts.clock.now()).toISOString() };
    await this.#writer.update('sipDomain', domain.sid, { mappings: [...domain.mappings, made] });
    return made;
  }

  async unmap(domain: SipDomainRecord, listSid: string, use: ListMapping['use']): Promise<void> {
    const mappings = domain.mappings.filter((mapping) => mapping.listSid !== listSid || mapping.use !== use);
    await this.#writer.update('sipDomain', domain.sid, { mappings });
  }

  async #checkRoom(kind: ListKind, list: { readonly accountSid: string; readonly sid: string }): Promise<void> {
    if ((await this.#entries(kind, list.accountSid, list.sid)).length < MAX_LIST_ENTRIES) return;
    throw new TenantError('invalid', `a list has ${MAX_LIST_ENTRIES} entries at most: make another one`);
  }

  #entries(kind: ListKind, accountSid: string, listSid: string): Promise<readonly { readonly sid: string }[]> {
    return this.#parts.repository.page(ENTRIES[kind], { accountSid, listSid, limit: MAX_LIST_ENTRIES });
  }
}

function checkPrefix({ address, prefix }: { readonly address: string; readonly prefix: number }): void {
  if (!address.includes(':') && prefix > 32) {
    throw new TenantError('invalid', `ipAddress.prefix: an IPv4 address has 32 bits, not ${prefix}`);
  }
}
