import type { Random } from './random.ts';

export interface BackoffOptions {
  /** First ceiling, milliseconds (default 100). */
  readonly baseMs?: number;
  /** Highest ceiling, milliseconds (default 30 000). */
  readonly maxMs?: number;
  /** Growth per attempt (default 2). */
  readonly factor?: number;
}

/** Exponential back-off with full jitter: attempt n (from 0) waits a random time in [0, min(max, base * factor^n)). */
export function backoffDelay(attempt: number, random: Random, options: BackoffOptions = {}): number {
  const { baseMs = 100, maxMs = 30_000, factor = 2 } = options;
  return random.fraction() * Math.min(maxMs, baseMs * factor ** attempt);
}
