import { silentLog } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';

/** A log that keeps its errors, for tests to assert that there were none. */
export function recordingLog(): { readonly log: Log; readonly errors: unknown[] } {
  const errors: unknown[] = [];
  const log: Log = {
    ...silentLog,
    error: (fields, message) => {
      errors.push({ ...fields, message });
    },
    child: () => log,
  };
  return { log, errors };
}
