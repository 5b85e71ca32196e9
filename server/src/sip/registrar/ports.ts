import type { DigestSecret } from '../digest/index.ts';
import type { Endpoint } from '../transport/api.ts';

/** One contact of an address-of-record. */
export interface Binding {
  /** The Contact URI as the phone gave it. */
  readonly contact: string;
  /** 0 to 1, 1 when none was given: which contact is preferred. */
  readonly q: number;
  readonly callId: string;
  readonly cseq: number;
  /** Wall-clock time of its end, milliseconds. */
  readonly expiresAt: number;
  /** Wall-clock time at which it was first made, milliseconds. */
  readonly since: number;
  /** Route values towards it, from Path (RFC 3327). */
  readonly path: readonly string[];
  /** `+sip.instance` and `reg-id` (RFC 5626): the device and its flow. */
  readonly instance?: string | undefined;
  readonly regId?: number | undefined;
  /** Where the REGISTER came from; the connection only means something on `node`. */
  readonly received: Endpoint;
  /** Requests go to `received` and not to where the contact points: the phone is behind NAT or speaks over a connection. */
  readonly overFlow: boolean;
  /** The node that took it. */
  readonly node: string;
  /** The phone's User-Agent header. */
  readonly userAgent?: string | undefined;
}

/** The contacts of one address-of-record. */
export interface AddressBindings {
  /** `user@domain`, the domain in lower case. */
  readonly address: string;
  readonly accountSid: string;
  readonly bindings: readonly Binding[];
}

export interface StoredBindings extends AddressBindings {
  /** Changes with every write. */
  readonly revision: number;
}

/**
 * Where registrations are kept. One record per address-of-record, written by compare-and-swap: two REGISTERs at once
 * never lose each other's contacts. Rejects when the store cannot be reached.
 */
export interface BindingStore {
  /** The newest record. */
  read(address: string): Promise<StoredBindings | undefined>;
  /**
   * Replaces the record when its revision is still `revision` (undefined: there is none); no bindings removes it. False:
   * somebody else wrote meanwhile. After true, {@link find} of this process sees it.
   */
  write(record: AddressBindings, revision: number | undefined): Promise<boolean>;
  /** From memory, at once; may lag behind other processes by moments. Expired ones are left to the caller. */
  find(address: string): AddressBindings | undefined;
  /** Every record known to this process. */
  all(): Iterable<AddressBindings>;
  close(): void;
}

/** A SIP domain of ours. */
export interface PhoneDomain {
  readonly sid: string;
  readonly accountSid: string;
  /** In lower case; the digest realm. */
  readonly domain: string;
  /** Phones may register in it. */
  readonly registration: boolean;
}

/** Who may register and call. Synchronous: answered from the mirrored configuration. */
export interface PhoneDirectory {
  /** By name, or by an address of ours that phones were given instead of a name. Any case. */
  domain(host: string): PhoneDomain | undefined;
  /** Secret of a user; undefined: no such user. */
  secret(domain: PhoneDomain, username: string): DigestSecret | undefined;
}

/** A contact came or went. */
export type RegistrarChange =
  | { readonly kind: 'registered'; readonly binding: Binding }
  | {
      readonly kind: 'unregistered';
      readonly binding: Binding;
      /** `replaced`: the same device registered with another contact. */
      readonly reason: 'unregistered' | 'expired' | 'replaced';
    };
