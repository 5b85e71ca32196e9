/** A NAPTR record (RFC 3403), as far as SIP uses it. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/**
 * Asks DNS. An empty list means that there are no such records, or no such name; a rejection, that nobody could say.
 * Answers are kept as long as they may be, so asking again is cheap.
 */
export interface Dns {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** Numeric addresses of a host. */
  addresses(name: string, family: 4 | 6): Promise<readonly string[]>;
}
