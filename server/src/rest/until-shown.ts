import { delay } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';

/** How long an answer waits for the records to show what was done, milliseconds. */
const SHOWN_WITHIN_MS = 1500;
const POLL_MS = 25;

/** What `read` gives once it is as wanted, or as it is after a while: what was asked for is done in either case. */
export async function untilShown<T>(clock: Clock, read: () => Promise<T>, isShown: (value: T) => boolean): Promise<T> {
  const deadline = clock.monotonic() + SHOWN_WITHIN_MS;
  for (;;) {
    const value = await read();
    if (isShown(value) || clock.monotonic() >= deadline) return value;
    await delay(clock, POLL_MS);
  }
}
