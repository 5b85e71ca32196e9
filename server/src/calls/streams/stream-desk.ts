import type { StreamEnd, StreamListener, StreamProblem } from '../../media-streams/ports.ts';
import { sidFromHex } from '@hookswitch/shared';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import type { CallControlRequest, Callbacks, EventSink, Legs } from '../ports.ts';
import { tracksOf } from './stream-order.ts';
import type { StreamOrder, WhichStream } from './stream-order.ts';

export interface StreamDeskOptions {
  readonly legs: Legs;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is known of a stream while it goes on. */
export interface StreamFacts {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly name: string;
}

interface Live extends StreamFacts {
  readonly order: StreamOrder;
  /** Monotonic; undefined: the connection is not up. */
  startedAt: number | undefined;
}

/** The media streams of this node's legs: publishes their events, and tells the callbacks that were asked for. */
export class StreamDesk {
  readonly #options: StreamDeskOptions;
  readonly #live = new Map<string, Live>();

  constructor(options: StreamDeskOptions) {
    this.#options = options;
  }

  /** Streams that have not ended. */
  get size(): number {
    return this.#live.size;
  }

  /** @param order.session left out: the leg's own call */
  start(accountSid: string, callSid: string, order: StreamOrder): void {
    const { streamSid, name } = order;
    if (this.#live.has(streamSid)) return;
    const live: Live = { accountSid, callSid, streamSid, name, order, startedAt: undefined };
    this.#live.set(streamSid, live);
    const listener: StreamListener = {
      started: () => {
        live.startedAt = this.#options.clock.monotonic();
        this.#emit(live, 'stream.started', {});
        this.#tell(live, 'stream-started', {});
      },
      warning: (problem) => {
        this.#emit(live, 'stream.warning', problem);
      },
      ended: (end) => {
        this.#ended(live, end);
      },
    };
    this.#options.legs.startStream(callSid, order, listener);
  }

  /** One that no verb asked for. */
  begin(
    accountSid: string,
    callSid: string,
    { url, name, track, parameters, callback }: Extract<CallControlRequest, { kind: 'start-stream' }>,
  ): StreamFacts {
    const streamSid = sidFromHex('stream', randomHex(this.#options.random, 16));
    const tracks = tracksOf(track);
    this.start(accountSid, callSid, { streamSid, url, name, tracks, bidirectional: false, parameters, callback });
    return { accountSid, callSid, streamSid, name };
  }

  /** @returns what it is about; undefined: the leg has no such stream */
  stop(callSid: string, which: WhichStream): StreamFacts | undefined {
    const own = [...this.#live.values()].filter((live) => live.callSid === callSid);
    const meant = own.filter((live) =>
      'name' in which ? live.name === which.name : live.streamSid === which.streamSid,
    );
    for (const { streamSid } of meant) this.#options.legs.stopStream(callSid, streamSid);
    return meant[0];
  }

  #ended(live: Live, { by, problem }: StreamEnd): void {
    if (!this.#live.delete(live.streamSid)) return;
    const { startedAt } = live;
    const lasted = startedAt === undefined ? 0 : this.#options.clock.monotonic() - startedAt;
    const durationSeconds = Math.round(lasted) / 1000;
    if (problem === undefined) {
      this.#emit(live, 'stream.stopped', { by, durationSeconds });
      this.#tell(live, 'stream-stopped', {});
    } else {
      this.#emit(live, 'stream.failed', { ...problem, durationSeconds });
      this.#tell(live, 'stream-error', { StreamError: `${problem.code}: ${problem.message}` });
    }
  }

  #emit(
    { accountSid, callSid, streamSid, name, order }: Live,
    type: 'stream.started' | 'stream.warning' | 'stream.stopped' | 'stream.failed',
    more: Partial<StreamProblem> & { by?: StreamEnd['by']; durationSeconds?: number },
  ): void {
    const { tracks, bidirectional } = order;
    const url = order.url.replace(/[?#].*$/, '');
    const data = { streamSid, callSid, name, url, tracks: [...tracks], bidirectional, ...more };
    this.#options.events.emit({ accountSid, type, subject: streamSid, data });
  }

  #tell(
    { accountSid, callSid, streamSid, name, order }: Live,
    event: 'stream-started' | 'stream-stopped' | 'stream-error',
    more: Readonly<Record<string, string>>,
  ): void {
    const { callback } = order;
    if (callback === undefined) return;
    const params = {
      AccountSid: accountSid,
      CallSid: callSid,
      StreamSid: streamSid,
      StreamName: name === '' ? streamSid : name,
      StreamEvent: event,
      Timestamp: new Date(this.#options.clock.now()).toISOString(),
      ...more,
    };
    this.#options.callbacks.send({ accountSid, callSid, url: callback.url, method: callback.method, params });
  }
}
