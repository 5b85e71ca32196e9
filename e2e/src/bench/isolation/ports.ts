/** What one account does to the others, wanting or not. */
export interface Nuisance {
  /** For the result. */
  readonly does: string;
  /** Resolves when it is going on, with what ends it. */
  begin(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** What an account that does little has of the server. */
export interface Quiet {
  /** What is timed. */
  readonly name: string;
  /** Times of one series, milliseconds. */
  series(): Promise<number[]>;
  close(): Promise<void>;
}
