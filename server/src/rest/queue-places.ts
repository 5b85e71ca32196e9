import type { CallRecord } from '../records/index.ts';

/** Where a call stands that waits to be dialled. */
export interface QueuePlace {
  /** Among the calls of its account: 1 is dialled next. */
  readonly position: number;
  /** When it is likely to be dialled, epoch milliseconds. Undefined: nothing is known of it. */
  readonly startsAt?: number | undefined;
}

/** Where calls stand, by CallSid; of a call that does not wait there is nothing. Bounded in time; never rejects. */
export type QueuePlaces = (callSids: readonly string[]) => Promise<ReadonlyMap<string, QueuePlace>>;

const NONE: ReadonlyMap<string, QueuePlace> = new Map();

/** Where those of the calls stand that no node has dialled yet. */
export async function placesOf(
  { queuePlaces }: { readonly queuePlaces?: QueuePlaces | undefined },
  calls: readonly CallRecord[],
): Promise<ReadonlyMap<string, QueuePlace>> {
  const waiting = calls.filter(({ status, node, direction }) => {
    return status === 'queued' && node === null && direction === 'outbound-api';
  });
  return waiting.length === 0 ? NONE : ((await queuePlaces?.(waiting.map(({ sid }) => sid))) ?? NONE);
}
