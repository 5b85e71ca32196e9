import type { ListenResult, TranscriptionListener, TranscriptionOrder, TranscriptionTrack } from '../calls/ports.ts';
import type { Clock } from '../kernel/index.ts';
import type { Leg } from '../media/ports.ts';
import type { SpeechRecognizer } from './ports.ts';
import { SpeechListener } from './speech-listener.ts';

export interface LegTranscriptionsParts {
  readonly accountSid: string;
  readonly clock: Clock;
  /** Undefined: speech is not understood. */
  readonly recognizer: SpeechRecognizer | undefined;
}

/** Silence that ends what is told as one piece, and its longest, milliseconds. */
const END_SILENCE_MS = 700;
const MAX_MS = 15_000;
/** Pieces of a track that wait to be understood; what is said beyond is left out. */
const MAX_WAITING = 8;
/** Pieces in a row that could not be understood for a reason that is not in them: the recognizer is gone. */
const MAX_FAILURES = 3;
const CODES = { noRecognizer: 32_601, recognizerFailed: 32_602 } as const;

/** Transcriptions in real time of one leg's audio. End with the leg. */
export class LegTranscriptions {
  readonly #parts: LegTranscriptionsParts;
  readonly #live = new Map<string, { readonly close: () => void }>();

  constructor(parts: LegTranscriptionsParts) {
    this.#parts = parts;
  }

  start(leg: Pick<Leg, 'addSink'> | undefined, order: TranscriptionOrder, listener: TranscriptionListener): void {
    const { recognizer } = this.#parts;
    const { transcriptionSid } = order;
    if (this.#live.has(transcriptionSid)) return;
    if (leg === undefined || recognizer === undefined) {
      const message = leg === undefined ? 'the leg has no media' : 'this node has no speech recognizer';
      listener.ended({ code: CODES.noRecognizer, message });
      return;
    }
    let isOver = false;
    const end = (message?: string): void => {
      if (isOver) return;
      isOver = true;
      this.#live.delete(transcriptionSid);
      for (const track of tracks) track.close();
      if (message === undefined) listener.ended();
      else listener.ended({ code: CODES.recognizerFailed, message });
    };
    listener.started();
    const parts = { ...this.#parts, recognizer, leg, order, listener, failed: end };
    const tracks = order.tracks.map((track) => new TranscribedTrack(track, parts));
    this.#live.set(transcriptionSid, {
      close: () => {
        end();
      },
    });
  }

  stop(transcriptionSid: string): void {
    this.#live.get(transcriptionSid)?.close();
  }

  /** The leg is about to end. */
  close(): void {
    for (const live of [...this.#live.values()]) live.close();
  }
}

interface TrackParts extends LegTranscriptionsParts {
  readonly recognizer: SpeechRecognizer;
  readonly leg: Pick<Leg, 'addSink'>;
  readonly order: TranscriptionOrder;
  readonly listener: TranscriptionListener;
  readonly failed: (message: string) => void;
}

interface Piece {
  readonly speech: SpeechListener;
  result: ListenResult | undefined;
}

/** One direction of a leg, piece by piece: the next one is listened for while the one before is being understood. */
class TranscribedTrack {
  readonly #track: TranscriptionTrack;
  readonly #parts: TrackParts;
  /** In the order in which they were said; the last one is listened to. */
  #pieces: Piece[] = [];
  #failures = 0;
  #listening = false;
  #closed = false;

  constructor(track: TranscriptionTrack, parts: TrackParts) {
    this.#track = track;
    this.#parts = parts;
    this.#listen();
  }

  close(): void {
    this.#closed = true;
    for (const { speech } of this.#pieces.splice(0)) speech.close();
  }

  #listen(): void {
    this.#listening = true;
    const { leg, clock, recognizer, accountSid, order, listener } = this.#parts;
    const { language, hints, partial } = order;
    const direction = this.#track === 'inbound' ? 'received' : 'sent';
    const options = { language, hints, partial, endSilenceMs: END_SILENCE_MS, maxMs: MAX_MS };
    const speech = new SpeechListener(
      { leg, clock, recognizer, accountSid, options, direction },
      {
        began: () => undefined,
        partial: (text) => {
          listener.content({ track: this.#track, text, confidence: undefined, final: false });
        },
        over: () => {
          this.#listening = false;
          if (this.#pieces.length < MAX_WAITING) this.#listen();
        },
        ended: (result) => {
          piece.result = result;
          this.#settle();
        },
      },
    );
    const piece: Piece = { speech, result: undefined };
    this.#pieces.push(piece);
  }

  /** Tells what is understood, in the order in which it was said. */
  #settle(): void {
    for (let first = this.#pieces[0]; first?.result !== undefined; first = this.#pieces[0]) {
      this.#pieces.shift();
      this.#tell(first.result);
      if (this.#closed) return;
    }
    // Too many have waited, and nothing was listened for.
    if (!this.#listening) this.#listen();
  }

  #tell(result: ListenResult): void {
    if (result.kind === 'failed') {
      this.#failures++;
      if (this.#failures >= MAX_FAILURES) this.#parts.failed(result.message);
      return;
    }
    this.#failures = 0;
    if (result.kind !== 'recognised') return;
    const { text, confidence } = result;
    this.#parts.listener.content({ track: this.#track, text, confidence, final: true });
  }
}
