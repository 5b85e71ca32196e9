import type { LegMedia, SoftphonePush, SoftphoneResults } from '@hookswitch/shared';
import { HookswitchError, clientError, toHookswitchError } from '../kit/index.ts';
import type { CallInput } from './call-machine.ts';
import type { Codec, Leg, Meter, ProducedCodec, Signal, SoftphonePlatform } from './ports.ts';

export type Offer = Extract<SoftphonePush, { type: 'incoming' }>;

/** How the server is asked for the leg's media. */
export type LegPurpose =
  | { readonly kind: 'accept'; readonly offer: () => Offer }
  | {
      readonly kind: 'connect';
      readonly params: Readonly<Record<string, string>>;
      /** Answers a bridge request. */
      readonly bridgeToken?: string | undefined;
    };

/** Names a leg at the server, and proves that it is ours from a later connection. */
export interface LegReference {
  readonly callSid: string;
  readonly hint: string;
  readonly reconnectToken: string;
}

export interface CallLegOptions {
  readonly signal: Signal;
  readonly platform: SoftphonePlatform;
  readonly codecs: readonly ProducedCodec[];
  /** Resolves when the device is registered (again); rejects when that will not happen. */
  readonly whenRegistered: () => Promise<void>;
  /** Sends a hang-up, now or, with what re-attaching takes, as soon as there is a connection. */
  readonly hangUp: (leg: LegReference) => void;
}

export interface CallLegHandlers {
  /** The server named the call. */
  identified(callSid: string): void;
  opened(leg: Leg): void;
  codec(codec: Codec): void;
  input(input: CallInput): void;
}

/**
 * The media of one call over its life: asks the server and the microphone at the same time, opens the leg, keeps
 * what arrives meanwhile, re-attaches after a lost connection. Closed with the call, also while it is being opened.
 */
export class CallLeg {
  readonly #options: CallLegOptions;
  readonly #handlers: CallLegHandlers;
  #leg: Leg | undefined;
  #meter: Meter | undefined;
  #stopPlaying: (() => void) | undefined;
  /** What the server sent for the leg while it was being opened. */
  #early: (() => Promise<void>)[] = [];
  #hint = '';
  #reference: LegReference | undefined;
  #muted = false;
  #mediaLost = false;
  #closed = false;

