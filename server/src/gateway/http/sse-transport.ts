import { DISCONNECTS, afterDisconnect } from '@hookswitch/shared';
import type { Position, ServerFrame } from '@hookswitch/shared';
import { OutboundFrame } from '../../hub/index.ts';
import type { ClientTransport, ConnectionAcceptor, TransportEvents } from '../ports.ts';
import type { SubscriptionQuery } from './query.ts';
import { refusalAnswer } from './refusal.ts';
import type { HttpAnswer } from './refusal.ts';
import { SSE, sseEvent } from './sse-frames.ts';

/** The response of one request, as the HTTP server gives it. */
export interface SseResponse {
  /** Bytes that were written and not taken yet. */
  readonly bufferedBytes: number;
  /** Begins the stream: status 200 and its headers. */
  begin(): void;
  write(bytes: Buffer): void;
  /** Ends after what was written. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
  /** Answers without a stream. */
  refuse(answer: HttpAnswer): void;
}

export interface SseRequest extends SubscriptionQuery {
  readonly token: string;
  readonly remoteAddress: string;
}

/** What the HTTP server reports of the request. */
export interface SseStream {
  drained(): void;
  closed(): void;
}

/** Ids of the commands that stand for the request. */
const CONNECT = 0;
const SUBSCRIBE = 1;
/** A lost stream is opened again after this time, and some more by each client's own chance, milliseconds. */
export const RETRY_MS = 1000;

type Subscribed = Extract<ServerFrame, { type: 'subscribed' }>;

/**
 * One event stream: a client of the gateway like any other that connects, subscribes once and then only listens. What is
 * refused before the stream has begun is answered by an HTTP status, unless the client shall come back: EventSource does so
 * only after a stream.
 */
export class SseTransport implements ClientTransport {
  readonly name = 'sse';
  readonly remoteAddress: string;
  readonly #response: SseResponse;
  readonly #subscribed: Subscribed[] = [];
  #expected = 0;
  #state: 'opening' | 'streaming' | 'ended' = 'opening';
  #events: TransportEvents | undefined;

  private constructor(response: SseResponse, remoteAddress: string) {
    this.#response = response;
    this.remoteAddress = remoteAddress;
  }

  static open(acceptor: ConnectionAcceptor, request: SseRequest, response: SseResponse): SseStream {
    const transport = new SseTransport(response, request.remoteAddress);
    const events = acceptor.accept(transport);
    const { token, topics, position, rewind, filter } = request;
    transport.#events = events;
    transport.#expected = topics.length;
    const subscription = { type: 'subscribe-all', id: SUBSCRIBE, topics, position, rewind, filter } as const;
    events.received({ frame: { type: 'connect', id: CONNECT, token } });
    events.received({ frame: subscription });
    return {
      drained: () => {
        events.drained();
      },
      closed: () => {
        transport.#state = 'ended';
        events.closed('the client closed the stream');
      },
    };
  }

  get bufferedBytes(): number {
    return this.#response.bufferedBytes;
  }

  send(frames: readonly OutboundFrame[]): void {
    let rest = frames;
    while (this.#state === 'opening' && rest.length > 0) {
      const [first, ...others] = rest;
      rest = others;
      if (first !== undefined) this.#open(JSON.parse(first.json) as ServerFrame);
    }
    if (this.#state !== 'streaming' || rest.length === 0) return;
    // What the client's side has taken shows that it is there: it cannot say so itself.
    const alive = this.#response.bufferedBytes === 0 && rest.some(({ position }) => position === undefined);
    const bytes = OutboundFrame.concat(rest, SSE);
    if (bytes.length > 0) this.#response.write(bytes);
    if (alive) queueMicrotask(() => this.#events?.received({ frame: { type: 'pong' } }));
  }

  close(code: number, reason: string): void {
    if (this.#state === 'opening') this.#turnAway(code, reason);
    this.#state = 'ended';
    this.#response.end();
  }

  terminate(): void {
    this.#state = 'ended';
    this.#response.destroy();
  }

  #open(frame: ServerFrame): void {
    switch (frame.type) {
      case 'subscribed':
        this.#subscribed.push(frame);
        if (this.#subscribed.length >= this.#expected) this.#begin();
        break;
      case 'error':
        this.#refused(frame);
        break;
      case 'disconnect':
        this.#turnAway(frame.code, frame.reason, frame.retryAfterMs);
        break;
      default:
    }
  }

  #begin(): void {
    this.#state = 'streaming';
    const all = this.#subscribed;
    // Nothing before the lowest of these is to come: from there all topics are resumed.
    const starts = all.map(({ start, position }) => start ?? position);
    const id = starts.reduce((lowest: Position, one) => (one.seq < lowest.seq ? one : lowest));
    const topics = all.map(({ topic, position, recovered }) => ({ topic, position, recovered }));
    const recovered = all.every((one) => one.recovered);
    const data = JSON.stringify({ type: 'subscribed', position: id, recovered, topics });
    this.#response.begin();
    this.#response.write(sseEvent({ event: 'subscribed', id, retryMs: RETRY_MS, data }));
  }

  #refused(error: Extract<ServerFrame, { type: 'error' }>): void {
    this.#state = 'ended';
    if (error.name === 'unavailable' || error.name === 'internal') {
      this.#state = 'opening';
      this.#turnAway(DISCONNECTS.serverError.code, error.message);
    } else this.#response.refuse(refusalAnswer(error.name, error.message, error.retryAfterMs));
    this.#events?.closed(`refused: ${error.name}`);
  }

  /** Once, in place of a stream or as one that ends at once. */
  #turnAway(code: number, reason: string, retryAfterMs = RETRY_MS): void {
    this.#state = 'ended';
    const after = afterDisconnect(code);
    if (after === 'reconnect') {
      const data = JSON.stringify({ type: 'disconnect', code, reason, retryAfterMs });
      this.#response.begin();
      this.#response.write(sseEvent({ event: 'disconnect', retryMs: retryAfterMs, data }));
      this.#response.end();
      return;
    }
    const name = after === 'reconnect-with-new-token' ? 'tokenInvalid' : REFUSED[code];
    this.#response.refuse(refusalAnswer(name ?? 'notPermitted', reason));
  }
}

const REFUSED: Readonly<Record<number, string>> = {
  [DISCONNECTS.limitExceeded.code]: 'limitExceeded',
  [DISCONNECTS.accountInactive.code]: 'accountInactive',
};
