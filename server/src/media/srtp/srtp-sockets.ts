import type { SrtpAgreement, SrtpMasterKey, SrtpSuite } from '../ports.ts';
import type { DatagramHandler, PortSharing, RtpSockets } from '../rtp/rtp-socket.ts';
import { isRtcp } from '../rtp/rtp-packet.ts';
import type { Endpoint } from '../rtp/socket-address.ts';
import { SrtpProtector, SrtpUnprotector } from './srtp-context.ts';
import type { SrtpRefusal, Unprotected } from './srtp-context.ts';

/** Refused packets; keys of `LegStatistics.counters` while SRTP is in use. */
export interface SrtpCounters {
  /** The tag is not right: forged, damaged, not encrypted at all, or the two sides do not have the same key. */
  readonly srtpAuthFailures: number;
  readonly srtpReplayed: number;
}

/** Packets under a new key after which nothing under the old one is taken any more. */
const OVERLAP_PACKETS = 100;

interface Half<Context> {
  readonly suite: SrtpSuite;
  readonly master: SrtpMasterKey;
  readonly context: Context;
}

/**
 * A port pair that encrypts what is sent and opens what arrives once keys were agreed on; before that, and when they are
 * taken back, a plain one. The endpoint above does not know. Closes the pair that it decorates.
 */
export class SrtpSockets implements RtpSockets {
  readonly #inner: RtpSockets;
  readonly #refused: Record<SrtpRefusal, number> = { forged: 0, malformed: 0, replayed: 0 };
  #sending: Half<SrtpProtector> | undefined;
  #receiving: Half<SrtpUnprotector> | undefined;
  /** The key before the present one: packets under way when it changed. */
  #previous: SrtpUnprotector | undefined;
  #sinceChange = 0;

  /** @param inner owned from now on */
  constructor(inner: RtpSockets) {
    this.#inner = inner;
  }

  get address(): string {
    return this.#inner.address;
  }

  get port(): number {
    return this.#inner.port;
  }

  /** Whether media is encrypted. Then the port cannot be handed over: a rollover counter cannot be. */
  get isSecure(): boolean {
    return this.#sending !== undefined;
  }

  get sharing(): PortSharing | undefined {
    return this.isSecure ? undefined : this.#inner.sharing;
  }

  /** Empty while SRTP was never in use. */
  get counters(): Partial<SrtpCounters> {
    const { forged, malformed, replayed } = this.#refused;
    if (!this.isSecure && forged + malformed + replayed === 0) return {};
    return { srtpAuthFailures: forged + malformed, srtpReplayed: replayed };
  }

  /**
   * What offer and answer agreed on. A key that stays goes on counting; a new one starts anew, and packets that the far end
   * sent under its old key are taken until the new one is in use.
   *
   * @throws MediaError `bad-parameters` for keys of the wrong length; then nothing has changed
   */
  agree(agreement: SrtpAgreement | undefined): void {
    if (agreement === undefined) {
      this.#sending = undefined;
      this.#receiving = undefined;
      this.#previous = undefined;
      return;
    }
    const { suite, local, remote } = agreement;
    const [sending, receiving] = [this.#sending, this.#receiving];
    const nextSending = isSame(sending, suite, local)
      ? sending
      : { suite, master: local, context: new SrtpProtector(suite, local) };
    if (!isSame(receiving, suite, remote)) {
      const context = new SrtpUnprotector(suite, remote, receiving?.context);
      this.#receiving = { suite, master: remote, context };
      this.#previous = receiving?.context;
      this.#sinceChange = 0;
    }
    this.#sending = nextSending;
  }

  attach(handler: DatagramHandler): void {
    this.#inner.attach({
      onRtp: (datagram, from) => {
        // RTCP may come on the RTP port: its type is in clear.
        const clear = isRtcp(datagram) ? this.#openRtcp(datagram) : this.#openRtp(datagram);
        if (clear !== undefined) handler.onRtp(clear, from);
      },
      onRtcp: (datagram, from) => {
        const clear = this.#openRtcp(datagram);
        if (clear !== undefined) handler.onRtcp(clear, from);
      },
      onSocketError: (error) => {
        handler.onSocketError(error);
      },
    });
  }

  sendRtp(datagram: Uint8Array, to: Endpoint): void {
    const sending = this.#sending;
    const packet = sending === undefined ? datagram : sending.context.rtp(datagram);
    if (packet !== undefined) this.#inner.sendRtp(packet, to);
  }

  sendRtcp(datagram: Uint8Array, to: Endpoint): void {
    const sending = this.#sending;
    const packet = sending === undefined ? datagram : sending.context.rtcp(datagram);
    if (packet !== undefined) this.#inner.sendRtcp(packet, to);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #openRtp(datagram: Uint8Array): Uint8Array | undefined {
    return this.#open(datagram, (context) => context.rtp(datagram));
  }

  #openRtcp(datagram: Uint8Array): Uint8Array | undefined {
    return this.#open(datagram, (context) => context.rtcp(datagram));
  }

  #open(datagram: Uint8Array, open: (context: SrtpUnprotector) => Unprotected): Uint8Array | undefined {
    const receiving = this.#receiving;
    if (receiving === undefined) return datagram;
    const opened = open(receiving.context);
    if (opened.ok) {
      if (this.#previous !== undefined && ++this.#sinceChange > OVERLAP_PACKETS) this.#previous = undefined;
      return opened.packet;
    }
    const before = this.#previous === undefined ? undefined : open(this.#previous);
    if (before?.ok === true) return before.packet;
    this.#refused[opened.refusal]++;
    return undefined;
  }
}

function isSame(half: Half<unknown> | undefined, suite: SrtpSuite, master: SrtpMasterKey): boolean {
  if (half?.suite !== suite) return false;
  return Buffer.compare(half.master.key, master.key) === 0 && Buffer.compare(half.master.salt, master.salt) === 0;
}
