import { z } from 'zod';
import type { LeaseRecord } from './ports.ts';

const nodeLeaseSchema = z.object({
  kind: z.literal('node'),
  node: z.string(),
  fence: z.number().int().nonnegative(),
  roles: z.array(z.string()),
  addresses: z.record(z.string(), z.string()),
  startedAt: z.number(),
  renewals: z.number(),
  tasks: z.array(z.string()),
  dead: z.object({ by: z.string(), at: z.number(), done: z.boolean() }).exactOptional(),
});

const shardLeaseSchema = z.object({ kind: z.literal('shard'), node: z.string(), nodeFence: z.number() });

/** What the lease store holds, as JSON. */
export const leaseRecordSchema: z.ZodType<LeaseRecord> = z.discriminatedUnion('kind', [
  nodeLeaseSchema,
  shardLeaseSchema,
]);
