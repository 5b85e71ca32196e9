import { isDeepStrictEqual } from 'node:util';
import { Emitter, toError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import type {
  DtmfSendResult,
  FrameSink,
  FrameSource,
  G711Codec,
  LegCloseReason,
  LegEvents,
  LegStatistics,
  PathOwner,
  PathReason,
  Playback,
  SipLegMedia,
  SipLegOptions,
  SipMediaRemote,
} from '../ports.ts';
import { NodeRtpEndpoint } from '../rtp/node-rtp-endpoint.ts';
import { addStatistics, NO_STREAM } from '../rtp/merge-statistics.ts';
import type { NodePortOwner, PortLending, RtpPortOwner } from '../rtp/rtp-port-owner.ts';
import type { RtpSocketPair } from '../rtp/rtp-socket.ts';
import type { SilenceDetector } from '../quality/silence-detector.ts';
import { SrtpSockets } from '../srtp/srtp-sockets.ts';
import { FlowWatch } from './flow-watch.ts';
import { LegAudio } from './leg-audio.ts';
import type { MediaContext } from './media-context.ts';
import { watchSilence } from './watch-silence.ts';

export interface SipLegParts {
  readonly options: SipLegOptions;
  readonly context: MediaContext;
  /** Owned by the leg from now on. */
  readonly socket: RtpSocketPair;
  /** What our SDP says instead of the bound address. */
  readonly announcedAddress: string | undefined;
  /** What the leg needs of its audio may have changed. */
  readonly onChange?: () => void;
  /** New SDP is about to take effect. */
  readonly onUpdate?: () => void;
}

/** A phone: an RTP port with its owner, and what its party hears. */
export class SipLeg implements SipLegMedia {
  readonly kind = 'sip';
  readonly id: string;
  readonly audio: LegAudio;
  readonly #sockets: SrtpSockets;
  readonly #owner: NodePortOwner;
  readonly flow: FlowWatch;
  /** Whether what the phone says holds any sound. */
  readonly silence: SilenceDetector;
  readonly #parts: SipLegParts;
  readonly #announcedAddress: string | undefined;
  readonly #context: MediaContext;
  readonly #log: Log;
  readonly #events: Emitter<LegEvents>;
  readonly #removeTask: () => void;
  #remote: SipMediaRemote | undefined;
  /** The other owner of the port, while there is one, and what such had done before. */
  #successor: RtpPortOwner | undefined;
  #before: Omit<LegStatistics, 'counters'> = { received: NO_STREAM, sent: NO_STREAM, roundTripMs: undefined };
  #closing: Promise<void> | undefined;

  constructor(parts: SipLegParts) {
    const { options, context, socket } = parts;
    const { clock, random, pacer } = context;
    this.id = options.id;
    this.#parts = parts;
    this.#context = context;
    this.#announcedAddress = parts.announcedAddress;
    this.#log = context.log.child({ leg: options.id });
    this.#events = new Emitter((error, event) => {
      this.#log.error({ err: toError(error), event }, 'a listener of a SIP leg failed');
    });
    this.flow = watchFlow(this.#events, context, true);
    this.silence = watchSilence(this.#events, context.quietAfterMs);
    this.#sockets = new SrtpSockets(socket);
    this.#owner = new NodeRtpEndpoint({
      socket: this.#sockets,
      clock,
      random,
      codec: options.codec ?? 'PCMU',
      listener: {
        onAudio: (packet, now) => {
          this.silence.audio(packet.codec, packet.payload, now);
          this.audio.said(packet, now);
        },
        onGap: (key) => {
          this.audio.gap(key);
        },
        onKeyPress: (press) => {
          this.#events.emit('dtmf', press);
        },
        onMedia: (now) => {
          this.flow.media(now);
        },
        onExcuse: (now, forMs) => {
          this.flow.excuse(now, forMs);
        },
      },
    });
    this.audio = new LegAudio({
      output: this.#owner,
      pacer,
      log: this.#log,
      onNeedChange: () => {
        parts.onChange?.();
      },
    });
    this.#removeTask = pacer.add((now) => {
      this.#owner.tick(now);
      this.flow.check(now);
    });
  }

  get local(): { readonly address: string; readonly port: number } {
    const { address, port } = this.#owner.local;
    return { address: this.#announcedAddress ?? address, port };
  }

  get inside(): { readonly address: string; readonly port: number } {
    const { address, port } = this.#owner.local;
    const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
    return { address: loopback[address] ?? address, port };
  }

  get codec(): G711Codec {
    return this.#owner.codec;
  }

  get isFlowing(): boolean {
    return this.flow.isFlowing;
  }

  /** Lending of the RTP port to a successor. */
  get lending(): PortLending {
    return this.#owner.lending;
  }

  /** The successor that has the port from now on; undefined: Node has it again. What it did stays in the statistics. */
  setSuccessor(successor: RtpPortOwner | undefined): void {
    const before = this.#successor;
    this.#successor = successor;
    if (before === undefined) return;
    void Promise.resolve(before.statistics()).then(
      (done) => {
        this.#before = addStatistics({ ...this.#before, counters: {} }, done);
      },
      () => undefined,
    );
  }

  /** Tells who carries the audio. */
  reportPath(owner: PathOwner, reason: PathReason): void {
    this.#log.debug({ owner, reason }, 'the audio of a phone changed hands');
    this.#events.emit('path', { owner, reason });
  }

  update(remote: SipMediaRemote): void {
    // A refresh that changes nothing (session timers) interrupts nothing.
    if (!isDeepStrictEqual(remote, this.#remote)) this.#parts.onUpdate?.();
    this.#sockets.agree(remote.srtp);
    this.#owner.update(remote);
    this.#remote = remote;
    const sendsToUs = remote.direction === 'sendrecv' || remote.direction === 'recvonly';
    this.flow.expect(sendsToUs && remote.port !== 0, this.#context.clock.monotonic());
  }

  play(source: FrameSource, options?: { readonly loop?: boolean; readonly over?: boolean }): Playback {
    return this.#closing === undefined ? this.audio.play(source, options) : deadPlayback;
  }

  addSink(sink: FrameSink): Unsubscribe {
    return this.audio.addSink(sink);
  }

  sendDtmf(
    digits: string,
    options: { readonly toneMs?: number; readonly gapMs?: number } = {},
  ): Promise<DtmfSendResult> {
    const sent = this.#owner.sendDtmf(digits, options);
    this.#parts.onChange?.();
    return sent;
  }

  on<K extends keyof LegEvents>(event: K, listener: (payload: LegEvents[K]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async statistics(): Promise<LegStatistics> {
    const successor = await Promise.resolve(this.#successor?.statistics()).catch(() => undefined);
    const own = this.#owner.statistics();
    const counters = { ...own.counters, ...this.#sockets.counters };
    const all = addStatistics({ ...own, counters }, this.#before);
    return successor === undefined ? all : addStatistics(all, successor);
  }

  close(reason: LegCloseReason = 'closed'): Promise<void> {
    this.#closing ??= (async () => {
      this.#removeTask();
      this.audio.stop();
      await this.#owner.close();
      this.#events.emit('closed', { reason });
      this.#events.clear();
    })();
    return this.#closing;
  }
}

/** What play() on a closed leg returns. */
export const deadPlayback: Playback = { done: Promise.resolve('stopped'), stop: () => undefined };

/** Turns the flow of media into events of a leg. */
export function watchFlow(events: Emitter<LegEvents>, context: MediaContext, ready: boolean): FlowWatch {
  return new FlowWatch(
    { now: context.clock.monotonic(), silentAfterMs: context.silentAfterMs, ready },
    {
      flowing: (afterMs) => {
        events.emit('flowing', { afterMs });
      },
      silent: (forMs) => {
        events.emit('silent', { forMs });
      },
      resumed: (afterMs) => {
        events.emit('resumed', { afterMs });
      },
    },
  );
}
