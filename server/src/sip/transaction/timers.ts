/** Values of RFC 3261 table 4, milliseconds. */
export interface TransactionTimers {
  /** Round-trip estimate (default 500). */
  readonly t1: number;
  /** Longest retransmission interval of non-INVITE requests and INVITE responses (default 4 000). */
  readonly t2: number;
  /** How long a message stays in the network (default 5 000). */
  readonly t4: number;
  /** Timer D on unreliable transports: at least 32 s (default 32 000). */
  readonly d: number;
  /** 100 is sent by the INVITE server transaction after this long (section 17.2.1; default 200). */
  readonly trying: number;
}

export const DEFAULT_TIMERS: TransactionTimers = { t1: 500, t2: 4000, t4: 5000, d: 32_000, trying: 200 };
