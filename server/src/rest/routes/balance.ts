import { z } from 'zod';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp } from '../services.ts';

const balanceSchema = z
  .object({ account_sid: z.string(), balance: z.literal('0'), currency: z.literal('USD') })
  .meta({ id: 'Balance' });

/** DEVIATION: always nothing. Calls cost what the carrier says, and it says so to the operator. */
export function balanceRoutes(app: RestApp): void {
  app.get(
    '/Accounts/:AccountSid/Balance.json',
    {
      schema: {
        operationId: 'FetchBalance',
        summary: 'Always 0: nothing is charged here',
        tags: ['Accounts'],
        params: accountPath,
        response: { 200: balanceSchema },
      },
    },
    (request) => ({ account_sid: contextOf(request).account.sid, balance: '0' as const, currency: 'USD' as const }),
  );
}
