/** Messages of a media stream that the bot looks at, docs/media-streams.md. */
export interface StreamMessage {
  readonly event: string;
  readonly streamSid?: string;
  readonly start?: { readonly callSid: string };
  /** 20 ms of mu-law, base64. */
  readonly media?: { readonly payload: string };
  readonly mark?: { readonly name: string };
  readonly dtmf?: { readonly digit: string };
}

export interface EchoBotOptions {
  readonly send: (message: object) => void;
  /** Ends the stream; the call goes on. */
  readonly leave: () => void;
  readonly log: (line: string) => void;
}

/** Quieter than this, of 32,635, is silence. */
const LOUD = 1000;
/** Frames of 20 ms: so much voice interrupts the bot; a click does not. */
const VOICE_FRAMES = 5;
/** So much silence ends what the caller says. */
const PAUSE_MS = 600;

/**
 * Repeats what the caller said as soon as the caller pauses; is quiet at once when the caller speaks meanwhile; leaves on `#`.
 * A real agent differs in what it answers, not in how it listens.
 */
export class EchoBot {
  readonly #options: EchoBotOptions;
  #streamSid = '';
  /** What the caller has said since the last pause. */
  #said: Buffer[] = [];
  #loudFrames = 0;
  #answers = 0;
  /** The mark behind the answer that is being played. */
  #speaking: string | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(options: EchoBotOptions) {
    this.#options = options;
  }

  hear({ event, streamSid, start, media, mark, dtmf }: StreamMessage): void {
    switch (event) {
      case 'start':
        this.#streamSid = streamSid ?? '';
        this.#options.log(`start ${start?.callSid ?? ''}`);
        break;
      case 'media':
        this.#audio(Buffer.from(media?.payload ?? '', 'base64'));
        break;
      case 'mark':
        // Everything before the mark has been played, or was thrown away by `clear`.
        if (mark?.name === this.#speaking) this.#speaking = undefined;
        this.#options.log(`played ${mark?.name ?? ''}`);
        break;
      case 'dtmf':
        if (dtmf?.digit === '#') this.#options.leave();
        break;
      default:
        break;
    }
  }

  close(): void {
    clearTimeout(this.#pause);
  }

  #audio(frame: Buffer): void {
    const isLoud = loudness(frame) > LOUD;
    if (this.#said.length > 0 || isLoud) this.#said.push(frame);
    if (!isLoud) return;
    this.#loudFrames++;
    if (this.#loudFrames === VOICE_FRAMES && this.#speaking !== undefined) {
      this.#options.log(`interrupted ${this.#speaking}`);
      this.#send({ event: 'clear' });
    }
    // By the clock, not by counting quiet frames: many telephones send nothing while nobody speaks.
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#answer();
    }, PAUSE_MS);
  }

  #answer(): void {
    const [said, frames] = [Buffer.concat(this.#said), this.#loudFrames];
    this.#said = [];
    this.#loudFrames = 0;
    if (frames < VOICE_FRAMES) return;
    this.#speaking = `answer ${++this.#answers}`;
    this.#send({ event: 'media', media: { payload: said.toString('base64') } });
    this.#send({ event: 'mark', mark: { name: this.#speaking } });
  }

  #send(message: object): void {
    this.#options.send({ ...message, streamSid: this.#streamSid });
  }
}

/** Mean magnitude of mu-law samples. */
function loudness(frame: Buffer): number {
  return frame.reduce((sum, code) => sum + magnitude(code), 0) / frame.length;
}

/** ITU-T G.711, table 2a. */
function magnitude(code: number): number {
  const value = ~code & 0xff;
  return ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
}
