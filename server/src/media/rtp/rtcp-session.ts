import type { Random } from '../../kernel/index.ts';
import type { ReceiverStatistics } from './receiver-statistics.ts';
import { middleOfNtp, parseRtcp, serializeRtcp, toNtp } from './rtcp-packet.ts';
import type { ReportBlock, SenderInfo } from './rtcp-packet.ts';

/** What the far end told about our stream in its last report. */
export interface RemoteReport {
  readonly lost: number;
  readonly jitterMs: number;
}

/** Both clocks at one moment: reports carry wall-clock time, durations are measured with the monotonic one. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** Mean time between reports, RFC 3550 section 6.2 (a two-party session is far below the bandwidth limit). */
const INTERVAL_MS = 5000;

/** The RTCP of one two-party session: when to report, what to say, what the other side said. No input or output of its own. */
export class RtcpSession {
  readonly #ssrc: number;
  readonly #cname: string;
  readonly #random: Random;
  #dueAt: number | undefined;
  #lastSenderReport: { readonly middle: number; readonly at: number; readonly ssrc: number } | undefined;
  #roundTripMs: number | undefined;
  #remote: RemoteReport | undefined;
  #sawBye = false;
  #remoteSent: number | undefined;

  constructor(options: { readonly ssrc: number; readonly random: Random }) {
    this.#ssrc = options.ssrc;
    this.#random = options.random;
    // RFC 7022: short-term, unlinkable to the host.
    this.#cname = Buffer.from(options.random.bytes(12)).toString('base64url');
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  get remote(): RemoteReport | undefined {
    return this.#remote;
  }

  /** How many packets the far end said it has sent, in its last report; undefined when it sends none (a receiver report). */
  get remoteSent(): number | undefined {
    return this.#remoteSent;
  }

  /** The far end said BYE: its stream ended (or changes its SSRC). */
  get sawBye(): boolean {
    return this.#sawBye;
  }

  /** True once per interval; the first after half of one. Randomised by 0.5 to 1.5, RFC 3550 section 6.3.1. */
  isDue(now: number): boolean {
    if (this.#dueAt === undefined) {
      this.#dueAt = now + this.#interval() / 2;
      return false;
    }
    if (now < this.#dueAt) return false;
    this.#dueAt = now + this.#interval();
    return true;
  }

  /** @param sender our stream's totals; absent when nothing was sent since the last report */
  compose(
    now: Instant,
    facts: {
      readonly sender?: Pick<SenderInfo, 'rtpTimestamp' | 'packets' | 'octets'> | undefined;
      readonly received?: ReceiverStatistics | undefined;
      readonly bye?: boolean;
    },
  ): Buffer {
    const { sender, received, bye } = facts;
    return serializeRtcp({
      ssrc: this.#ssrc,
      cname: this.#cname,
      ...(sender === undefined ? {} : { sender: { ...toNtp(now.wall), ...sender } }),
      ...(received === undefined ? {} : { report: received.report(this.#lastReportTimes(received.ssrc, now)) }),
      ...(bye === true ? { bye } : {}),
    });
  }

  /** Takes in a datagram. @returns true when it held at least one report */
  receive(datagram: Uint8Array, now: Instant): boolean {
    let useful = false;
    for (const packet of parseRtcp(datagram)) {
      if (packet.type === 'bye') this.#sawBye = true;
      if (packet.type !== 'sr' && packet.type !== 'rr') continue;
      useful = true;
      this.#remoteSent = packet.type === 'sr' ? packet.sender.packets : undefined;
      if (packet.type === 'sr') {
        this.#lastSenderReport = { middle: middleOfNtp(packet.sender), at: now.monotonic, ssrc: packet.ssrc };
      }
      for (const report of packet.reports) if (report.ssrc === this.#ssrc) this.#learn(report, now);
    }
    return useful;
  }

  #learn(report: ReportBlock, now: Instant): void {
    this.#remote = { lost: report.cumulativeLost, jitterMs: report.jitter / 8 };
    if (report.lastSenderReport === 0) return;
    // RFC 3550 section 6.4.1, figure 2. A peer that invents the numbers gives nonsense, which is not taken.
    const middle = middleOfNtp(toNtp(now.wall));
    const units = (middle - report.lastSenderReport - report.delaySinceLastSenderReport) | 0;
    if (units >= -65 && units < 60 * 65_536) this.#roundTripMs = (Math.max(0, units) * 1000) / 65_536;
  }

  #lastReportTimes(ssrc: number, now: Instant): Pick<ReportBlock, 'lastSenderReport' | 'delaySinceLastSenderReport'> {
    const last = this.#lastSenderReport;
    if (last?.ssrc !== ssrc) return { lastSenderReport: 0, delaySinceLastSenderReport: 0 };
    return {
      lastSenderReport: last.middle,
      delaySinceLastSenderReport: Math.round(((now.monotonic - last.at) * 65_536) / 1000),
    };
  }

  #interval(): number {
    return INTERVAL_MS * (0.5 + this.#random.fraction());
  }
}
