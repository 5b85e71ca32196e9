/** A kind of calls that a soak places, in batches. */
export interface SoakLoad {
  /** Calls that fill what the server keeps up to a bound, the call trace apart. */
  readonly warmUpCalls: number;
  /** Places so many calls at so many a second, and waits for their ends. */
  batch(this: void, of: { readonly size: number; readonly rate: number }): Promise<Outcome>;
  /** Ends what the load holds open, such as registrations, once all was measured. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface Outcome {
  readonly placed: number;
  readonly failed: number;
}
