import { topicMatches } from '@hookswitch/shared';
import { EventLogError } from './errors.ts';
import type { EventLog, HistoryRequest, LoggedEvent } from './ports.ts';

/** `EventLog.read` for one reader, by a scan of its own. */
export async function* readByScan(
  log: Pick<EventLog, 'bounds' | 'scan'>,
  request: HistoryRequest,
): AsyncIterable<LoggedEvent> {
  const { accountSid, patterns, from, to } = request;
  const { epoch, lowWater } = await log.bounds(accountSid);
  if (epoch !== from.epoch) throw new EventLogError('epoch-changed', `epoch ${from.epoch} is over`);
  checkKept(from.seq, lowWater);
  const [only] = patterns;
  const narrow = patterns.length === 1 && only !== undefined ? { pattern: only } : {};
  let covered = from.seq;
  for await (const batch of log.scan({ accounts: [accountSid], ...narrow, from, to: to.seq })) {
    checkKept(covered, batch.lowWater(accountSid));
    for (const scanned of batch.events) {
      const event = patterns.some((one) => topicMatches(one, scanned.topic)) ? scanned.load() : undefined;
      if (event !== undefined) yield event;
    }
    covered = batch.upTo;
  }
}

/** @throws EventLogError `expired` when events after `seq` are gone */
export function checkKept(seq: number, lowWater: number): void {
  if (seq >= lowWater) return;
  throw new EventLogError('expired', `events after ${seq} are not kept any more, only those after ${lowWater}`);
}
