/** The SIP domain that a call came in by. */
export interface SipDomainFacts {
  readonly sid: string;
  readonly name: string;
  /** Who authenticated; undefined: the address was enough. */
  readonly username?: string | undefined;
}

/** What SIP tells of a leg that was placed. */
export interface LegSipFacts {
  readonly callId: string;
  /** X- headers of the final response, by name. */
  readonly headers: Readonly<Record<string, string>>;
}
