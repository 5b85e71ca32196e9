/** What signs requests. `Directory` of tenants/ is one. */
export interface SigningKeys {
  /** Undefined for an unknown account: its requests go unsigned. */
  authToken(accountSid: string): string | undefined;
}

/** Whose session a request belongs to. */
export interface SessionKey {
  readonly accountSid: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
}

/**
 * State that application servers keep with the caller: cookies of the pairing of account, caller and callee, sent with
 * every request of it.
 */
export interface SessionState {
  /** Value of the Cookie header for a request; undefined for none. Never rejects. */
  cookies(key: SessionKey, url: string): Promise<string | undefined>;
  /** Keeps what the server set. Resolves when the next request of the pairing will carry it. Never rejects. */
  keep(key: SessionKey, url: string, setCookies: readonly string[]): Promise<void>;
}
