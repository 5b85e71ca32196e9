import type { ReportBlock } from './rtcp-packet.ts';

/** A jump of the sequence number that is larger than this is no loss but a restart, RFC 3550 appendix A.1. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
const SEQUENCE_MODULUS = 65_536;

/** `held`: a jump, to be believed when the next packet follows it; `restarted`: that packet. */
export type ReceiveVerdict = 'accepted' | 'held' | 'restarted';

interface SequenceState {
  readonly base: number;
  highest: number;
  /** Sequence number wraps, times 65536. */
  cycles: number;
  received: number;
  /** What would confirm a restart; -1 for none. */
  expectedAfterJump: number;
}

/**
 * Loss and jitter of one SSRC as RFC 3550 defines them (appendices A.1, A.3, A.8), from its first packet on.
 *
 * DEVIATION: appendix A.1 wants two packets in sequence before a source is valid; the latch rules judge sources here, so the
 * first packet counts.
 */
export class ReceiverStatistics {
  readonly ssrc: number;
  readonly #clockRate: number;
  #sequence: SequenceState | undefined;
  #transit: number | undefined;
  #jitter = 0;
  #reported = { expected: 0, received: 0 };
  #earlier = { expected: 0, received: 0 };
  #restarts = 0;
  #lossEvents = 0;

  constructor(ssrc: number, clockRate = 8000) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** Takes in a packet. @param arrivalMs monotonic milliseconds */
  receive(sequence: number, timestamp: number, arrivalMs: number): ReceiveVerdict {
    const verdict = this.#follow(sequence);
    if (verdict !== 'held') this.#measure(timestamp, arrivalMs, verdict === 'restarted');
    return verdict;
  }

  /** Packets the far end sent so far, by sequence number. */
  get expected(): number {
    const { expected } = this.#totals();
    return expected;
  }

  get received(): number {
    return this.#totals().received;
  }

  /** Negative when duplicates came. */
  get lost(): number {
    const { expected, received } = this.#totals();
    return expected - received;
  }

  /** Runs of missing packets, however long. One that only came late counts too. */
  get lossEvents(): number {
    return this.#lossEvents;
  }

  get jitterMs(): number {
    return (this.#jitter / this.#clockRate) * 1000;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The block for the next report; the fraction counts from the last call. RFC 3550 appendix A.3. */
  report(times: Pick<ReportBlock, 'lastSenderReport' | 'delaySinceLastSenderReport'>): ReportBlock {
    const totals = this.#totals();
    const expected = totals.expected - this.#reported.expected;
    const lost = expected - (totals.received - this.#reported.received);
    this.#reported = totals;
    const current = this.#sequence;
    return {
      ssrc: this.ssrc,
      fractionLost: expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected)),
      cumulativeLost: totals.expected - totals.received,
      highestSequence: current === undefined ? 0 : (current.cycles + current.highest) >>> 0,
      jitter: Math.floor(this.#jitter),
      ...times,
    };
  }

  #totals(): { expected: number; received: number } {
    const current = this.#sequence;
    if (current === undefined) return { ...this.#earlier };
    return {
      expected: this.#earlier.expected + current.cycles + current.highest - current.base + 1,
      received: this.#earlier.received + current.received,
    };
  }

  #begin(sequence: number): void {
    this.#sequence = { base: sequence, highest: sequence, cycles: 0, received: 1, expectedAfterJump: -1 };
  }

  #follow(sequence: number): ReceiveVerdict {
    const current = this.#sequence;
    if (current === undefined) {
      this.#begin(sequence);
      return 'accepted';
    }
    const ahead = (sequence - current.highest) & 0xffff;
    if (ahead < MAX_DROPOUT) {
      if (sequence < current.highest) current.cycles += SEQUENCE_MODULUS;
      if (ahead > 1) this.#lossEvents++;
      current.highest = sequence;
    } else if (ahead <= SEQUENCE_MODULUS - MAX_MISORDER) {
      if (sequence !== current.expectedAfterJump) {
        current.expectedAfterJump = (sequence + 1) & 0xffff;
        return 'held';
      }
      this.#earlier = this.#totals();
      this.#begin(sequence);
      this.#restarts++;
      return 'restarted';
    }
    current.received++;
    return 'accepted';
  }

  #measure(timestamp: number, arrivalMs: number, fresh: boolean): void {
    const transit = Math.round((arrivalMs * this.#clockRate) / 1000) - timestamp;
    const before = fresh ? undefined : this.#transit;
    this.#transit = transit;
    if (before === undefined) return;
    const difference = Math.abs((transit - before) | 0);
    // A talk spurt of a sender whose clock stood still in the silence is a new start, not jitter.
    if (difference > this.#clockRate) return;
    this.#jitter += (difference - this.#jitter) / 16;
  }
}
