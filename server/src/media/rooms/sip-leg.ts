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
  Playback,
  SipLegMedia,
  SipLegOptions,
  SipMediaRemote,
} from '../ports.ts';
import { NodeRtpEndpoint } from '../rtp/node-rtp-endpoint.ts';
import type { RtpPortOwner } from '../rtp/rtp-port-owner.ts';
import type { RtpSocketPair } from '../rtp/rtp-socket.ts';
import { FlowWatch } from './flow-watch.ts';
import { LegAudio } from './leg-audio.ts';
import type { MediaContext } from './media-context.ts';

export interface SipLegParts {
  readonly options: SipLegOptions;
  readonly context: MediaContext;
  /** Owned by the leg from now on. */
  readonly socket: RtpSocketPair;
  /** What our SDP says instead of the bound address. */
  readonly announcedAddress: string | undefined;
}

/** A phone: an RTP port with its owner, and what its party hears. */
export class SipLeg implements SipLegMedia {
  readonly kind = 'sip';
  readonly id: string;
  readonly audio: LegAudio;
  readonly #owner: RtpPortOwner;
  readonly #announcedAddress: string | undefined;
  readonly #context: MediaContext;
  readonly #log: Log;
  readonly #events: Emitter<LegEvents>;
  readonly #flow: FlowWatch;
  readonly #removeTask: () => void;
  #closing: Promise<void> | undefined;

  constructor(parts: SipLegParts) {
    const { options, context, socket } = parts;
    const { clock, random, pacer } = context;
    this.id = options.id;
    this.#context = context;
    this.#announcedAddress = parts.announcedAddress;
    this.#log = context.log.child({ leg: options.id });
    this.#events = new Emitter((error, event) => {
      this.#log.error({ err: toError(error), event }, 'a listener of a SIP leg failed');
    });
    this.#flow = watchFlow(this.#events, context, true);
    this.#owner = new NodeRtpEndpoint({
      socket,
      clock,
      random,
      codec: options.codec ?? 'PCMU',
      listener: {
        onAudio: (packet, now) => {
          this.audio.said(packet, now);
        },
        onGap: (key) => {
          this.audio.gap(key);
        },
        onKeyPress: (press) => {
          this.#events.emit('dtmf', press);
        },
        onMedia: (now) => {
          this.#flow.media(now);
        },
      },
    });
    this.audio = new LegAudio({ output: this.#owner, pacer, log: this.#log });
    this.#removeTask = pacer.add((now) => {
      this.#owner.tick(now);
      this.#flow.check(now);
    });
  }

  get local(): { readonly address: string; readonly port: number } {
    const { address, port } = this.#owner.local;
    return { address: this.#announcedAddress ?? address, port };
  }

  get codec(): G711Codec {
    return this.#owner.codec;
  }

  get isFlowing(): boolean {
    return this.#flow.isFlowing;
  }

  update(remote: SipMediaRemote): void {
    this.#owner.update(remote);
    const sendsToUs = remote.direction === 'sendrecv' || remote.direction === 'recvonly';
    this.#flow.expect(sendsToUs && remote.port !== 0, this.#context.clock.monotonic());
  }

  play(source: FrameSource, options?: { readonly loop?: boolean }): Playback {
    return this.#closing === undefined ? this.audio.play(source, options) : deadPlayback;
  }

  addSink(sink: FrameSink): Unsubscribe {
    return this.audio.addSink(sink);
  }

  sendDtmf(
    digits: string,
    options: { readonly toneMs?: number; readonly gapMs?: number } = {},
  ): Promise<DtmfSendResult> {
    return this.#owner.sendDtmf(digits, options);
  }

  on<K extends keyof LegEvents>(event: K, listener: (payload: LegEvents[K]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  statistics(): Promise<LegStatistics> {
    return Promise.resolve(this.#owner.statistics());
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
