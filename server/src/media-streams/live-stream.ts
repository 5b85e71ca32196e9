import type { Clock } from '../kernel/index.ts';
import type { AudioFrame, FrameSink, Playback } from '../media/ports.ts';
import { MuLawFrames } from './mu-law-frames.ts';
import type {
  MediaStream,
  MediaStreams,
  StreamHandshake,
  StreamListener,
  StreamRequest,
  StreamSocket,
  StreamSockets,
} from './ports.ts';
import { newStream, stepStream } from './stream-machine.ts';
import type { StreamEffect, StreamInput, StreamState } from './stream-machine.ts';
import { StreamPlayer } from './stream-player.ts';

export interface LiveStreamParts {
  readonly clock: Clock;
  readonly sockets: StreamSockets;
  readonly handshake: StreamHandshake;
}

type StreamLeg = Parameters<MediaStreams['open']>[1];

/** Written and not taken by the network: some twenty seconds of one track. Beyond, audio is left out. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** One stream: carries out what its machine decides. Closes all it has opened when it ends. */
export class LiveStream implements MediaStream, FrameSink {
  readonly #parts: LiveStreamParts;
  readonly #leg: StreamLeg;
  readonly #listener: StreamListener;
  readonly #player = new StreamPlayer((name) => {
    this.#step({ kind: 'mark-reached', name });
  });
  readonly #frames: Record<'received' | 'sent', MuLawFrames>;
  #state: StreamState;
  #socket: StreamSocket | undefined;
  #release: () => void = () => undefined;
  #playback: Playback | undefined;

  constructor(parts: LiveStreamParts, request: StreamRequest, ends: { leg: StreamLeg; listener: StreamListener }) {
    this.#parts = parts;
    this.#leg = ends.leg;
    this.#listener = ends.listener;
    this.#state = newStream(request);
    const framesOf = (track: 'inbound' | 'outbound'): MuLawFrames =>
      new MuLawFrames((payload, samples) => {
        this.#step({ kind: 'audio', track, payload, samples, at: this.#parts.clock.monotonic() });
      });
    this.#frames = { received: framesOf('inbound'), sent: framesOf('outbound') };
  }

  /** Connects. */
  async open(): Promise<void> {
    const { request } = this.#state;
    const handshake = await this.#parts.handshake.begin(request);
    if (this.#state.phase === 'ended') return;
    this.#socket = this.#parts.sockets.open(
      { url: handshake.url, headers: handshake.headers },
      {
        upgraded: (setCookies) => {
          handshake.keep(setCookies);
        },
        opened: () => {
          this.#step({ kind: 'opened', at: this.#parts.clock.monotonic() });
        },
        text: (text) => {
          this.#step({ kind: 'text', text });
        },
        closed: (end) => {
          this.#socket = undefined;
          this.#step({ kind: 'socket-ended', end });
        },
      },
    );
  }

  /** For the leg. */
  write(direction: 'received' | 'sent', frame: AudioFrame, samples: number): void {
    if ((this.#socket?.bufferedBytes ?? 0) > MAX_BUFFERED_BYTES) this.#step({ kind: 'reads-slowly' });
    else this.#frames[direction].take(frame, samples);
  }

  digit(digit: string): void {
    this.#step({ kind: 'digit', digit });
  }

  stop(): void {
    this.#step({ kind: 'stop' });
  }

  #step(input: StreamInput): void {
    const { state, effects } = stepStream(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: StreamEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#socket?.send(effect.text);
        return;
      case 'queue-audio':
        if (!this.#player.queue(effect.payload)) this.#step({ kind: 'queue-full' });
        return;
      case 'queue-mark':
        if (!this.#player.mark(effect.name)) this.#step({ kind: 'queue-full' });
        return;
      case 'clear':
        this.#player.clear();
        return;
      case 'started':
        this.#release = this.#leg.addSink(this);
        if (this.#state.request.bidirectional) this.#playback = this.#leg.play(this.#player);
        this.#listener.started();
        return;
      case 'warning':
        this.#listener.warning(effect.problem);
        return;
      case 'close-socket':
        this.#socket?.close();
        this.#socket = undefined;
        return;
      case 'ended':
        this.#release();
        this.#playback?.stop();
        this.#listener.ended(effect.end);
        return;
    }
  }
}
