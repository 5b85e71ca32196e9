import { delay, systemClock } from '../../kernel/index.ts';

/** Runs `check` until it no longer throws, at most `timeoutMs`. For tests against real servers, whose events cannot be awaited. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = 15_000): Promise<void> {
  const deadline = systemClock.monotonic() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
    }
    await delay(systemClock, 20);
  }
}
