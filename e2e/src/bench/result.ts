/** What every benchmark reports; null with a word in `notes` where a figure could not be taken. */
export interface BenchResult {
  readonly load: Readonly<Record<string, unknown>>;
  readonly ours: Readonly<Record<string, unknown>>;
  readonly peers?: Readonly<Record<string, unknown>> | null;
  readonly floor?: Readonly<Record<string, unknown>> | null;
  readonly ratios?: Readonly<Record<string, unknown>> | null;
  readonly notes?: readonly string[];
}

/** The value below which `fraction` of the samples lie (nearest rank); null without samples. */
export function percentile(samples: readonly number[], fraction: number): number | null {
  if (samples.length === 0) return null;
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}

/** The middle value; NaN without samples. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** Median and the interval that holds it with 95 % (order statistics; all samples when there are fewer than six). */
export function interval(samples: readonly number[]): {
  readonly median: number;
  readonly low: number;
  readonly high: number;
} {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = sorted.length < 6 ? 0 : Math.max(0, Math.floor(sorted.length / 2 - 0.98 * Math.sqrt(sorted.length)));
  const rounded = (value: number | undefined): number => Math.round((value ?? NaN) * 1000) / 1000;
  return { median: rounded(median(sorted)), low: rounded(sorted[rank]), high: rounded(sorted.at(-1 - rank)) };
}
