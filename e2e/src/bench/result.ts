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
