import { describeError, toError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import type { Pacer } from '../playout/pacer.ts';
import type { AudioFrame, FrameSink, FrameSource, G711Codec, Playback, PlaybackEnd } from '../ports.ts';
import type { AudioPacket } from '../rtp/rtp-sender.ts';

/** Towards a leg's party: an RTP port, or what a browser hears. Each method returns the timestamp, undefined if nothing was sent. */
export interface AudioOutput {
  readonly codec: G711Codec;
  forward(packet: AudioPacket, now: number): number | undefined;
  skip(key: unknown): void;
  play(frame: AudioFrame, key: unknown, now: number): number | undefined;
}

interface Playing {
  readonly source: FrameSource;
  readonly loop: boolean;
  readonly finish: (end: PlaybackEnd, failure?: string) => void;
}

/** Most frames that a sink sees for one packet: 200 ms, the longest packet time in use. */
const MAX_FRAMES_PER_PACKET = 10;
const FRAME = 160;

/**
 * Chooses what one leg's party hears (a playback, else the peer) and shows every frame to the sinks. Knows nothing of
 * SIP, WebRTC or mediasoup.
 */
export class LegAudio {
  readonly #output: AudioOutput;
  readonly #pacer: Pacer;
  readonly #log: Log;
  readonly #onNeedChange: () => void;
  readonly #sinks = new Set<FrameSink>();
  #peer: LegAudio | undefined;
  #playing: Playing | undefined;
  /** An announcement: heard in place of everything else. What plays beneath it waits. */
  #over: Playing | undefined;

  /** @param options.onNeedChange `isPlaying` or `hasSinks` may have changed */
  constructor(options: {
    readonly output: AudioOutput;
    readonly pacer: Pacer;
    readonly log: Log;
    readonly onNeedChange?: () => void;
  }) {
    this.#output = options.output;
    this.#pacer = options.pacer;
    this.#log = options.log;
    this.#onNeedChange = options.onNeedChange ?? (() => undefined);
  }

  /** What the leg's party hears in. */
  get codec(): G711Codec {
    return this.#output.codec;
  }

  get isPlaying(): boolean {
    return this.#playing !== undefined || this.#over !== undefined;
  }

  get hasSinks(): boolean {
    return this.#sinks.size > 0;
  }

  get peer(): LegAudio | undefined {
    return this.#peer;
  }

  /** Who hears this leg and is heard by it. One way: the room sets both. */
  setPeer(peer: LegAudio | undefined): void {
    this.#peer = peer;
  }

  /** Audio said by this leg's party. */
  said(packet: AudioPacket, now: number): void {
    this.#show('received', packet.codec, packet.payload, packet.timestamp);
    this.#peer?.hear(packet, now);
  }

  /** The party sent something that is no audio: its number is closed up at the peer. */
  gap(key: unknown): void {
    const peer = this.#peer;
    if (peer !== undefined && !peer.isPlaying) peer.#output.skip(key);
  }

  /** Audio said by the peer. A playback hides it. */
  hear(packet: AudioPacket, now: number): void {
    if (this.isPlaying) return;
    const timestamp = this.#output.forward(packet, now);
    if (timestamp !== undefined) this.#show('sent', packet.codec, packet.payload, timestamp);
  }

  /** @param options.over heard over what plays already, which waits meanwhile and goes on afterwards */
  play(source: FrameSource, options: { readonly loop?: boolean; readonly over?: boolean } = {}): Playback {
    const isOver = options.over === true;
    (isOver ? this.#over : this.#playing)?.finish('stopped');
    const done = Promise.withResolvers<PlaybackEnd>();
    let why: string | undefined;
    const playing: Playing = {
      source,
      loop: options.loop === true && source.rewind !== undefined,
      finish: (end, failure) => {
        if ((isOver ? this.#over : this.#playing) !== playing) return;
        why = failure;
        if (isOver) this.#over = undefined;
        else this.#playing = undefined;
        removeTask();
        closeSource(source, this.#log);
        done.resolve(end);
        this.#onNeedChange();
      },
    };
    const removeTask = this.#pacer.add((now) => {
      if (isOver || this.#over === undefined) this.#tick(playing, now);
    });
    if (isOver) this.#over = playing;
    else this.#playing = playing;
    this.#onNeedChange();
    return {
      done: done.promise,
      get failure() {
        return why;
      },
      stop: () => {
        playing.finish('stopped');
      },
    };
  }

  /** Ends what plays as `stopped`. */
  stop(): void {
    this.#playing?.finish('stopped');
    this.#over?.finish('stopped');
  }

  addSink(sink: FrameSink): Unsubscribe {
    this.#sinks.add(sink);
    this.#onNeedChange();
    return () => {
      if (this.#sinks.delete(sink)) this.#onNeedChange();
    };
  }

  #tick(playing: Playing, now: number): void {
    let frame: AudioFrame | undefined;
    try {
      frame = playing.source.next();
      if (frame === undefined && playing.loop) {
        playing.source.rewind?.();
        frame = playing.source.next();
      }
    } catch (error) {
      this.#log.error({ err: toError(error) }, 'the source of a playback failed; the playback ends');
      playing.finish('failed', describeError(error));
      return;
    }
    if (frame === undefined) {
      playing.finish('finished');
      return;
    }
    const timestamp = this.#output.play(frame, playing, now);
    if (timestamp !== undefined) this.#showFrame('sent', frame, timestamp);
  }

  /** Cuts a packet of any packet time into frames; a last piece shorter than 20 ms is a short frame. */
  #show(direction: 'received' | 'sent', format: G711Codec, payload: Uint8Array, timestamp: number): void {
    if (this.#sinks.size === 0) return;
    const end = Math.min(payload.length, MAX_FRAMES_PER_PACKET * FRAME);
    for (let at = 0; at < end; at += FRAME) {
      this.#showFrame(direction, { format, bytes: payload.subarray(at, Math.min(end, at + FRAME)) }, timestamp + at);
    }
  }

  #showFrame(direction: 'received' | 'sent', frame: AudioFrame, timestamp: number): void {
    for (const sink of [...this.#sinks]) {
      try {
        sink.write(direction, frame, timestamp >>> 0);
      } catch (error) {
        this.#log.error({ err: toError(error) }, 'a sink of audio frames failed; it is taken off the leg');
        this.#sinks.delete(sink);
        this.#onNeedChange();
      }
    }
  }
}

function closeSource(source: FrameSource, log: Log): void {
  try {
    source.close?.();
  } catch (error) {
    log.error({ err: toError(error) }, 'closing the source of a playback failed');
  }
}
