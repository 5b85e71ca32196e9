import type { PathReason } from '../ports.ts';
import type { PortCounters } from '../rtp/plain-transport-owner.mediasoup.ts';

/** Nothing was sent to the phone for so long: the browser has fallen silent, milliseconds. */
const PEER_SILENT_MS = 400;
/** Nothing came from the phone for so long, milliseconds. */
const SILENT_MS = 900;
/** More than RTCP makes between two examinations. */
const MANY_BYTES = 600;
/** More than one RTCP report, and less than 20 ms of G.711 in RTP. */
const STRAY_BYTES = 150;

/** What one examination found. */
export interface PathFinding {
  /** RTP of the phone came through since the one before. */
  readonly isHeard: boolean;
  /** RTP went to the phone since the one before. */
  readonly isSent: boolean;
  /** What is wrong; undefined: nothing. */
  readonly reason: PathReason | undefined;
}

/**
 * Judges by the worker's counters whether both streams go on. Silence is told by time, not by the number of examinations: they
 * bunch up when this process was late.
 */
export class PathHealth {
  #last: PortCounters = { received: 0, rtpReceived: 0, rtpSent: 0 };
  #heardAt = Infinity;
  #sentAt = Infinity;
  /** Until then the phone's silence is its intention. */
  #excusedUntil = -Infinity;

  /** The worker has both streams from now on, monotonic milliseconds: until then nothing counts as silence. */
  begin(now: number): void {
    this.#heardAt = now;
    this.#sentAt = now;
  }

  /** The phone has nothing to say for so long at most (comfort noise). */
  excuse(now: number, forMs: number): void {
    this.#excusedUntil = Math.max(this.#excusedUntil, now + forMs);
  }

  examine(counters: PortCounters, now: number): PathFinding {
    const strayed = this.#strayed(counters);
    const isHeard = counters.rtpReceived > this.#last.rtpReceived;
    const isSent = counters.rtpSent > this.#last.rtpSent;
    this.#last = counters;
    if (isHeard) this.#heardAt = now;
    if (isSent) this.#sentAt = now;
    return { isHeard, isSent, reason: this.#judge(strayed, now) };
  }

  /** The phone's RTP comes in, but is not let through. Asked when the worker got RTP of a source that it does not know. */
  hasStrayed(counters: PortCounters): boolean {
    return this.#strayed(counters) >= STRAY_BYTES;
  }

  /** Bytes since the last examination that were no RTP of the known stream: RTCP, or an SSRC or a port that the worker does not know. */
  #strayed({ received, rtpReceived }: PortCounters): number {
    return received - this.#last.received - (rtpReceived - this.#last.rtpReceived);
  }

  #judge(strayed: number, now: number): PathReason | undefined {
    if (strayed > MANY_BYTES) return 'source-changed';
    if (now - Math.max(this.#heardAt, this.#excusedUntil) >= SILENT_MS) return 'silent';
    // The browser's microphone may pause; then it is on us to keep the phone's stream alive.
    return now - this.#sentAt >= PEER_SILENT_MS ? 'peer-silent' : undefined;
  }
}
