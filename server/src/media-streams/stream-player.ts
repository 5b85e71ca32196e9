import type { AudioFrame, FrameSource } from '../media/ports.ts';

/** Mu-law. */
const FRAME_BYTES = 160;
type MuLawFrame = Extract<AudioFrame, { readonly format: 'PCMU' | 'PCMA' }>;
const SILENCE: MuLawFrame = { format: 'PCMU', bytes: new Uint8Array(FRAME_BYTES).fill(0xff) };
/** Ten minutes: an application may send a long text's speech at once. Beyond: what comes is dropped. */
const MAX_BYTES = 8000 * 600;
const MAX_MARKS = 1000;

interface Mark {
  readonly name: string;
  /** Counted from the beginning of the stream. */
  readonly at: number;
}

/**
 * What an application plays to the leg's party: bytes of any length and pace become frames of 20 ms, silence where there
 * is nothing. A mark is reached when all that was queued before it has been played, or is cleared.
 */
export class StreamPlayer implements FrameSource {
  readonly #reached: (name: string) => void;
  #chunks: Uint8Array[] = [];
  /** Of the first chunk, taken already. */
  #offset = 0;
  #marks: Mark[] = [];
  #queued = 0;
  #played = 0;
  /** A last piece that is shorter than a frame waits once for the rest of it. */
  #waited = false;

  /** @param reached never called from within `mark` of a queue that is not empty */
  constructor(reached: (name: string) => void) {
    this.#reached = reached;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#queued - this.#played;
  }

  /** @returns false: too much waits, it was dropped */
  queue(payload: Uint8Array): boolean {
    if (payload.length === 0) return true;
    if (this.waiting + payload.length > MAX_BYTES) return false;
    this.#chunks.push(payload);
    this.#queued += payload.length;
    return true;
  }

  /** @returns false: too many wait, it was dropped */
  mark(name: string): boolean {
    if (this.#marks.length >= MAX_MARKS) return false;
    this.#marks.push({ name, at: this.#queued });
    if (this.waiting === 0) this.#tell();
    return true;
  }

  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#played = this.#queued;
    this.#tell();
  }

  next(): MuLawFrame {
    // What the last frame played has been heard by now.
    this.#tell();
    const { waiting } = this;
    if (waiting === 0) return SILENCE;
    if (waiting < FRAME_BYTES && !this.#waited) {
      this.#waited = true;
      return SILENCE;
    }
    this.#waited = false;
    return { format: 'PCMU', bytes: this.#take(Math.min(waiting, FRAME_BYTES)) };
  }

  /** A whole frame; what is missing at its end is silence. */
  #take(count: number): Uint8Array {
    const frame = new Uint8Array(FRAME_BYTES).fill(0xff);
    let filled = 0;
    while (filled < count) {
      const [chunk] = this.#chunks;
      if (chunk === undefined) break;
      const piece = chunk.subarray(this.#offset, this.#offset + count - filled);
      frame.set(piece, filled);
      filled += piece.length;
      this.#offset += piece.length;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    this.#played += filled;
    return frame;
  }

  #tell(): void {
    while (this.#marks[0] !== undefined && this.#marks[0].at <= this.#played) {
      const mark = this.#marks.shift();
      if (mark !== undefined) this.#reached(mark.name);
    }
  }
}
