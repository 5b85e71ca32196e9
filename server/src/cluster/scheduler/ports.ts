/** What the scheduler of calls is told. Pure: time is given, nothing is read from anywhere. */

/** A call that waits. Identified by its CallSid. */
export interface Waiting {
  readonly callSid: string;
  readonly accountSid: string;
  /** Epoch milliseconds: among equals of an account who asked first is called first. */
  readonly queuedAt: number;
  /** Channels that the call needs one of: the name of a set of trunks, or '' when it needs none. */
  readonly pool: string;
  /** Calls of one name do the same. Default: none. */
  readonly application?: string | undefined;
  /** What it counts as where calls that wait are bounded. Default 1. */
  readonly size?: number | undefined;
  /** 0 is called first; a class waits until those before it are empty. Default 5. */
  readonly priority?: number | undefined;
  /** Not before this time, epoch milliseconds. Default: at once. */
  readonly startAt?: number | undefined;
  /** Given up at this time, epoch milliseconds. Default: never. */
  readonly expiresAt?: number | undefined;
}

/** How fast and how much an account may call. */
export interface DispatchLimits {
  /** Share of what everybody competes for, against the weights of the others; above 0. */
  readonly weight: number;
  /** Calls started a second in the long run, and at most so many at once. */
  readonly callsPerSecond: number;
  readonly burst: number;
  /** At most so many calls started in any stretch of so many seconds. */
  readonly window?: { readonly calls: number; readonly seconds: number } | undefined;
  /** Calls that exist at a time. */
  readonly concurrent: number;
}

/** Which channels are free just now. */
export interface Openings {
  /** A channel that anybody may have. */
  isOpen(pool: string): boolean;
  /** Whether this account may have one more, of its own or of everybody's. */
  isOpenFor(pool: string, accountSid: string): boolean;
  /** Accounts with a channel of their own that is free. */
  kept(pool: string): Iterable<string>;
}

/** Where a call stands among those of its account. */
export interface QueuePosition {
  /** Calls of the account that go before it. */
  readonly ahead: number;
  /** Calls of the account that wait. */
  readonly waiting: number;
  /** Whether it waits for its start time. */
  readonly scheduled: boolean;
}

/** Where a call stands, and when it is likely to start. */
export interface QueueForecast extends QueuePosition {
  /** Epoch milliseconds; undefined: nothing of the account has started since its queue was empty, or nothing may. */
  readonly startsAt: number | undefined;
}

/** An account with calls that wait or run. Times are epoch milliseconds. */
export interface QueuedAccount {
  readonly accountSid: string;
  readonly waiting: number;
  readonly scheduled: number;
  readonly running: number;
  /** Of the call that is next; null: none waits. */
  readonly oldestQueuedAt: number | null;
}
