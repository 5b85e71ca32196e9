import { z } from 'zod';

/** Events of what keeps an account from calls that others make at its cost. */
export const guardEventSchemas = {
  'guard.refused': z
    .object({
      callSid: z.string(),
      to: z.string(),
      reason: z.enum(['destination', 'high-risk', 'calls-per-minute', 'spend-per-hour', 'spend-per-day']),
      message: z.string().describe('what stands against the call'),
    })
    .describe('a call that was not made, or was ended, by what guards the account'),
  'guard.alarm': z
    .object({
      cap: z.enum(['callsPerMinute', 'spendPerHour', 'spendPerDay']),
      limit: z.number(),
      used: z.number(),
      percent: z.number().describe('80 or 100'),
    })
    .describe('an account has used so much of what it may'),
} as const;
