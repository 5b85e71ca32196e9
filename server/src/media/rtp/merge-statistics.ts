import type { LegStatistics, StreamStatistics } from '../ports.ts';

/** A stream of which nothing is known. */
export const NO_STREAM: StreamStatistics = { packets: 0, bytes: 0, lost: undefined, jitterMs: undefined };

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : a + b;

/** Counts are added; of what is measured (jitter) the later one counts, when it knows anything. */
export function addStreams(earlier: StreamStatistics, later: StreamStatistics): StreamStatistics {
  return {
    packets: earlier.packets + later.packets,
    bytes: earlier.bytes + later.bytes,
    lost: sum(earlier.lost, later.lost),
    jitterMs: later.jitterMs ?? earlier.jitterMs,
  };
}

/** The whole of a leg whose stream had several owners; counters are those of `first`. */
export function addStatistics(first: LegStatistics, more: Omit<LegStatistics, 'counters'>): LegStatistics {
  return {
    received: addStreams(first.received, more.received),
    sent: addStreams(first.sent, more.sent),
    roundTripMs: more.roundTripMs ?? first.roundTripMs,
    counters: first.counters,
  };
}
