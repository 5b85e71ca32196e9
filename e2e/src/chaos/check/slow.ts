import type { Entry } from '../history.ts';
import type { Violation } from './violation.ts';

/**
 * While nothing but slow clients disturbs, the others' 99th percentile from publishing to receiving is within the greater of
 * these: milliseconds, and a multiple of what it was under the same load before. It is the median of what was published in each
 * half second: a machine that had something else to do for a moment is no harm that slow clients did.
 */
const HEALTHY_P99_MS = 1000;
const HEALTHY_RATIO = 1.5;
/** From the beginning of a hold on. */
const WATCHED_MS = 4000;
const PART_MS = 500;

/** Promise 3: a client that does not read harms nobody and costs a bounded amount. Its own recovery is promise 1. */
export function checkSlow(entries: readonly Entry[]): Violation[] {
  return [...memoryProblems(entries), ...lateness(entries)];
}

function memoryProblems(entries: readonly Entry[]): Violation[] {
  return entries.flatMap((entry): Violation[] => {
    if (entry.kind !== 'memory' || entry.grownBytes <= entry.allowedBytes) return [];
    const [grown, allowed] = [entry.grownBytes, entry.allowedBytes].map((bytes) => Math.round(bytes / 2 ** 20));
    const message = `${entry.process} grew by ${grown} MiB with slow clients, ${allowed} are allowed`;
    return [{ promise: 3, rule: 'memory', at: entry.at, message }];
  });
}

function lateness(entries: readonly Entry[]): Violation[] {
  const faults = entries.filter((entry) => entry.kind === 'fault');
  const holds = faults.filter(({ what }) => what === 'client.held');
  const first = holds[0];
  if (first === undefined || faults.some(({ what }) => what !== 'client.held')) return [];
  const held = new Set(holds.map(({ target }) => target));
  // Who came later was given the past.
  const healthy = new Set(
    entries.flatMap((entry) => (entry.kind === 'connected' && entry.at < first.at ? [entry.session] : [])),
  );
  for (const session of held) healthy.delete(session ?? '');
  const control = entries.find((entry) => entry.kind === 'control');
  const before = usualP99(control === undefined ? [] : delays(entries, healthy, control));
  const during = usualP99(delays(entries, healthy, { from: first.at, until: first.at + WATCHED_MS }));
  if (during <= Math.max(HEALTHY_P99_MS, before * HEALTHY_RATIO)) return [];
  const message = `healthy clients got events ${Math.round(during)} ms late (99th percentile), ${Math.round(before)} ms before`;
  return [{ promise: 3, rule: 'late-for-others', at: first.at, message }];
}

interface Window {
  readonly from: number;
  readonly until: number;
}

interface Delay {
  readonly published: number;
  readonly ms: number;
}

/** From publishing to receiving, of what was published in a window. */
function delays(entries: readonly Entry[], sessions: ReadonlySet<string>, { from, until }: Window): Delay[] {
  const published = new Map<string, number>();
  for (const entry of entries) if (entry.kind === 'attempt') published.set(entry.id, entry.at);
  return entries.flatMap((entry) => {
    if (entry.kind !== 'event' || !sessions.has(entry.session)) return [];
    const at = published.get(entry.id) ?? -1;
    return at >= from && at <= until ? [{ published: at, ms: entry.at - at }] : [];
  });
}

/** Median of the 99th percentiles of the parts. */
function usualP99(all: readonly Delay[]): number {
  const parts = Map.groupBy(all, ({ published }) => Math.floor(published / PART_MS));
  const p99s = [...parts.values()].map((part) =>
    quantile(
      part.map(({ ms }) => ms),
      0.99,
    ),
  );
  return quantile(p99s, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}
