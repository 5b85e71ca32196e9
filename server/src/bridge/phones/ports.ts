/** A SIP domain whose users' phones register here. */
export interface PhoneDomainFacts {
  readonly sid: string;
  readonly accountSid: string;
  /** Lower case; the digest realm. */
  readonly domain: string;
  /** Phones may register. */
  readonly registration: boolean;
  /** Runs the calls of its phones; undefined: they may not call. */
  readonly applicationSid: string | undefined;
}

export interface PhoneUserFacts {
  readonly username: string;
  readonly password: string;
  /** E.164: shown as caller instead of the SIP URI. */
  readonly callerNumber: string | undefined;
}

export interface PhoneCallerFacts extends PhoneUserFacts {
  /** It is of a list, and not a user of the domain alone: it may call as anybody, as exchanges do. */
  readonly listed: boolean;
}

/** What the phones' side asks the mirrored configuration. Synchronous. */
export interface PhoneConfiguration {
  /** By name, any case. */
  domain(name: string): PhoneDomainFacts | undefined;
  /** The domain that an IP address of this server stands for, where phones were given no name. */
  addressDomain(address: string): PhoneDomainFacts | undefined;
  /** Who may register. */
  user(domainSid: string, username: string): PhoneUserFacts | undefined;
  /** Who may call. */
  caller(domainSid: string, username: string): PhoneCallerFacts | undefined;
  /** What the lists that are mapped to a domain say of an address; undefined: no list of the kind is. */
  access(
    domainSid: string,
    address: string,
  ): { readonly address: 'allowed' | 'refused' | undefined; readonly credentials: 'needed' | undefined };
  accountActive(accountSid: string): boolean;
}
