import type { LegEvent, StreamOrder } from '../calls/ports.ts';
import type { Leg } from '../media/ports.ts';
import type { MediaStream, MediaStreams, StreamEnd, StreamListener } from '../media-streams/ports.ts';

export interface LegStreamsParts {
  readonly callSid: string;
  readonly accountSid: string;
  /** Undefined: this node has none. */
  readonly streams: MediaStreams | undefined;
  readonly post: (event: LegEvent) => void;
}

/** Media streams of one leg's audio to applications. End with the leg. */
export class LegStreams {
  readonly #parts: LegStreamsParts;
  readonly #live = new Map<string, MediaStream>();

  constructor(parts: LegStreamsParts) {
    this.#parts = parts;
  }

  start(leg: Leg | undefined, order: StreamOrder, listener: StreamListener): void {
    const { callSid, accountSid, streams } = this.#parts;
    const { streamSid, url, tracks, bidirectional, parameters, session } = order;
    if (this.#live.has(streamSid)) return;
    const ended = (end: StreamEnd): void => {
      this.#live.delete(streamSid);
      listener.ended(end);
      this.#parts.post({ kind: 'stream-ended', callSid, streamSid, ...end });
    };
    if (leg === undefined || streams === undefined) {
      const message = leg === undefined ? 'the leg has no media' : 'this node has no media streams';
      ended({ by: 'application', problem: { code: 31_920, message } });
      return;
    }
    const request = { accountSid, callSid, streamSid, url, tracks, bidirectional, parameters, session };
    this.#live.set(streamSid, streams.open(request, leg, { ...listener, ended }));
  }

  stop(streamSid: string): void {
    this.#live.get(streamSid)?.stop();
  }

  /** A key that the leg's party pressed. */
  digit(digit: string): void {
    for (const stream of this.#live.values()) stream.digit(digit);
  }

  /** The leg is about to end. */
  close(): void {
    for (const stream of [...this.#live.values()]) stream.stop();
  }
}
