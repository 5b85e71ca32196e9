import type { RecordingUse, StoredRecording } from '../ports.ts';

/** Of one account. @param all of every account */
export function useOf(accountSid: string, all: readonly (StoredRecording | undefined)[]): RecordingUse {
  const own = all.filter((facts) => facts?.accountSid === accountSid).flatMap((facts) => facts ?? []);
  return {
    recordings: own.length,
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    durationMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
}
