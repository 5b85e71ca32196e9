import type { types } from 'mediasoup';
import { Emitter, toError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type {
  ClientConsumerParameters,
  ClientLegEvents,
  ClientLegMedia,
  ClientLegOptions,
  ClientTransportParameters,
  FrameSink,
  FrameSource,
  G711Codec,
  LegCloseReason,
  LegStatistics,
  MediasoupJson,
  Playback,
} from '../ports.ts';
import { Earpiece, Microphone } from './client-streams.mediasoup.ts';
import type { DirectAccess } from './client-streams.mediasoup.ts';
import { ClientTransports, describeTransport } from './client-transports.mediasoup.ts';
import type { SilenceDetector } from '../quality/silence-detector.ts';
import type { FlowWatch } from './flow-watch.ts';
import { Hearing } from './hearing.mediasoup.ts';
import { LegAudio } from './leg-audio.ts';
import type { MediaContext } from './media-context.ts';
import { mediasoupStream } from '../rtp/mediasoup-statistics.mediasoup.ts';
import { refusal } from './refusal.mediasoup.ts';
import { deadPlayback, watchFlow } from './sip-leg.ts';
import { watchSilence } from './watch-silence.ts';

/** How often the Opus producer is asked whether it still receives, in ticks of 20 ms. */
const OPUS_POLL_TICKS = 50;

export interface ClientLegParts {
  readonly options: ClientLegOptions;
  readonly context: MediaContext;
  readonly access: DirectAccess;
  readonly server: types.WebRtcServer;
  /** Something changed that decides about Opus. */
  readonly onChange: () => void;
}

/** A browser: two WebRTC transports, its microphones, and what it hears. */
export class ClientLeg implements ClientLegMedia {
  readonly kind = 'client';
  readonly id: string;
  readonly audio: LegAudio;
  readonly #parts: ClientLegParts;
  readonly #log: Log;
  readonly #events: Emitter<ClientLegEvents>;
  readonly #transports: ClientTransports;
  readonly #earpiece: Earpiece;
  /** What the client hears. */
  readonly hearing: Hearing;
  readonly flow: FlowWatch;
  /** Whether what the client says holds any sound. */
  readonly silence: SilenceDetector;
  readonly #removeTask: () => void;
  #microphone: Microphone | undefined;
  #opus: types.Producer | undefined;
  #opusPackets = 0;
  #ticks = 0;
  #sendCodec: G711Codec | 'opus';
  #closing: Promise<void> | undefined;

  private constructor(parts: ClientLegParts, earpiece: Earpiece) {
    const { options, context, access, server, onChange } = parts;
    this.id = options.id;
    this.#parts = parts;
    this.#earpiece = earpiece;
    this.#sendCodec = earpiece.codec;
    this.#log = context.log.child({ leg: options.id });
    this.#events = new Emitter((error, event) => {
      this.#log.error({ err: toError(error), event }, 'a listener of a client leg failed');
    });
    this.flow = watchFlow(this.#events as unknown as Parameters<typeof watchFlow>[0], context, false);
    this.silence = watchSilence(this.#events as unknown as Parameters<typeof watchSilence>[0], context.quietAfterMs);
    this.audio = new LegAudio({ output: earpiece, pacer: context.pacer, log: this.#log, onNeedChange: onChange });
    this.#transports = new ClientTransports({
      router: access.router,
      server,
      onState: (transportId, side, state) => {
        this.#updateFlow();
        this.#events.emit('transport', { transportId, side, state });
      },
    });
    this.hearing = new Hearing({
      router: access.router,
      recv: async () => (await this.#transports.pair()).recv,
      producer: earpiece.producer,
      clock: context.clock,
      log: this.#log,
      onReplaced: (consumer) => {
        this.#events.emit('consumer', consumer);
      },
    });
    this.#removeTask = context.pacer.add((now) => {
      this.#tick(now);
    });
  }

  static async open(parts: ClientLegParts): Promise<ClientLeg> {
    const codec = parts.options.codec ?? 'PCMU';
    return new ClientLeg(parts, await Earpiece.open(parts.access, codec, parts.context.random));
  }

  get codec(): G711Codec {
    return this.#earpiece.codec;
  }

  get isFlowing(): boolean {
    return this.flow.isFlowing;
  }

  /** The client sends Opus through this producer. */
  get opusProducer(): types.Producer | undefined {
    return this.#opus;
  }

  /** The client's G.711 microphone; undefined while it has none, or speaks Opus. */
  get microphone(): Microphone | undefined {
    return this.#opus === undefined ? this.#microphone : undefined;
  }

  get isConnected(): boolean {
    return this.#transports.isConnected;
  }

  /** The client is known to receive Opus. */
  get canOpus(): boolean {
    return this.hearing.canOpus;
  }

  async createTransports(): Promise<{ send: ClientTransportParameters; recv: ClientTransportParameters }> {
    this.#assertOpen();
    const { send, recv } = await this.#transports.pair();
    return { send: describeTransport(send), recv: describeTransport(recv) };
  }

  connectTransport(transportId: string, dtlsParameters: MediasoupJson): Promise<void> {
    return this.#transports.connect(transportId, dtlsParameters);
  }

  async produce(transportId: string, rtpParameters: MediasoupJson): Promise<{ producerId: string }> {
    this.#assertOpen();
    const transport = await this.#transports.find(transportId);
    let producer: types.Producer;
    try {
      const copy = structuredClone(rtpParameters) as types.RtpParameters;
      producer = await transport.produce({ kind: 'audio', rtpParameters: copy });
    } catch (error) {
      throw refusal(error, "the client's microphone");
    }
    const isOpus = producer.rtpParameters.codecs[0]?.mimeType.toLowerCase() === 'audio/opus';
    if (isOpus) this.#takeOpus(producer);
    else await this.#takeMicrophone(producer);
    this.#updateFlow();
    this.#parts.onChange();
    return { producerId: producer.id };
  }

  closeProducer(producerId: string): void {
    if (this.#microphone?.producer.id === producerId) {
      this.#microphone.close();
      this.#microphone = undefined;
    }
    if (this.#opus?.id === producerId) {
      this.#opus.close();
      this.#opus = undefined;
    }
    this.#updateFlow();
    this.#parts.onChange();
  }

  async consume(clientRtpCapabilities: MediasoupJson): Promise<ClientConsumerParameters> {
    this.#assertOpen();
    const consumer = await this.hearing.start(clientRtpCapabilities);
    this.#parts.onChange();
    return consumer;
  }

  restartIce(transportId: string): Promise<MediasoupJson> {
    return this.#transports.restartIce(transportId);
  }

  /** What the client is to hear: the other client's Opus, or (undefined) our own stream. */
  listenTo(opus: types.Producer | undefined): void {
    this.hearing.listenTo(opus ?? this.#earpiece.producer);
  }

  /** Tells the client which codec is wanted, when that changed. */
  wantCodec(codec: G711Codec | 'opus'): void {
    if (this.#sendCodec === codec || this.#closing !== undefined) return;
    this.#sendCodec = codec;
    this.#events.emit('send-codec', { codec });
  }

  play(source: FrameSource, options?: { readonly loop?: boolean; readonly over?: boolean }): Playback {
    return this.#closing === undefined ? this.audio.play(source, options) : deadPlayback;
  }

  addSink(sink: FrameSink): Unsubscribe {
    return this.audio.addSink(sink);
  }

  on<K extends keyof ClientLegEvents>(event: K, listener: (payload: ClientLegEvents[K]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async statistics(): Promise<LegStatistics> {
    const source = this.#opus ?? this.#microphone?.producer;
    const [[received], { sent, roundTripMs }] = await Promise.all([
      source?.getStats().catch(() => []) ?? [],
      this.hearing.statistics(),
    ]);
    return {
      received: mediasoupStream(received),
      sent,
      roundTripMs: roundTripMs ?? received?.roundTripTime,
      counters: {},
    };
  }

  close(reason: LegCloseReason = 'closed'): Promise<void> {
    this.#closing ??= (async () => {
      this.#removeTask();
      this.audio.stop();
      this.hearing.close();
      this.#microphone?.close();
      this.#opus?.close();
      this.#earpiece.close();
      await this.#transports.close();
      this.#events.emit('closed', { reason });
      this.#events.clear();
    })();
    return this.#closing;
  }

  async #takeMicrophone(producer: types.Producer): Promise<void> {
    const { access, context } = this.#parts;
    let microphone: Microphone;
    try {
      microphone = await Microphone.open(access, producer, context.clock, (packet, now) => {
        if (this.#microphone !== microphone) return;
        this.flow.media(now);
        this.silence.audio(packet.codec, packet.payload, now);
        this.audio.said(packet, now);
      });
    } catch (error) {
      producer.close();
      throw refusal(error, "the client's microphone");
    }
    this.#microphone?.close();
    this.#microphone = microphone;
    if (this.#closing !== undefined) microphone.close();
  }

  #takeOpus(producer: types.Producer): void {
    this.#opus?.close();
    this.#opus = producer;
    this.#opusPackets = 0;
  }

  #tick(now: number): void {
    this.flow.check(now);
    if (this.#opus === undefined || ++this.#ticks % OPUS_POLL_TICKS !== 0) return;
    // Opus passes Node by, so whether it flows is read off the worker's counters.
    void this.#opus.getStats().then(
      ([stats]) => {
        const packets = stats?.packetCount ?? 0;
        if (packets > this.#opusPackets) this.flow.media(this.#parts.context.clock.monotonic());
        this.#opusPackets = packets;
      },
      () => undefined,
    );
  }

  #updateFlow(): void {
    const now = this.#parts.context.clock.monotonic();
    const { isConnected } = this.#transports;
    this.flow.setReady(isConnected, now);
    const hasSource = this.#microphone !== undefined || this.#opus !== undefined;
    this.flow.expect(this.flow.isFlowing || (isConnected && hasSource), now);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new MediaError('closed', 'this client leg is closed');
  }
}
