import { z } from 'zod';

const count = (most: number, least = 0): z.ZodInt => z.int().min(least).max(most);

/** The longest that the streams keep anything, seconds: retention of an account is within this. */
export const LONGEST_RETENTION_S = 72 * 3600;

/** Of recordings, seconds: ten years. */
const LONGEST_RECORDINGS_S = 3650 * 86_400;

/**
 * What one account may use of the event hub, how much of its events is kept, how its outgoing calls start, how fast it may
 * ask over REST, and how much media is kept for it. Those of the hub are of all gateways together, those of calls and media of the whole cluster, of REST of each process.
 */
export const accountLimitsSchema = z.object({
  connections: count(1_000_000).describe('clients at once, waiting long-polls included'),
  connectsPerSecond: count(100_000, 1).describe('connections a second that may become clients'),
  connectBurst: count(1_000_000, 1).describe('connections at once after a pause'),
  subscriptions: count(10_000_000).describe('subscriptions of all clients together'),
  publishesPerSecond: count(1_000_000).describe('events a second that clients and backends publish'),
  publishBurst: count(1_000_000).describe('events at once after a pause'),
  publishBytesPerSecond: count(1_000_000_000).describe('bytes of event data a second, as JSON'),
  publishBytesBurst: count(1_000_000_000).describe('bytes at once after a pause'),
  retentionSeconds: count(LONGEST_RETENTION_S, 1).describe('events are kept this long'),
  retentionBytes: count(1_000_000_000_000, 1024).describe('bytes of event JSON that are kept'),
  recordingRetentionSeconds: count(LONGEST_RECORDINGS_S, 60).describe(
    'recordings and their transcriptions are kept this long; looked at once a day',
  ),
  callWeight: count(1000, 1).describe('share of the outgoing calls that start, against the weights of other accounts'),
  callsPerSecond: count(100_000).describe('outgoing calls by REST that start a second'),
  callBurst: count(100_000, 1).describe('outgoing calls by REST that start at once after a pause'),
  callWindowCalls: count(100_000_000).describe(
    'outgoing calls by REST that start in any callWindowSeconds; 0: any number',
  ),
  callWindowSeconds: count(7 * 86_400, 1).describe('length of the window of callWindowCalls, seconds'),
  concurrentCalls: count(1_000_000).describe('outgoing calls by REST that exist at a time, from dialling to their end'),
  queuedCalls: count(1_000_000).describe('outgoing calls by REST that wait; one more is refused with 429'),
  requestsPerSecond: count(1_000_000).describe('REST requests a second, in each process'),
  requestBurst: count(1_000_000, 1).describe('REST requests at once after a pause'),
  mediaBytes: count(1_000_000_000_000).describe(
    'bytes of media that are kept: sources, uploads, and what is made of them; what was not used for longest goes, uploads never',
  ),
});
export type AllAccountLimits = Readonly<z.infer<typeof accountLimitsSchema>>;

/** An account's own limits; what is left out is the server's default. */
export const ownLimitsSchema = accountLimitsSchema.partial();
export type AccountLimits = Readonly<z.infer<typeof ownLimitsSchema>>;

/** Of an account without limits of its own. */
export const DEFAULT_ACCOUNT_LIMITS: AllAccountLimits = {
  connections: 10_000,
  connectsPerSecond: 500,
  connectBurst: 2000,
  subscriptions: 100_000,
  publishesPerSecond: 500,
  publishBurst: 1000,
  publishBytesPerSecond: 4 * 1024 * 1024,
  publishBytesBurst: 8 * 1024 * 1024,
  retentionSeconds: LONGEST_RETENTION_S,
  retentionBytes: 256 * 1024 * 1024,
  recordingRetentionSeconds: LONGEST_RECORDINGS_S,
  callWeight: 1,
  callsPerSecond: 100,
  callBurst: 100,
  callWindowCalls: 0,
  callWindowSeconds: 3600,
  concurrentCalls: 10_000,
  queuedCalls: 100_000,
  requestsPerSecond: 2000,
  requestBurst: 4000,
  mediaBytes: 1024 * 1024 * 1024,
};

const merged = new WeakMap<object, AllAccountLimits>();

/** @param own the same object gives the same answer, at no cost */
export function effectiveLimits(own: AccountLimits | undefined): AllAccountLimits {
  if (own === undefined) return DEFAULT_ACCOUNT_LIMITS;
  let all = merged.get(own);
  if (all === undefined)
    merged.set(own, (all = accountLimitsSchema.parse({ ...DEFAULT_ACCOUNT_LIMITS, ...defined(own) })));
  return all;
}

/** Without the members that are there and undefined. */
function defined(limits: AccountLimits): AccountLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
