import { z } from 'zod';
import { MAX_ACCOUNTS } from './limits.ts';
import type { AccountFacts, NodeFacts } from './ports.ts';

const count = z.number().min(0);
const account = z.object({ accountSid: z.string(), calls: count, connections: count, subscriptions: count });
const queued = z.object({
  accountSid: z.string(),
  ...{ waiting: count, scheduled: count, running: count },
  oldestQueuedAt: z.number().nullable(),
});

/** As it travels between processes. */
export const nodeFactsSchema: z.ZodType<NodeFacts> = z.object({
  accounts: z.array(account),
  trunks: z.array(z.object({ trunkSid: z.string(), in: count, out: count, down: z.array(z.string()) })),
  queue: z
    .object({
      ...{ waiting: count, scheduled: count, running: count, startedLastMinute: count },
      ...{ oldestQueuedAt: z.number().nullable(), nextStartAt: z.number().nullable() },
      accounts: z.array(queued),
      moreAccounts: count,
    })
    .nullable(),
});

/** One row an account from what counts single things; the busiest {@link MAX_ACCOUNTS}. */
export function accountFacts(parts: {
  readonly calls: Iterable<{ readonly accountSid: string }>;
  readonly uses: Iterable<{
    readonly accountSid: string;
    readonly connections: number;
    readonly subscriptions: number;
  }>;
}): AccountFacts[] {
  const rows = new Map<string, { accountSid: string; calls: number; connections: number; subscriptions: number }>();
  const row = (accountSid: string): { calls: number; connections: number; subscriptions: number } => {
    let found = rows.get(accountSid);
    if (found === undefined) rows.set(accountSid, (found = { accountSid, calls: 0, connections: 0, subscriptions: 0 }));
    return found;
  };
  for (const { accountSid } of parts.calls) row(accountSid).calls++;
  for (const { accountSid, connections, subscriptions } of parts.uses) {
    if (connections + subscriptions > 0) Object.assign(row(accountSid), { connections, subscriptions });
  }
  const all = [...rows.values()];
  if (all.length <= MAX_ACCOUNTS) return all;
  return all.sort((a, b) => b.calls + b.connections - a.calls - a.connections).slice(0, MAX_ACCOUNTS);
}
