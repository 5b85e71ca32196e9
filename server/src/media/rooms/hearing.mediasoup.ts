import type { types } from 'mediasoup';
import { toError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type { ClientConsumerParameters, MediasoupJson } from '../ports.ts';
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
 */
export class Hearing {
  readonly #options: HearingOptions;
  readonly #retiring = new Map<types.Consumer, Timer>();
  #capabilities: types.RtpCapabilities | undefined;
  #first: Promise<ClientConsumerParameters> | undefined;
  #consumer: types.Consumer | undefined;
  #wanted: types.Producer;
  #isReplacing = false;
  #closed = false;

  constructor(options: HearingOptions) {
    this.#options = options;
    this.#wanted = options.producer;
  }

  get consumer(): types.Consumer | undefined {
    return this.#consumer;
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

  async #consume(producer: types.Producer, capabilities: types.RtpCapabilities): Promise<types.Consumer> {
    const recv = await this.#options.recv();
    try {
      const consumer = await recv.consume({ producerId: producer.id, rtpCapabilities: capabilities });
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
      consumer.close();
    });
    this.#retiring.set(consumer, timer);
  }
}

function describeConsumer(consumer: types.Consumer): ClientConsumerParameters {
  const { id, producerId, rtpParameters } = consumer;
  return { id, producerId, kind: 'audio', rtpParameters };
}
