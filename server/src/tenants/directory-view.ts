import { createPublicKey } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { Emitter, describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import { isBelow } from './account-owners.ts';
import { heldTrunk } from './held-trunk.ts';
import type { AddressRange, HeldTrunk } from './held-trunk.ts';
import { PhoneIndex } from './phone-index.ts';
import type {
  Directory,
  DirectoryAccount,
  DirectoryApplication,
  DirectoryKey,
  DirectoryNumber,
  DirectoryPublicKey,
  DirectoryTrunk,
} from './ports.ts';
import type {
  AccountRecord,
  ApplicationRecord,
  NumberRecord,
  NumberVoice,
  PublicKeyRecord,
  SipDomainRecord,
  TenantKind,
  TenantRecord,
} from './records.ts';
import { secretContext } from './store.ts';
import type { SecretBox } from './secret-box.ts';

interface HeldAccount {
  readonly order: string;
  readonly view: DirectoryAccount;
  readonly authToken: string;
}

/** The directory's indexes. Fed with records by whatever mirrors them; of two copies of a record the newer one stays. */
export class DirectoryView implements Directory {
  readonly ready: Promise<void>;
  readonly phones: PhoneIndex;
  readonly #secrets: SecretBox;
  readonly #log: Log;
  readonly #release: () => void;
  readonly #revisions = new Map<string, number>();
  readonly #accounts = new Map<string, HeldAccount>();
  readonly #keys = new Map<string, Omit<DirectoryKey, 'accountActive'>>();
  readonly #publicKeys = new Map<string, DirectoryPublicKey>();
  readonly #byKid = new Map<string, string>();
  readonly #applications = new Map<string, DirectoryApplication>();
  readonly #numbers = new Map<string, DirectoryNumber & { readonly order: string }>();
  /** Numbers and SIP domains that are their own application. */
  readonly #ownVoices = new Map<string, DirectoryApplication>();
  readonly #byNumber = new Map<string, string>();
  readonly #trunks = new Map<string, HeldTrunk>();
  readonly #emitter: Emitter<{ change: { kind: TenantKind; sid: string } }>;

  /** @param source.ready when the first full read is done; @param source.release run by `close()` */
  constructor(parts: { secrets: SecretBox; log: Log; ready?: Promise<void>; release?: () => void }) {
    this.phones = new PhoneIndex(parts.secrets);
    this.#secrets = parts.secrets;
    this.#log = parts.log;
    this.ready = parts.ready ?? Promise.resolve();
    this.#release = parts.release ?? ((): void => undefined);
    this.#emitter = new Emitter((error) => {
      this.#log.error({ err: error }, 'a listener of the directory failed');
    });
  }

  apply(record: TenantRecord): void {
    if (record.revision <= (this.#revisions.get(record.sid) ?? -1)) return;
    try {
      this.#index(record);
    } catch (error) {
      // A record that cannot be read must not hide the others.
      this.#log.error(
        { kind: record.kind, sid: record.sid, reason: describeError(error) },
        'a stored record is not usable',
      );
      return;
    }
    this.#revisions.set(record.sid, record.revision);
    this.#emitter.emit('change', { kind: record.kind, sid: record.sid });
  }

  remove(kind: TenantKind, sid: string): void {
    if (!this.#revisions.delete(sid)) return;
    const number = this.#numbers.get(sid)?.number;
    if (number !== undefined && this.#byNumber.get(number) === sid) this.#byNumber.delete(number);
    for (const map of [this.#accounts, this.#keys, this.#applications, this.#numbers, this.#ownVoices, this.#trunks])
      map.delete(sid);
    this.#forgetPublicKey(sid);
    this.phones.remove(sid);
    this.#emitter.emit('change', { kind, sid });
  }

  accountBySid(sid: string): DirectoryAccount | undefined {
    return this.#accounts.get(sid)?.view;
  }

  oldestAccount(): DirectoryAccount | undefined {
    return [...this.#accounts.values()].sort((a, b) => compare(a.order, b.order))[0]?.view;
  }

  authToken(accountSid: string): string | undefined {
    return this.#accounts.get(accountSid)?.authToken;
  }

  apiKey(sid: string): DirectoryKey | undefined {
    const key = this.#keys.get(sid);
    if (key === undefined) return undefined;
    return { ...key, accountActive: this.#accounts.get(key.accountSid)?.view.status === 'active' };
  }

  apiKeys(): DirectoryKey[] {
    return [...this.#keys.keys()].flatMap((sid) => this.apiKey(sid) ?? []);
  }

  publicKeyBySid(sid: string): DirectoryPublicKey | undefined {
    return this.#publicKeys.get(sid);
  }

  publicKeyByKid(accountSid: string, kid: string): DirectoryPublicKey | undefined {
    const sid = this.#byKid.get(`${accountSid} ${kid}`);
    return sid === undefined ? undefined : this.#publicKeys.get(sid);
  }

  numberByE164(number: string): DirectoryNumber | undefined {
    const sid = this.#byNumber.get(number);
    return sid === undefined ? undefined : this.#numbers.get(sid);
  }

  numbers(accountSid: string): DirectoryNumber[] {
    const own = [...this.#numbers.values()].filter((number) => number.accountSid === accountSid);
    return own.sort((a, b) => compare(a.order, b.order));
  }

  application(sid: string): DirectoryApplication | undefined {
    return this.#applications.get(sid) ?? this.#ownVoices.get(sid);
  }

  trunk(sid: string): DirectoryTrunk | undefined {
    return this.#trunks.get(sid)?.view;
  }

  trunks(accountSid?: string): DirectoryTrunk[] {
    const all = [...this.#trunks.values()].sort((a, b) => compare(a.order, b.order)).map(({ view }) => view);
    if (accountSid === undefined) return all;
    const shared = all.filter(
      (trunk) => trunk.sharing === 'subaccounts' && isBelow(this, accountSid, trunk.accountSid),
    );
    return [...all.filter((trunk) => trunk.accountSid === accountSid), ...shared];
  }

  trunkBySourceIp(ip: string): DirectoryTrunk | undefined {
    return this.trunksBySourceIp(ip)[0];
  }

  trunksBySourceIp(ip: string): DirectoryTrunk[] {
    if (!ipaddr.isValid(ip)) return [];
    // IPv4 in IPv6 (::ffff:192.0.2.1), as dual-stack sockets report it, counts as IPv4.
    const address = ipaddr.process(ip);
    const found: { trunk: HeldTrunk; bits: number }[] = [];
    for (const trunk of this.#trunks.values()) {
      const bits = Math.max(-1, ...trunk.ranges.filter((range) => inRange(address, range)).map(([, length]) => length));
      if (bits >= 0) found.push({ trunk, bits });
    }
    found.sort((a, b) => b.bits - a.bits || compare(a.trunk.order, b.trunk.order));
    return found.map(({ trunk }) => trunk.view);
  }

  trunksByInboundUser(username: string): DirectoryTrunk[] {
    return this.trunks().filter(({ inbound }) => inbound?.username === username);
  }

  revisionOf(sid: string): number | undefined {
    return this.#revisions.get(sid);
  }

  onChange(listener: (change: { readonly kind: TenantKind; readonly sid: string }) => void): () => void {
    return this.#emitter.on('change', listener);
  }

  close(): void {
    this.#emitter.clear();
    this.#release();
  }

  #index(record: TenantRecord): void {
    switch (record.kind) {
      case 'account':
        this.#accounts.set(record.sid, this.#account(record));
        break;
      case 'apiKey': {
        const secret = this.#secrets.open(record.secret, secretContext.keySecret(record.sid));
        this.#keys.set(record.sid, { sid: record.sid, accountSid: record.accountSid, secret });
        break;
      }
      case 'publicKey':
        this.#indexPublicKey(record);
        break;
      case 'application':
        this.#applications.set(record.sid, applicationView(record));
        break;
      case 'number':
        this.#indexNumber(record);
        break;
      case 'trunk':
        this.#trunks.set(record.sid, heldTrunk(record, this.#secrets));
        break;
      case 'sipDomain':
        this.#indexVoice(record);
        this.phones.apply(record);
        break;
      case 'sipUser':
      case 'credential':
      case 'ipAddress':
        this.phones.apply(record);
        break;
      case 'credentialList':
      case 'ipList':
        // Nothing is asked of a list but what is in it.
        break;
    }
  }

  #account(record: AccountRecord): HeldAccount {
    return {
      order: orderOf(record),
      view: {
        sid: record.sid,
        name: record.name,
        status: record.status,
        ownerSid: record.ownerSid ?? undefined,
        limits: record.limits,
        guards: record.guards,
      },
      authToken: this.#secrets.open(record.authToken, secretContext.authToken(record.sid)),
    };
  }

  #indexPublicKey({ sid, accountSid, kid, jwk }: PublicKeyRecord): void {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    this.#forgetPublicKey(sid);
    this.#publicKeys.set(sid, { sid, accountSid, kid, key });
    this.#byKid.set(`${accountSid} ${kid}`, sid);
  }

  #forgetPublicKey(sid: string): void {
    const held = this.#publicKeys.get(sid);
    if (held === undefined) return;
    this.#publicKeys.delete(sid);
    const name = `${held.accountSid} ${held.kid}`;
    if (this.#byKid.get(name) === sid) this.#byKid.delete(name);
  }

  #indexNumber(record: NumberRecord): void {
    const { sid, accountSid, number } = record;
    const before = this.#numbers.get(sid)?.number;
    if (before !== undefined && this.#byNumber.get(before) === sid) this.#byNumber.delete(before);
    const order = orderOf(record);
    this.#indexVoice(record);
    const applicationSid = record.applicationSid ?? (this.#ownVoices.has(sid) ? sid : undefined);
    this.#numbers.set(sid, { sid, accountSid, number, applicationSid, order });
    this.#byNumber.set(number, sid);
  }

  #indexVoice({ sid, accountSid, name, voice, applicationSid }: NumberRecord | SipDomainRecord): void {
    if (voice === null || voice.voiceUrl === '' || applicationSid !== null) this.#ownVoices.delete(sid);
    else this.#ownVoices.set(sid, applicationView({ sid, accountSid, name, ...voice }));
  }
}

function applicationView(
  record: Pick<ApplicationRecord, 'sid' | 'accountSid' | 'name'> & NumberVoice,
): DirectoryApplication {
  return {
    sid: record.sid,
    accountSid: record.accountSid,
    name: record.name,
    voiceUrl: record.voiceUrl,
    voiceMethod: record.voiceMethod,
    voiceFallbackUrl: record.voiceFallbackUrl ?? undefined,
    voiceFallbackMethod: record.voiceFallbackMethod,
    statusCallback: record.statusCallback ?? undefined,
    statusCallbackMethod: record.statusCallbackMethod,
  };
}

const orderOf = (record: TenantRecord): string => `${record.createdAt} ${record.sid}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function inRange(address: ipaddr.IPv4 | ipaddr.IPv6, [base, bits]: AddressRange): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}
