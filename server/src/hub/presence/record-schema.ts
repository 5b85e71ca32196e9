import { z } from 'zod';
import { presenceReasonSchema } from '@hookswitch/shared';
import type { PresenceRecord } from './ports.ts';

const member = {
  id: z.string(),
  connection: z.string(),
  identity: z.string().exactOptional(),
  info: z.record(z.string(), z.unknown()).exactOptional(),
  since: z.number(),
  told: z.boolean(),
};

/** What the presence store holds, as JSON. */
export const presenceRecordSchema: z.ZodType<PresenceRecord> = z.object({
  accountSid: z.string(),
  topic: z.string(),
  node: z.string(),
  part: z.number().int().nonnegative(),
  writer: z.string(),
  members: z.array(z.object(member)),
  leaving: z.array(z.object({ ...member, reason: presenceReasonSchema })),
});
