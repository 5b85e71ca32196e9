import type { SchedulerOptions } from './fair-scheduler.ts';
import type { Ticket } from './ticket.ts';

/** Node of a request that is being given up: none has this name, so that it is claimed anew after a crash. */
const EXPIRY = '(expired)';

/** Ends a request whose time is over while it waits, unless it has gone on meanwhile. @throws CallRequestError */
export async function giveUp(
  { store, expired }: Pick<SchedulerOptions, 'store' | 'expired'>,
  { accountSid, callSid, revision }: Ticket,
): Promise<void> {
  const stored = await store.get(accountSid, callSid);
  if (stored?.revision !== revision) return;
  const given = await store.move(stored, 'claimed', EXPIRY);
  if (given === undefined) return;
  expired(given);
  await store.remove(accountSid, callSid);
}
