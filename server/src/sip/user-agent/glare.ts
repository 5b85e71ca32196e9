import type { Core } from './core.ts';

/** Most tries of one change against glare. */
export const MAX_ATTEMPTS = 5;

/** Section 14.1, in units of 10 ms: the owner of the Call-ID waits 2.1-4 s, the other side 0-2 s. Milliseconds. */
export function glareDelay(core: Core, caller: boolean): number {
  const units = core.random.int(caller ? 191 : 201);
  return (caller ? 2100 : 0) + units * 10;
}
