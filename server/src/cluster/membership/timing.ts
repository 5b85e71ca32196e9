/** Times of leases, milliseconds. The same on every node. */
export interface LeaseTiming {
  /** A lease is good for this long after its renewal was sent; nobody takes it within this time after it was seen. */
  readonly leaseMs: number;
  /** Between renewals. At most a third of `leaseMs`, so that two may fail. */
  readonly renewMs: number;
  /** How long the record of a dead node stays, so that it finds out when it wakes up. Later it finds nothing: the same. */
  readonly tombstoneMs: number;
}

export const LEASE_TIMING: LeaseTiming = { leaseMs: 5_000, renewMs: 1_500, tombstoneMs: 3_600_000 };

/** A renewal that failed is tried again after this long. */
export const retryMs = ({ renewMs }: LeaseTiming): number => Math.min(1000, renewMs / 3);
