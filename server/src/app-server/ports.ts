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

/** A visit of a tracking link that the next request tells the application of. */
export interface SessionVisit {
  readonly id: string;
  readonly linkSid: string;
  readonly webSession: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What the session of a request gives to it, and takes from its answer. */
export interface SessionTurn {
  /** Value of the Cookie header; undefined for none. */
  readonly cookies: string | undefined;
  /** Visits that no request has told of yet. */
  readonly visits: readonly SessionVisit[];
  /**
   * Keeps what the server set, and takes the visits for told. Resolves when the next request of the session will carry
   * it. Of two requests at a time the one begun later decides about a cookie that both set. Never rejects.
   */
  keep(setCookies: readonly string[], told?: readonly SessionVisit[]): Promise<void>;
}

/**
 * State that application servers keep with the caller: cookies of the pairing of account, caller and callee, sent with
 * every request of it, upgrade requests of WebSockets included.
 */
export interface SessionState {
  /** Begins a request to `url`. Bounded in time; never rejects: without its store it is a session that holds nothing. */
  begin(key: SessionKey, url: string): Promise<SessionTurn>;
}

/** One HTTP request as it went out, redirects and repeated attempts each on their own, told when it is over. */
export interface HttpExchange {
  readonly purpose: 'instructions' | 'callback' | 'stream';
  readonly idempotencyToken: string;
  readonly accountSid: string;
  readonly callSid: string;
  readonly method: 'GET' | 'POST';
  /** Without user name and password, and without the parameters of a GET. */
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly durationMs: number;
  /** Undefined when there was no answer; `problem` says why. */
  readonly status?: number;
  readonly contentType?: string;
  /** What was read of the answer's body. Redirects and errors: not read. */
  readonly body?: string;
  /** Where a redirect leads. */
  readonly location?: string;
  readonly problem?: string;
  /** Of the problem: one of REQUEST_CODES. */
  readonly code?: number;
}

/** Hears of every HTTP request to application servers. Must not throw. */
export type HttpTap = (exchange: HttpExchange) => void;
