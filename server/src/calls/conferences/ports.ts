/** Port of conferences: their audio. Implemented by bridge/conferences. */
import type { PlayMedia, RecordingOrder, RecordingOutcome } from '../ports.ts';

/** A participant's leg, wherever it is. */
export interface PartyAt {
  readonly callSid: string;
  readonly node: string;
}

export interface MixSettings {
  /** Hears and is not heard. */
  readonly muted: boolean;
  /** Neither hears the others nor is heard. */
  readonly held: boolean;
  /** CallSid of the only one who hears it (coaching); undefined: all do. */
  readonly audience: string | undefined;
}

export type ConferenceMediaEvent =
  | { readonly kind: 'talking'; readonly callSid: string; readonly talking: boolean }
  /** Its audio could not be connected, or was lost. */
  | { readonly kind: 'failed'; readonly callSid: string; readonly message: string }
  | { readonly kind: 'play-ended'; readonly playId: string; readonly ok: boolean };

/**
 * The audio of the conferences that this node owns. Commands return at once and never throw; unknown participants are
 * ignored. A conference that was not opened has no audio.
 */
export interface ConferenceMedia {
  /** `listener` hears what becomes of this conference's commands, until it is closed. */
  open(conferenceSid: string, listener: (event: ConferenceMediaEvent) => void): void;
  /** Lets the participant hear the others and be heard. */
  add(conferenceSid: string, party: PartyAt, settings: MixSettings): void;
  set(conferenceSid: string, callSid: string, change: Partial<MixSettings>): void;
  remove(conferenceSid: string, callSid: string): void;
  /** Everybody hears it, beside the others. `play-ended` follows. */
  play(conferenceSid: string, playId: string, media: PlayMedia): void;
  /**
   * Records the whole mix until the conference is closed. `stored` is called once, when what was taken up is safe.
   * @param party whose call the recording is written down with
   */
  startRecording(
    conferenceSid: string,
    party: { readonly accountSid: string; readonly callSid: string },
    order: RecordingOrder,
    stored: (outcome: RecordingOutcome) => void,
  ): void;
  /** `pause` with `skip`: the pause is left out; else it is silence. */
  changeRecording(
    conferenceSid: string,
    recordingSid: string,
    change: 'pause' | 'pause-skip' | 'resume' | 'stop',
  ): void;
  close(conferenceSid: string): void;
}
