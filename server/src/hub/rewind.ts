import type { Position } from '@hookswitch/shared';
import { EventLogError } from './errors.ts';
import type { EventLog } from './ports.ts';

/** Where a rewind begins. */
export interface RewindStart {
  /** What was asked for comes after this. */
  readonly position: Position;
  /** False when a part of the time asked for is not kept any more. */
  readonly complete: boolean;
}

export interface RewindRequest {
  readonly accountSid: string;
  readonly pattern: string;
  readonly count: number | undefined;
  /** Epoch milliseconds. Of two limits the later one counts. */
  readonly since: number | undefined;
}

/** Looks the beginning of a rewind up in the log. Rejects with EventLogError. */
export async function rewindInLog(log: EventLog, request: RewindRequest): Promise<RewindStart> {
  const { accountSid, pattern, count, since } = request;
  const [back, at] = await Promise.all([
    count === undefined ? undefined : log.positionBack({ accountSid, pattern, count }),
    since === undefined ? undefined : log.positionAt(accountSid, since),
  ]);
  const { epoch, lowWater } = await log.bounds(accountSid);
  for (const found of [back, at]) {
    if (found !== undefined && found.epoch !== epoch) {
      throw new EventLogError('epoch-changed', 'the stream was recreated');
    }
  }
  // Fewer are kept than were asked for: that is all there is. A time that retention has passed is another matter.
  const asked = Math.max(back?.seq ?? 0, at?.seq ?? 0);
  const complete = back !== undefined || asked >= lowWater;
  return { position: { epoch, seq: Math.max(asked, lowWater) }, complete };
}
