/** The documented numbers of presence. Times in milliseconds. */
export const PRESENCE_LIMITS = {
  /** Members of one topic, all nodes together. Nodes that join members at the same moment can go over it by those. */
  membersPerTopic: 10_000,
  /** Memberships of one account; as above. */
  membersPerAccount: 50_000,
  /** Members in one record: bounds what a join has to write. */
  membersPerPart: 128,
  /** Changes of this time are written together. */
  windowMs: 50,
  /** A record is tidied up this long after its events were stored, unless it is written anyway. */
  settleMs: 1000,
  /** A write that failed, or an event that was refused, is tried again after this long. */
  retryMs: 500,
  /** Records written at once. */
  concurrentWrites: 32,
  /** How long a sweep waits for the events of a record to be stored; it is repeated then. */
  sweepMs: 10_000,
};
export type PresenceLimits = { readonly [K in keyof typeof PRESENCE_LIMITS]: number };
