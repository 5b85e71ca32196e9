import type { SrtpMasterKey, SrtpSuite } from '../ports.ts';
import { CounterModeTransform } from './counter-mode.ts';
import { GcmTransform } from './gcm.ts';
import { deriveKeys } from './key-derivation.ts';
import { estimateIndex, ReplayWindow } from './replay-window.ts';
import { SUITES } from './suites.ts';
import { RTCP_HEADER } from './transform.ts';
import type { SrtpTransform } from './transform.ts';

/** Why a packet was refused. `forged`: its tag is not right, which a wrong key shows as well. */
export type SrtpRefusal = 'malformed' | 'replayed' | 'forged';
export type Unprotected =
  { readonly ok: true; readonly packet: Buffer } | { readonly ok: false; readonly refusal: SrtpRefusal };

/** SSRCs of which the position is kept, per direction. A call has one or two; more push the oldest out. */
const MAX_STREAMS = 32;
/** RFC 3711 section 9.2: as many SRTCP packets one key may protect. */
const MAX_RTCP_INDEX = 0x7fff_ffff;

/** @throws MediaError `bad-parameters` when the key is not of the suite's lengths */
function createTransform(suite: SrtpSuite, master: SrtpMasterKey): SrtpTransform {
  const keys = { rtp: deriveKeys(suite, master, 'rtp'), rtcp: deriveKeys(suite, master, 'rtcp') };
  const parameters = SUITES[suite];
  return parameters.mode === 'gcm' ? new GcmTransform(keys) : new CounterModeTransform(parameters, keys);
}

/** Protects what we send with one master key: keeps the rollover counter of each SSRC. No input or output of its own. */
export class SrtpProtector {
  readonly #transform: SrtpTransform;
  readonly #highest = new Map<number, number>();
  #rtcpIndex = 0;

  /** @throws MediaError `bad-parameters` */
  constructor(suite: SrtpSuite, master: SrtpMasterKey) {
    this.#transform = createTransform(suite, master);
  }

  /** Undefined for what is no RTP packet. Packets may come out of order, as a forwarded stream does. */
  rtp(datagram: Uint8Array): Buffer | undefined {
    const packet = asBuffer(datagram);
    const headerLength = rtpHeaderLength(packet);
    if (headerLength === undefined) return undefined;
    const ssrc = packet.readUInt32BE(8);
    const highest = this.#highest.get(ssrc) ?? -1;
    const index = estimateIndex(packet.readUInt16BE(2), highest);
    if (index < 0) return undefined;
    if (index > highest) remember(this.#highest, ssrc, index);
    return this.#transform.protectRtp(packet, headerLength, index);
  }

  /** Undefined for what is no RTCP packet, and when the key is used up. */
  rtcp(datagram: Uint8Array): Buffer | undefined {
    const packet = asBuffer(datagram);
    if (packet.length < RTCP_HEADER || this.#rtcpIndex > MAX_RTCP_INDEX) return undefined;
    return this.#transform.protectRtcp(packet, this.#rtcpIndex++);
  }
}

/**
 * Opens what a far end protected with one master key. A packet changes the state only after its tag was found right, so
 * that nobody without the key can move the window or the rollover counter.
 */
export class SrtpUnprotector {
  readonly #transform: SrtpTransform;
  readonly #rtp = new Map<number, ReplayWindow>();
  readonly #rtcp = new Map<number, ReplayWindow>();
  readonly #earlier: ReadonlyMap<number, number>;

  /**
   * @param earlier what the same far end used before: its rollover counters are tried too, because some keep counting
   *   under a new key (RFC 3711 section 3.3.1) and others start over
   * @throws MediaError `bad-parameters`
   */
  constructor(suite: SrtpSuite, master: SrtpMasterKey, earlier?: SrtpUnprotector) {
    this.#transform = createTransform(suite, master);
    this.#earlier = earlier?.positions ?? new Map();
  }

  /** Newest index of each SSRC. */
  get positions(): ReadonlyMap<number, number> {
    return new Map([...this.#rtp].map(([ssrc, window]) => [ssrc, window.highest]));
  }

  rtp(datagram: Uint8Array): Unprotected {
    const packet = asBuffer(datagram);
    const headerLength = rtpHeaderLength(packet);
    if (headerLength === undefined) return { ok: false, refusal: 'malformed' };
    const ssrc = packet.readUInt32BE(8);
    const sequence = packet.readUInt16BE(2);
    const known = this.#rtp.get(ssrc);
    const window = known ?? new ReplayWindow();
    const indices = known === undefined ? this.#firstIndices(ssrc, sequence) : [estimateIndex(sequence, known.highest)];
    for (const index of indices) {
      if (index < 0 || !window.isFresh(index)) return { ok: false, refusal: 'replayed' };
      const clear = this.#transform.unprotectRtp(packet, headerLength, index);
      if (clear === undefined) continue;
      window.accept(index);
      if (known === undefined) remember(this.#rtp, ssrc, window);
      return { ok: true, packet: clear };
    }
    return { ok: false, refusal: 'forged' };
  }

  rtcp(datagram: Uint8Array): Unprotected {
    const packet = asBuffer(datagram);
    if (packet.length < RTCP_HEADER) return { ok: false, refusal: 'malformed' };
    const opened = this.#transform.unprotectRtcp(packet);
    if (opened === undefined) return { ok: false, refusal: 'forged' };
    const ssrc = packet.readUInt32BE(4);
    const window = this.#rtcp.get(ssrc) ?? new ReplayWindow();
    if (!window.isFresh(opened.index)) return { ok: false, refusal: 'replayed' };
    window.accept(opened.index);
    if (!this.#rtcp.has(ssrc)) remember(this.#rtcp, ssrc, window);
    return { ok: true, packet: opened.packet };
  }

  /**
   * What the first packet of a stream may stand for: a rollover counter of 0; of 1, when the packets before the first wrap
   * were lost (those sent before we had the key); of what it was under the earlier key.
   */
  #firstIndices(ssrc: number, sequence: number): number[] {
    const indices = [sequence];
    if (sequence < 32_768) indices.push(sequence + 65_536);
    const before = this.#earlier.get(ssrc) ?? -1;
    const continued = estimateIndex(sequence, before);
    if (continued >= 0 && !indices.includes(continued)) indices.push(continued);
    return indices;
  }
}

/** Header, CSRCs and header extension, which stay in clear. Undefined when this is no RTP packet. */
export function rtpHeaderLength(packet: Buffer): number | undefined {
  const first = packet[0] ?? 0;
  if (packet.length < 12 || first >> 6 !== 2) return undefined;
  let length = 12 + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (length + 4 > packet.length) return undefined;
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  }
  return length <= packet.length ? length : undefined;
}

function asBuffer(datagram: Uint8Array): Buffer {
  return Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
}

function remember<T>(streams: Map<number, T>, ssrc: number, value: T): void {
  if (!streams.has(ssrc) && streams.size >= MAX_STREAMS) {
    const [oldest] = streams.keys();
    if (oldest !== undefined) streams.delete(oldest);
  }
  streams.set(ssrc, value);
}
