import ipaddr from 'ipaddr.js';
import type { DirectorySipUser, SipDomainAccess } from './ports.ts';
import type { CredentialRecord, IpAddressRecord, ListMapping } from './records.ts';
import type { SecretBox } from './secret-box.ts';
import { credentialContext } from './sip-list-store.ts';

interface HeldCredential {
  readonly sid: string;
  readonly listSid: string;
  readonly username: string;
  readonly password: string;
}
interface HeldRange {
  readonly listSid: string;
  readonly range: [ipaddr.IPv4 | ipaddr.IPv6, number];
}

/** The part of the directory that knows what is in credential lists and IP access control lists. */
export class SipListIndex {
  readonly #secrets: SecretBox;
  readonly #credentials = new Map<string, HeldCredential>();
  readonly #byName = new Map<string, HeldCredential>();
  readonly #ranges = new Map<string, HeldRange>();

  constructor(secrets: SecretBox) {
    this.#secrets = secrets;
  }

  apply(record: CredentialRecord | IpAddressRecord): void {
    const { sid, listSid } = record;
    if (record.kind === 'ipAddress') {
      this.#ranges.set(sid, { listSid, range: [ipaddr.process(record.address), record.prefix] });
      return;
    }
    const password = this.#secrets.open(record.password, credentialContext(sid));
    this.remove(sid);
    const held = { sid, listSid, username: record.username, password };
    this.#credentials.set(sid, held);
    this.#byName.set(`${listSid} ${held.username}`, held);
  }

  remove(sid: string): void {
    this.#ranges.delete(sid);
    const held = this.#credentials.get(sid);
    if (held === undefined) return;
    this.#credentials.delete(sid);
    const name = `${held.listSid} ${held.username}`;
    if (this.#byName.get(name) === held) this.#byName.delete(name);
  }

  /** Of the first list for this use that has the name. */
  credential(
    domainSid: string,
    mappings: readonly ListMapping[],
    wanted: { readonly use: ListMapping['use']; readonly username: string },
  ): DirectorySipUser | undefined {
    for (const { listSid, use } of mappings) {
      if (use !== wanted.use) continue;
      const held = this.#byName.get(`${listSid} ${wanted.username}`);
      if (held === undefined) continue;
      const { sid, username, password } = held;
      return { sid, domainSid, username, password, callerNumber: undefined };
    }
    return undefined;
  }

  /** A list that is empty lets nobody in. */
  access(mappings: readonly ListMapping[], ip: string): SipDomainAccess {
    const calls = mappings.filter(({ use }) => use === 'calls').map(({ listSid }) => listSid);
    const addressLists = calls.filter((listSid) => listSid.startsWith('AL'));
    return {
      address: addressLists.length === 0 ? undefined : this.#isIn(addressLists, ip) ? 'allowed' : 'refused',
      credentials: calls.length > addressLists.length ? 'needed' : undefined,
    };
  }

  #isIn(lists: readonly string[], ip: string): boolean {
    if (!ipaddr.isValid(ip)) return false;
    const address = ipaddr.process(ip);
    for (const { listSid, range } of this.#ranges.values()) {
      if (!lists.includes(listSid) || range[0].kind() !== address.kind()) continue;
      if (address.match(range[0], range[1])) return true;
    }
    return false;
  }
}
