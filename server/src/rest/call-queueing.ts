import { z } from 'zod';
import type { CallRequest } from '../cluster/ports.ts';
import { RestError } from './errors.ts';

/** The farthest start time, and the longest wait after it: 35 days, milliseconds. */
const LONGEST_MS = 35 * 86_400_000;
const LONGEST_S = LONGEST_MS / 1000;

const TIME = 'an ISO 8601 time with an offset such as 2030-01-31T09:00:00Z';
const timeSchema = z.iso.datetime({ offset: true, error: `expected ${TIME}` });
const isSeconds = (given: string | number): boolean => /^[1-9]\d{0,6}$/.test(String(given));

/** How a call waits: parameters that the 2010-04-01 API does not have. */
export const queueParameters = {
  QueuePriority: z.coerce
    .number()
    .int()
    .min(0)
    .max(9)
    .optional()
    .describe('Extension: among calls of the account 0 is called first, 9 last; default 5'),
  QueueStartAt: timeSchema
    .optional()
    .describe(`Extension: not dialled before this time, at most 35 days ahead: ${TIME}; default at once`),
  QueueExpiry: z
    .union([z.number(), z.string()])
    .refine((given) => isSeconds(given) || timeSchema.safeParse(given).success, `expected seconds, or ${TIME}`)
    .optional()
    .describe(
      `Extension: ends as canceled when it was not dialled by then: seconds (at most ${LONGEST_S}) after it may start, or ${TIME}; default never`,
    ),
};
type QueueParameters = z.infer<z.ZodObject<typeof queueParameters>>;

/** When a request is called, as it is stored. */
export type CallTiming = Pick<CallRequest, 'priority' | 'startAt' | 'expiresAt'>;

/**
 * @param now epoch milliseconds
 * @throws RestError `badRequest`
 */
export function timingOf({ QueuePriority, QueueStartAt, QueueExpiry }: QueueParameters, now: number): CallTiming {
  const startAt = QueueStartAt === undefined ? undefined : Date.parse(QueueStartAt);
  if (startAt !== undefined && startAt > now + LONGEST_MS) {
    throw new RestError('badRequest', 'QueueStartAt: expected a time within 35 days');
  }
  const from = Math.max(now, startAt ?? now);
  const expiresAt = QueueExpiry === undefined ? undefined : expiryOf(QueueExpiry, from);
  if (expiresAt !== undefined && (expiresAt <= from || expiresAt > from + LONGEST_MS)) {
    throw new RestError(
      'badRequest',
      'QueueExpiry: expected a time after now and after QueueStartAt, by 35 days at most',
    );
  }
  return { priority: QueuePriority, startAt, expiresAt };
}

function expiryOf(given: string | number, from: number): number {
  return isSeconds(given) ? from + Number(given) * 1000 : Date.parse(String(given));
}
