import { sipPasswordContext } from './phone-store.ts';
import type {
  DirectoryPhones,
  DirectorySipCaller,
  DirectorySipDomain,
  DirectorySipUser,
  SipDomainAccess,
} from './ports.ts';
import type { CredentialRecord, IpAddressRecord, ListMapping, SipDomainRecord, SipUserRecord } from './records.ts';
import type { SecretBox } from './secret-box.ts';
import { SipListIndex } from './sip-list-index.ts';

/** The part of the directory that knows SIP domains, their users, and the lists that hold for them. */
export class PhoneIndex implements DirectoryPhones {
  readonly #secrets: SecretBox;
  readonly #lists: SipListIndex;
  readonly #domains = new Map<string, DirectorySipDomain>();
  readonly #mappings = new Map<string, readonly ListMapping[]>();
  readonly #byName = new Map<string, string>();
  readonly #users = new Map<string, DirectorySipUser>();
  readonly #byUser = new Map<string, string>();

  constructor(secrets: SecretBox) {
    this.#secrets = secrets;
    this.#lists = new SipListIndex(secrets);
  }

  domain(name: string): DirectorySipDomain | undefined {
    return this.#domains.get(this.#byName.get(name.toLowerCase()) ?? '');
  }

  domainBySid(sid: string): DirectorySipDomain | undefined {
    return this.#domains.get(sid);
  }

  user(domainSid: string, username: string): DirectorySipUser | undefined {
    return this.#own(domainSid, username) ?? this.#listed(domainSid, 'registrations', username);
  }

  caller(domainSid: string, username: string): DirectorySipCaller | undefined {
    const own = this.#own(domainSid, username);
    if (own !== undefined) return { ...own, listed: false };
    const listed = this.#listed(domainSid, 'calls', username);
    return listed === undefined ? undefined : { ...listed, listed: true };
  }

  access(domainSid: string, ip: string): SipDomainAccess {
    return this.#lists.access(this.#mappings.get(domainSid) ?? [], ip);
  }

  apply(record: SipDomainRecord | SipUserRecord | CredentialRecord | IpAddressRecord): void {
    const { sid } = record;
    switch (record.kind) {
      case 'credential':
      case 'ipAddress':
        this.#lists.apply(record);
        return;
      case 'sipDomain':
        this.remove(sid);
        this.#domains.set(sid, domainView(record));
        this.#mappings.set(sid, record.mappings);
        this.#byName.set(record.domain, sid);
        return;
      case 'sipUser': {
        const { domainSid, username, callerNumber } = record;
        const password = this.#secrets.open(record.password, sipPasswordContext(sid));
        this.remove(sid);
        this.#users.set(sid, { sid, domainSid, username, password, callerNumber: callerNumber ?? undefined });
        this.#byUser.set(`${domainSid} ${username}`, sid);
      }
    }
  }

  remove(sid: string): void {
    const domain = this.#domains.get(sid);
    if (domain !== undefined && this.#byName.get(domain.domain) === sid) this.#byName.delete(domain.domain);
    const user = this.#users.get(sid);
    const name = user === undefined ? '' : `${user.domainSid} ${user.username}`;
    if (this.#byUser.get(name) === sid) this.#byUser.delete(name);
    this.#domains.delete(sid);
    this.#mappings.delete(sid);
    this.#users.delete(sid);
    this.#lists.remove(sid);
  }

  #own(domainSid: string, username: string): DirectorySipUser | undefined {
    return this.#users.get(this.#byUser.get(`${domainSid} ${username}`) ?? '');
  }

  #listed(domainSid: string, use: ListMapping['use'], username: string): DirectorySipUser | undefined {
    return this.#lists.credential(domainSid, this.#mappings.get(domainSid) ?? [], { use, username });
  }
}

function domainView({ sid, accountSid, domain, registration, ...record }: SipDomainRecord): DirectorySipDomain {
  const { applicationSid, voice } = record;
  const own = voice !== null && voice.voiceUrl !== '' ? sid : undefined;
  return { sid, accountSid, domain, registration, applicationSid: applicationSid ?? own };
}
