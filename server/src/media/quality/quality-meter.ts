import type { LegStatistics, StreamStatistics } from '../ports.ts';
import { mosOf, round } from './e-model.ts';

/** One direction over a stretch of time. What is unknown is absent. */
export interface StreamQuality {
  readonly packets: number;
  readonly lost?: number;
  readonly lossPercent?: number;
  readonly jitterMs?: number;
  readonly mos?: number;
}

/** Both directions of a leg over a stretch of time. */
export interface LegQuality {
  readonly seconds: number;
  readonly received: StreamQuality;
  readonly sent: StreamQuality;
  readonly roundTripMs?: number;
  /** The worse direction. */
  readonly mos?: number;
}

/** The whole of a leg. */
export interface LegQualitySummary extends LegQuality {
  readonly mosMin?: number;
  readonly mosAverage?: number;
  readonly counters: Readonly<Record<string, number>>;
}

interface Sample {
  readonly at: number;
  readonly statistics: LegStatistics;
}

/** A packet's audio, which is delay too, milliseconds. */
const PACKET_MS = 20;
/** A jitter buffer holds about twice the jitter, and hardly less than this, milliseconds. */
const JITTER_BUFFER_MS = 40;
/** Loss that is told by reports may say more than was sent since: figures of so few packets are no figures. */
const FEW_PACKETS = 10;
const NOTHING: StreamStatistics = { packets: 0, bytes: 0, lost: 0, jitterMs: undefined };

/**
 * Quality of one leg out of snapshots of its statistics. Pure: the caller says when it is what time.
 *
 * The score of an interval covers what was sent in it: without packets (hold, silence suppression) it is absent and counts for
 * nothing. Delay is half of the round trip, a packet and the jitter buffer; the round trip counts as 0 while unknown.
 */
export class QualityMeter {
  readonly #first: Sample;
  #last: Sample;
  #worst: number | undefined;
  #weighted = { sum: 0, seconds: 0 };

  /** @param now monotonic milliseconds @param statistics what was counted before (default nothing) */
  constructor(now: number, statistics: LegStatistics = EMPTY) {
    this.#first = { at: now, statistics };
    this.#last = this.#first;
  }

  /** Figures since the last sample. */
  sample(now: number, statistics: LegStatistics): LegQuality {
    const quality = qualityBetween(this.#last, { at: now, statistics });
    this.#last = { at: now, statistics };
    if (quality.mos !== undefined) {
      this.#worst = Math.min(this.#worst ?? quality.mos, quality.mos);
      this.#weighted.sum += quality.mos * quality.seconds;
      this.#weighted.seconds += quality.seconds;
    }
    return quality;
  }

  /** The whole leg, the time since the last sample included. @param statistics undefined: what was known last */
  summary(now: number, statistics: LegStatistics | undefined): LegQualitySummary {
    // A last interval that is a fraction of the others is left to the average of the whole.
    if (statistics !== undefined) this.sample(now, statistics);
    const whole = qualityBetween(this.#first, { at: now, statistics: this.#last.statistics });
    const { sum, seconds } = this.#weighted;
    return {
      ...whole,
      ...(this.#worst === undefined ? {} : { mosMin: this.#worst }),
      ...(seconds > 0 ? { mosAverage: round(sum / seconds, 2) } : {}),
      counters: Object.fromEntries(Object.entries(this.#last.statistics.counters).filter(([, count]) => count !== 0)),
    };
  }
}

const EMPTY: LegStatistics = { received: NOTHING, sent: NOTHING, roundTripMs: undefined, counters: {} };

function qualityBetween(from: Sample, to: Sample): LegQuality {
  const { roundTripMs } = to.statistics;
  const known = isKnown(roundTripMs) && roundTripMs > 0;
  const received = streamBetween(from.statistics.received, to.statistics.received, known ? roundTripMs : 0);
  const sent = streamBetween(from.statistics.sent, to.statistics.sent, known ? roundTripMs : 0);
  const scores = [received.mos, sent.mos].filter((mos) => mos !== undefined);
  return {
    seconds: round(Math.max(0, to.at - from.at) / 1000, 1),
    received,
    sent,
    ...(known ? { roundTripMs: round(roundTripMs, 1) } : {}),
    ...(scores.length === 0 ? {} : { mos: Math.min(...scores) }),
  };
}

function streamBetween(from: StreamStatistics, to: StreamStatistics, roundTripMs: number): StreamQuality {
  const packets = Math.max(0, to.packets - from.packets);
  const jitterMs = isKnown(to.jitterMs) ? to.jitterMs : undefined;
  const jitter = jitterMs === undefined ? {} : { jitterMs: round(jitterMs, 1) };
  if (!isKnown(to.lost)) return { packets, ...jitter };
  // Duplicates make it negative, and a report of the far end may be older than our last look at it.
  const lost = Math.max(0, to.lost - (from.lost ?? 0));
  const expected = packets + lost;
  if (expected === 0) return { packets, lost, ...jitter };
  const lossRatio = lost / expected;
  const heard = {
    packets,
    lost,
    lossPercent: round(100 * lossRatio, 2),
    ...jitter,
  };
  if (expected < FEW_PACKETS) return heard;
  const delayMs = roundTripMs / 2 + PACKET_MS + Math.max(JITTER_BUFFER_MS, 2 * (jitterMs ?? 0));
  const bursts = (to.lossEvents ?? 0) - (from.lossEvents ?? 0);
  return { ...heard, mos: mosOf({ lossRatio, delayMs, burstRatio: burstRatio(lost, bursts, lossRatio) }) };
}

/** Mean burst length over that of random loss of the same amount, 1 / (1 - loss). ITU-T G.107 section 7.4. */
function burstRatio(lost: number, bursts: number, lossRatio: number): number {
  return bursts <= 0 || lost <= 0 ? 1 : Math.max(1, (lost / bursts) * (1 - lossRatio));
}

function isKnown(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}
