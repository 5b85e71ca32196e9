import type { ListenOptions, ListenResult } from '../calls/ports.ts';
import type { Clock, Timer } from '../kernel/index.ts';
import { Reframer, SpeechDetector, frameToLinear } from '../media/index.ts';
import type { AudioFrame, FrameSink, Leg } from '../media/ports.ts';
import type { SpeechRecognizer } from './ports.ts';

export interface SpeechListenerParts {
  readonly leg: Pick<Leg, 'addSink'>;
  readonly clock: Clock;
  readonly recognizer: SpeechRecognizer;
  readonly accountSid: string;
  readonly options: ListenOptions;
  /** Whose speech: of the leg's party, or what it hears (default `received`). */
  readonly direction?: 'received' | 'sent';
}

export interface SpeechNews {
  began(): void;
  /** Speech is over, and is being understood: `ended` follows. */
  over?(): void;
  partial(text: string): void;
  /** Once; nothing follows. */
  ended(result: ListenResult): void;
}

/** How often it is looked whether speech is over, milliseconds. */
const LOOK_MS = 100;
/** Frames before speech is noticed that belong to it: 300 ms. */
const LEAD_FRAMES = 15;
/** Pause within speech after which a partial result is worth asking for, milliseconds. */
const PARTIAL_PAUSE_MS = 400;

/** Waits for speech, takes it up to the silence that ends it, and has it recognised. Holds a timer until it ends. */
export class SpeechListener implements FrameSink {
  readonly #parts: SpeechListenerParts;
  readonly #news: SpeechNews;
  readonly #detector = new SpeechDetector();
  readonly #reframer: Reframer;
  readonly #release: () => void;
  #frames: Int16Array[] = [];
  #timer: Timer | undefined;
  #beganAt: number | undefined;
  #spokenAt = 0;
  /** Frames that the latest partial result was asked about. */
  #asked = 0;
  #state: 'listening' | 'recognising' | 'closed' = 'listening';

  constructor(parts: SpeechListenerParts, news: SpeechNews) {
    this.#parts = parts;
    this.#news = news;
    this.#reframer = new Reframer((frame) => {
      this.#take(frame);
    });
    this.#release = parts.leg.addSink(this);
    this.#schedule();
  }

  write(direction: 'received' | 'sent', frame: AudioFrame): void {
    if (direction === (this.#parts.direction ?? 'received') && this.#state === 'listening')
      this.#reframer.write(frameToLinear(frame));
  }

  /** Gives up; nothing is told any more. Idempotent. */
  close(): void {
    this.#stop();
    this.#state = 'closed';
    this.#frames = [];
  }

  #take(frame: Int16Array): void {
    const talking = this.#detector.frame(frame);
    this.#frames.push(frame);
    if (this.#beganAt === undefined && !talking) {
      if (this.#frames.length > LEAD_FRAMES) this.#frames.shift();
      return;
    }
    const now = this.#parts.clock.monotonic();
    if (talking) this.#spokenAt = now;
    if (this.#beganAt !== undefined) return;
    this.#beganAt = now;
    this.#news.began();
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.setTimer(LOOK_MS, () => {
      this.#look();
      if (this.#state === 'listening') this.#schedule();
    });
  }

  #look(): void {
    const { clock, options } = this.#parts;
    if (this.#beganAt === undefined) return;
    const now = clock.monotonic();
    const silence = now - this.#spokenAt;
    if (silence >= options.endSilenceMs || now - this.#beganAt >= options.maxMs) {
      this.#stop();
      this.#state = 'recognising';
      this.#news.over?.();
      void this.#finish();
    } else if (options.partial && silence >= PARTIAL_PAUSE_MS && this.#frames.length > this.#asked) {
      this.#asked = this.#frames.length + PARTIAL_PAUSE_MS;
      void this.#partial();
    }
  }

  async #partial(): Promise<void> {
    const result = await this.#recognise();
    if (this.#state === 'listening' && result.ok && result.text !== '') this.#news.partial(result.text);
  }

  async #finish(): Promise<void> {
    const result = await this.#recognise();
    if (this.#state === 'closed') return;
    this.close();
    if (!result.ok) this.#news.ended({ kind: 'failed', message: result.message });
    else if (result.text === '') this.#news.ended({ kind: 'nothing' });
    else this.#news.ended({ kind: 'recognised', text: result.text, confidence: result.confidence });
  }

  #recognise(): ReturnType<SpeechRecognizer['recognise']> {
    const { recognizer, accountSid, options } = this.#parts;
    const { language, hints } = options;
    const samples = new Int16Array(this.#frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of this.#frames) {
      samples.set(frame, at);
      at += frame.length;
    }
    return recognizer.recognise({ accountSid, samples, language, hints });
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#release();
  }
}
