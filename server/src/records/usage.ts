import type { CallRecord } from './ports.ts';

/** What one ended call adds to the account's usage of its day. */
export interface UsageAmount {
  readonly category: string;
  readonly count: number;
  /** Minutes begun. */
  readonly usage: number;
}

/** Categories of calls, as the 2010-04-01 API names them. */
export function usageOfCall(
  call: Pick<CallRecord, 'direction' | 'from' | 'to' | 'duration' | 'status'>,
): readonly UsageAmount[] {
  if (call.status !== 'completed') return [];
  const amount = { count: 1, usage: Math.ceil((call.duration ?? 0) / 60) };
  return ['calls', ...kindsOf(call)].map((category) => ({ category, ...amount }));
}

/** By the party that is not the application. */
function kindsOf({ direction, from, to }: Pick<CallRecord, 'direction' | 'from' | 'to'>): string[] {
  const inbound = direction === 'inbound';
  const party = inbound ? from : to;
  const way = inbound ? 'inbound' : 'outbound';
  if (party.startsWith('client:')) return ['calls-client'];
  if (/^sips?:/.test(party)) return ['calls-sip', `calls-sip-${way}`];
  return [`calls-${way}`];
}
