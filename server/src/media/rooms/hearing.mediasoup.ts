import type { types } from 'mediasoup';
import { toError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type { ClientConsumerParameters, LegStatistics, MediasoupJson, StreamStatistics } from '../ports.ts';
import { mediasoupStream } from '../rtp/mediasoup-statistics.mediasoup.ts';
import { addStreams, NO_STREAM } from '../rtp/merge-statistics.ts';
import { hasOpus } from './client-streams.mediasoup.ts';
import { refusal } from './refusal.mediasoup.ts';

/** How long a replaced consumer goes on, so that the client loses nothing while it changes over, milliseconds. */
const OVERLAP_MS = 2000;

export interface HearingOptions {
  readonly router: types.Router;
  readonly recv: () => Promise<types.WebRtcTransport>;
  /** What the client hears at first. */
  readonly producer: types.Producer;
  readonly clock: Clock;
  readonly log: Log;
  readonly onReplaced: (consumer: ClientConsumerParameters) => void;
}

/**
 * The client's one consumer, and its replacement when what it hears moves to another producer (Opus and back).
 * Replacements run one after another; only the last wish counts.
 *
 * What is in the same codec can move without the client's doing: a further consumer with the same MID is the same stream to it,
 * with another SSRC (`addSource`, `renew`). For that the client must not be told an SSRC, see describeConsumer.
 */
export class Hearing {
  readonly #options: HearingOptions;
  readonly #retiring = new Map<types.Consumer, Timer>();
  #capabilities: types.RtpCapabilities | undefined;
  #first: Promise<ClientConsumerParameters> | undefined;
  #consumer: types.Consumer | undefined;
  /** Beside the consumer: what the client hears from another producer as part of the same stream. */
  readonly #sources = new Set<types.Consumer>();
  /** What consumers that are closed by now had sent. */
  #ended: StreamStatistics = NO_STREAM;
  #wanted: types.Producer;
  #isReplacing = false;
  #closed = false;

  constructor(options: HearingOptions) {
    this.#options = options;
    this.#wanted = options.producer;
  }

  /** Codec of what the client hears; undefined while it hears nothing. */
  get codec(): string | undefined {
    return codecOf(this.#consumer);
  }

  /** Everything sent to the client so far. */
  async statistics(): Promise<Pick<LegStatistics, 'sent' | 'roundTripMs'>> {
    const live = [
      ...this.#retiring.keys(),
      ...this.#sources,
      ...(this.#consumer === undefined ? [] : [this.#consumer]),
    ];
    const parts = await Promise.all(live.map(outgoing));
    const active = parts.findLast((part) => (part?.bitrate ?? 0) > 0) ?? parts.at(-1);
    const sent = parts.reduce((sum, part) => addStreams(sum, mediasoupStream(part)), this.#ended);
    return { sent: { ...sent, jitterMs: mediasoupStream(active).jitterMs }, roundTripMs: active?.roundTripTime };
  }

  /**
   * Lets the client hear this producer too, in the codec of what it hears; only one of the two may speak at a time. Ends with
   * the producer, or earlier by the function returned. Rejects when there is nothing yet that it could be part of.
   */
  async addSource(producer: types.Producer): Promise<() => void> {
    const mid = this.#consumer?.rtpParameters.mid;
    if (mid === undefined || this.#capabilities === undefined)
      throw new MediaError('closed', 'the client hears nothing');
    const consumer = await this.#consume(producer, this.#capabilities, mid);
    this.#sources.add(consumer);
    consumer.observer.once('close', () => {
      this.#sources.delete(consumer);
    });
    return () => {
      if (!consumer.closed) this.#end(consumer);
    };
  }

  /**
   * A new SSRC for what the client hears of us. A browser plays every SSRC, but shows only the latest to whoever listens to the
   * track (recorders, level meters): so what speaks again after another source did has to be the latest again.
   */
  async renew(): Promise<void> {
    const before = this.#consumer;
    const [capabilities, mid] = [this.#capabilities, before?.rtpParameters.mid];
    if (before === undefined || capabilities === undefined || mid === undefined) return;
    const producer = this.#options.producer;
    if (before.producerId !== producer.id) return;
    const consuming = this.#consume(producer, capabilities, mid);
    // Asked for in one breath: the worker does one after the other, no packet is between them.
    this.#end(before);
    const consumer = await consuming;
    if (this.#consumer === before) this.#consumer = consumer;
    else consumer.close();
  }

  /** Known to receive Opus. */
  get canOpus(): boolean {
    return this.#capabilities !== undefined && hasOpus(this.#capabilities);
  }

  /** The first consumer, always on our own producer; the same one when asked again. */
  start(clientRtpCapabilities: MediasoupJson): Promise<ClientConsumerParameters> {
    this.#first ??= this.#start(structuredClone(clientRtpCapabilities));
    this.#first.catch(() => {
      this.#first = undefined;
    });
    return this.#first;
  }

  /** Changes what the client hears. Never throws: when it fails the client keeps what it has. */
  listenTo(producer: types.Producer): void {
    this.#wanted = producer;
    if (this.#consumer !== undefined) void this.#replace();
  }

  close(): void {
    this.#closed = true;
    for (const [consumer, timer] of this.#retiring) {
      timer.cancel();
      consumer.close();
    }
    this.#retiring.clear();
    for (const consumer of [...this.#sources]) consumer.close();
    this.#consumer?.close();
  }

  async #start(capabilities: types.RtpCapabilities): Promise<ClientConsumerParameters> {
    const { producer, router } = this.#options;
    // Malformed capabilities are told apart from unfit ones by nobody: canConsume answers false to both.
    if (!router.canConsume({ producerId: producer.id, rtpCapabilities: capabilities })) {
      throw new MediaError(
        'incompatible-capabilities',
        "the client's RTP capabilities hold no G.711; load its device with the server's rtpCapabilities",
      );
    }
    const consumer = await this.#consume(producer, capabilities);
    this.#capabilities = capabilities;
    this.#consumer = consumer;
    return describeConsumer(consumer);
  }

  async #consume(producer: types.Producer, capabilities: types.RtpCapabilities, mid?: string): Promise<types.Consumer> {
    const recv = await this.#options.recv();
    try {
      const consumer = await recv.consume({
        producerId: producer.id,
        rtpCapabilities: capabilities,
        ...(mid === undefined ? {} : { mid }),
      });
      if (!this.#closed) return consumer;
      consumer.close();
    } catch (error) {
      throw refusal(error, 'the consumer of the client');
    }
    throw new MediaError('closed', 'the client leg was closed meanwhile');
  }

  async #replace(): Promise<void> {
    if (this.#isReplacing) return;
    this.#isReplacing = true;
    const { log, onReplaced } = this.#options;
    try {
      while (!this.#closed && this.#capabilities !== undefined && this.#wanted.id !== this.#consumer?.producerId) {
        const wanted = this.#wanted;
        if (wanted.closed) break;
        const consumer = await this.#consume(wanted, this.#capabilities);
        if (this.#consumer !== undefined) this.#retire(this.#consumer);
        this.#consumer = consumer;
        onReplaced(describeConsumer(consumer));
      }
    } catch (error) {
      if (!this.#closed)
        log.warn({ err: toError(error) }, 'what a client hears could not be replaced; it keeps what it has');
    } finally {
      this.#isReplacing = false;
    }
  }

  #retire(consumer: types.Consumer): void {
    const timer = this.#options.clock.setTimer(OVERLAP_MS, () => {
      this.#retiring.delete(consumer);
      this.#end(consumer);
    });
    this.#retiring.set(consumer, timer);
  }

  /** Closes a consumer and remembers what it had sent. */
  #end(consumer: types.Consumer): void {
    void outgoing(consumer).then((part) => {
      this.#ended = addStreams(this.#ended, mediasoupStream(part));
    });
    consumer.close();
  }
}

async function outgoing(consumer: types.Consumer): Promise<types.ConsumerStat | undefined> {
  const parts = await consumer.getStats().catch(() => []);
  return parts.find((part) => part.type === 'outbound-rtp');
}

/** They never change, and mediasoup copies the parameters each time they are asked for. */
const codecs = new WeakMap<types.Consumer, string | undefined>();

function codecOf(consumer: types.Consumer | undefined): string | undefined {
  if (consumer === undefined) return undefined;
  if (!codecs.has(consumer)) codecs.set(consumer, consumer.rtpParameters.codecs[0]?.mimeType.toLowerCase());
  return codecs.get(consumer);
}

/**
 * Without the RTCP name: mediasoup-client then names no SSRC in the SDP, and the browser takes what comes with the MID, whatever its
 * SSRC. With a name it would be bound to the first one.
 */
function describeConsumer(consumer: types.Consumer): ClientConsumerParameters {
  const { id, producerId, rtpParameters } = consumer;
  const { reducedSize } = rtpParameters.rtcp ?? {};
  const rtcp = reducedSize === undefined ? {} : { reducedSize };
  return { id, producerId, kind: 'audio', rtpParameters: { ...rtpParameters, rtcp } };
}