  constructor(options: CallLegOptions, handlers: CallLegHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  get leg(): Leg | undefined {
    return this.#leg;
  }

  /** ICE or DTLS failed, or the path was lost. */
  get isMediaLost(): boolean {
    return this.#mediaLost;
  }

  levels(): { readonly input: number; readonly output: number } {
    return this.#meter?.read() ?? { input: 0, output: 0 };
  }

  /** Never rejects: the outcome is an input of the call. */
  async open(purpose: LegPurpose): Promise<void> {
    let asked = false;
    try {
      const { microphone } = this.#options.platform;
      const permission = await microphone.permission();
      if (permission === 'denied') throw clientError('microphoneRefused');
      let track = permission === 'granted' ? microphone.open() : Promise.resolve(await microphone.open());
      if (this.#closed) {
        void discard(track);
        return;
      }
      asked = true;
      const request = this.#request(purpose);
      // Whichever fails first ends it; the other one's outcome must not go unheard.
      track = track.catch((error: unknown) => {
        request.catch(() => undefined);
        throw error;
      });
      request.catch(() => discard(track));
      const [media, microphoneTrack] = await Promise.all([request, track]);
      await this.#attach(media, microphoneTrack);
    } catch (error) {
      this.#failed(toHookswitchError(error, 'mediaLost'), asked);
    }
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#leg?.setMuted(muted);
  }

  replaceConsumer(consumer: LegMedia['consumer']): void {
    this.#whenOpen((leg) => leg.replaceConsumer(consumer));
  }

  /** A codec that is not wanted here is not produced: the server then stays with the one it gets. */
  produceIn(codec: ProducedCodec): void {
    if (codec !== 'PCMU' && !this.#options.codecs.includes(codec)) return;
    this.#whenOpen((leg) => leg.produceIn(codec));
  }

  restartIce(): void {
    this.#leg?.restartIce().catch(() => undefined);
  }

  /**
   * After the connection was lost and the device registered again.
   * @returns the server's state of the call; undefined when there is nothing to re-attach
   * @throws HookswitchError when the call is gone or its node cannot be reached
   */
  async reattach(): Promise<SoftphoneResults['reattach'] | undefined> {
    if (this.#reference === undefined || this.#closed) return undefined;
    const answer = await this.#options.signal('reattach', this.#reference);
    this.#reference = { ...this.#reference, reconnectToken: answer.reconnectToken };
    return answer;
  }

  /** Tells the server; does nothing when it has made no leg (one that it is making is hung up when it answers). */
  hangUp(): void {
    if (this.#reference !== undefined) this.#options.hangUp(this.#reference);
  }

  close(): void {
    this.#closed = true;
    this.#early = [];
    this.#stopPlaying?.();
    this.#meter?.close();
    this.#leg?.close();
  }

  async #request(purpose: LegPurpose): Promise<LegMedia> {
    const media = await this.#ask(purpose);
    this.#reference = { callSid: media.callSid, hint: this.#hint, reconnectToken: media.reconnectToken };
    if (this.#closed) this.hangUp();
    else this.#handlers.identified(media.callSid);
    return media;
  }

  async #ask(purpose: LegPurpose): Promise<LegMedia> {
    const { signal, platform, whenRegistered } = this.#options;
    // Registering loads the capabilities; while the connection is down this waits for the next one.
    await whenRegistered();
    const rtpCapabilities = platform.media.capabilities;
    if (purpose.kind === 'connect') {
      const { params, bridgeToken } = purpose;
      const token = bridgeToken === undefined ? {} : { bridgeToken };
      const answer = await signal('connect', { params: { ...params }, ...token, rtpCapabilities });
      this.#hint = answer.hint;
      return answer;
    }
    const accept = (): Promise<LegMedia> => {
      const { callSid, token, hint } = purpose.offer();
      this.#hint = hint;
      return signal('accept', { callSid, token, hint, rtpCapabilities });
    };
    try {
      return await accept();
    } catch (error) {
      const lost = error instanceof HookswitchError && (error.name === 'offline' || error.name === 'connectionLost');
      if (!lost || this.#closed) throw error;
      // Accepting twice is harmless: the token names the call, and the first accept of this device wins.
      await whenRegistered();
      return accept();
    }
  }

  async #attach(media: LegMedia, microphone: MediaStreamTrack): Promise<void> {
    if (this.#closed) {
      microphone.stop();
      return;
    }
    const { platform, signal } = this.#options;
    const leg = await platform.media.openLeg({
      media,
      microphone,
      signal,
      on: {
        connected: (up) => {
          this.#mediaLost = !up;
          this.#handlers.input({ kind: 'media', up });
        },
        codec: (codec) => {
          this.#handlers.codec(codec);
        },
      },
    });
    if (this.#isClosed()) {
      leg.close();
      return;
    }
    this.#leg = leg;
    leg.setMuted(this.#muted);
    this.#stopPlaying = platform.speaker.play(leg.remoteStream);
    this.#meter = platform.openMeter(leg.localStream, leg.remoteStream);
    for (const action of this.#early.splice(0)) void action();
    this.#handlers.opened(leg);
    this.#handlers.input({ kind: 'leg-ready' });
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #failed(error: HookswitchError, asked: boolean): void {
    if (this.#closed) return;
    // The server was not asked yet: the call still rings, and may be accepted when the microphone works.
    if (!asked) this.#handlers.input({ kind: 'accept-failed', error });
    else this.#handlers.input({ kind: 'failed', error });
  }

  #whenOpen(action: (leg: Leg) => Promise<void>): void {
    const run = async (): Promise<void> => {
      try {
        if (this.#leg !== undefined) await action(this.#leg);
      } catch (error) {
        this.#failed(toHookswitchError(error, 'mediaLost'), true);
      }
    };
    if (this.#leg === undefined) this.#early.push(run);
    else void run();
  }
}

async function discard(track: Promise<MediaStreamTrack>): Promise<void> {
  await track.then(
    (opened) => {
      opened.stop();
    },
    () => undefined,
  );
}
