import { sidFromHex } from '@hookswitch/shared';
import type { CallOrder } from '../calls/index.ts';
import { randomHex } from '../kernel/index.ts';
import type { CallRecord } from '../records/index.ts';
import { effectiveLimits } from '../tenants/index.ts';
import type { CallTiming } from './call-queueing.ts';
import { RestError } from './errors.ts';
import type { RestServices } from './services.ts';

const NOT_STORED = 'the request could not be stored';

/** Has a call wait for its turn, readable at once. @throws RestError `unavailable`, `tooManyRequests` */
export async function placeCall(
  services: RestServices,
  accountSid: string,
  order: CallOrder,
  timing: CallTiming = {},
): Promise<CallRecord> {
  const { records, callRequests, clock, random } = services;
  refuseWhenFull(services, accountSid);
  const callSid = sidFromHex('call', randomHex(random, 16));
  const queuedAt = clock.now();
  const createdAt = new Date(queuedAt).toISOString();
  const { from, to } = order;
  const { applicationSid = null, statusCallback = null } = order.application;
  const queued = { sid: callSid, accountSid, from, to, applicationSid, statusCallback, createdAt };
  const made = await records.calls.insertQueued(queued);
  try {
    await callRequests.submit({ accountSid, callSid, queuedAt, order, ...timing });
  } catch (error) {
    // It may be stored after all: what is dialled then goes on from this row.
    const end = { status: 'failed' as const, message: NOT_STORED, at: createdAt };
    await records.calls.endQueued(callSid, end).catch(() => false);
    throw new RestError('unavailable', `The call was not placed: ${NOT_STORED}`, {
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
  if (made === undefined) throw new RestError('notFound');
  return made;
}

/** What was asked for within the last second may come on top. */
function refuseWhenFull({ directory, queueLength }: RestServices, accountSid: string): void {
  const most = effectiveLimits(directory.accountBySid(accountSid)?.limits).queuedCalls;
  if ((queueLength?.(accountSid) ?? 0) < most) return;
  const message = `${most} calls of the account wait already (its limit queuedCalls): try again when some have started`;
  throw new RestError('tooManyRequests', message, { headers: { 'retry-after': '5' } });
}
