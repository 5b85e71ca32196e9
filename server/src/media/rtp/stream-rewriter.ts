import { sequenceDistance, timestampDistance } from './rtp-packet.ts';

/** What identifies a source on the way in, and where it stands. */
export interface SourcePosition {
  /** Changes when the source does: another leg, another SSRC, another playback. */
  readonly key: unknown;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
}
export interface StreamPosition {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
}

interface Segment {
  readonly key: unknown;
  sequenceOffset: number;
  readonly timestampOffset: number;
  /** Sequence numbers used since the segment's first packet. */
  advanced: number;
}

const FRAME = 160;
/** 10 s: further apart, two clocks are not the same one any more. */
const MAX_DRIFT = 80_000;

/**
 * Makes one RTP timeline out of many sources: one SSRC, sequence numbers without holes of our own making, timestamps
 * that advance with time. Loss, reordering and jitter of a source stay visible inside its segment, so that the
 * receiver's jitter buffer can do its work. The first packet of a segment carries the marker bit.
 */
export class StreamRewriter {
  #sequence: number;
  #timestamp: number;
  #at: number | undefined;
  #segment: Segment | undefined;

  /** @param start the last position before the first packet, random by RFC 3550 section 5.1 */
  constructor(start: { readonly sequence: number; readonly timestamp: number }) {
    this.#sequence = start.sequence & 0xffff;
    this.#timestamp = start.timestamp >>> 0;
  }

  /** Position of a packet that came from elsewhere; undefined for a straggler from before its segment's start. */
  forward(source: SourcePosition, now: number): StreamPosition | undefined {
    const current = this.#segment;
    const goesOn = current !== undefined && current.key === source.key && !this.#hasJumped(current, source, now);
    const segment = goesOn ? current : this.#begin(source, now);
    this.#segment = segment;
    const sequence = (source.sequence + segment.sequenceOffset) & 0xffff;
    const timestamp = (source.timestamp + segment.timestampOffset) >>> 0;
    const ahead = sequenceDistance(sequence, this.#sequence);
    if (ahead <= -segment.advanced) return undefined;
    if (ahead > 0) {
      segment.advanced += ahead;
      this.#sequence = sequence;
      this.#timestamp = timestamp;
      this.#at = now;
    }
    return { sequence, timestamp, marker: !goesOn || source.marker };
  }

  /** A packet of the source that is not passed on (DTMF, comfort noise): its number is closed up, it is no loss. */
  skip(key: unknown): void {
    const segment = this.#segment;
    if (segment !== undefined && segment.key === key) segment.sequenceOffset--;
  }

  /** Position of a 20 ms frame made here. A pause of more than three frames starts a talk spurt. */
  frame(key: unknown, now: number): StreamPosition {
    const elapsed = this.#timeAt(now);
    const next = (this.#timestamp + FRAME) >>> 0;
    const marker = this.#segment?.key !== key || timestampDistance(elapsed, next) > 3 * FRAME;
    if (this.#segment?.key !== key) this.#segment = { key, sequenceOffset: 0, timestampOffset: 0, advanced: 0 };
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = marker ? elapsed : next;
    this.#at = now;
    return { sequence: this.#sequence, timestamp: this.#timestamp, marker };
  }

  /**
   * Position for packets that share one timestamp (RFC 4733 events).
   *
   * @param timestamp of the event's first packet; undefined for that one
   */
  event(timestamp: number | undefined, now: number): Omit<StreamPosition, 'marker'> {
    this.#segment = undefined;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    if (timestamp === undefined) {
      this.#timestamp = this.#timeAt(now);
      this.#at = now;
    }
    return { sequence: this.#sequence, timestamp: timestamp ?? this.#timestamp };
  }

  /** Clock of the outgoing stream at a moment, for sender reports. */
  timestampAt(now: number): number {
    return this.#at === undefined ? this.#timestamp : (this.#timestamp + Math.round((now - this.#at) * 8)) >>> 0;
  }

  #begin(source: SourcePosition, now: number): Segment {
    return {
      key: source.key,
      sequenceOffset: this.#sequence + 1 - source.sequence,
      timestampOffset: this.#timeAt(now) - source.timestamp,
      advanced: 0,
    };
  }

  /** The source's clock was set anew without a new SSRC: its timestamps say another time than ours by far. */
  #hasJumped(segment: Segment, source: SourcePosition, now: number): boolean {
    return Math.abs(timestampDistance(source.timestamp + segment.timestampOffset, this.#timeAt(now))) > MAX_DRIFT;
  }

  /** Where a new segment starts: at least a frame on, more when time has passed, on the 20 ms grid. */
  #timeAt(now: number): number {
    const frames = this.#at === undefined ? 1 : Math.max(1, Math.round((now - this.#at) / 20));
    return (this.#timestamp + frames * FRAME) >>> 0;
  }
}
