import type {
  LegEvent,
  ListenOptions,
  MachineDetectionOptions,
  RecordingEndReason,
  RecordingOrder,
  RecordingOutcome,
} from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import { Recorder, channelsOf } from '../media/index.ts';
import type { Leg, RecordingFiles } from '../media/ports.ts';
import type { SpeechRecognizer } from './ports.ts';
import { MachineWatch } from './machine-watch.ts';
import { SpeechListener } from './speech-listener.ts';

export interface LegTapsParts {
  readonly callSid: string;
  readonly accountSid: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined: nothing can be recorded. */
  readonly recordings: RecordingFiles | undefined;
  /** Undefined: speech is not understood. */
  readonly recognizer: SpeechRecognizer | undefined;
  readonly post: (event: LegEvent) => void;
}

interface LiveRecording {
  readonly recorder: Recorder;
  /** Takes the recorder off the leg. */
  readonly release: () => void;
  readonly stored: (outcome: RecordingOutcome) => void;
}

/** What listens in on one leg beside its peer: recordings, speech, and who answered. Ends with the leg. */
export class LegTaps {
  readonly #parts: LegTapsParts;
  readonly #recordings = new Map<string, LiveRecording>();
  #speech: { readonly listenId: string; readonly listener: SpeechListener } | undefined;
  #machine: MachineWatch | undefined;

  constructor(parts: LegTapsParts) {
    this.#parts = parts;
  }

  record(
    leg: Pick<Leg, 'addSink'> | undefined,
    order: RecordingOrder,
    stored: (outcome: RecordingOutcome) => void,
  ): void {
    const { callSid, accountSid, clock, recordings, post } = this.#parts;
    const { recordingSid, options, source, callback } = order;
    if (this.#recordings.has(recordingSid)) return;
    if (leg === undefined || recordings === undefined) {
      const message = leg === undefined ? 'the leg has no media' : 'this node stores no recordings';
      this.#tellEnd(recordingSid, 'failed', 0);
      stored({ kind: 'failed', message });
      return;
    }
    const file = recordings.open({
      accountSid,
      callSid,
      recordingSid,
      channels: channelsOf(options),
      startedAt: clock.now(),
      memo: { source, callback, track: options.track, channels: options.channels },
    });
    const recorder = new Recorder(
      { clock, file, ...options },
      {
        ended: (reason, durationMs) => {
          this.#finish(recordingSid, reason, durationMs);
        },
      },
    );
    this.#recordings.set(recordingSid, { recorder, release: leg.addSink(recorder), stored });
    post({ kind: 'recording-started', callSid, recordingSid });
  }

  pause(recordingSid: string, skip: boolean): void {
    this.#recordings.get(recordingSid)?.recorder.pause(skip);
  }

  resume(recordingSid: string): void {
    this.#recordings.get(recordingSid)?.recorder.resume();
  }

  stop(recordingSid: string, reason: RecordingEndReason = 'stopped'): void {
    const recorder = this.#recordings.get(recordingSid)?.recorder;
    if (recorder !== undefined) this.#finish(recordingSid, reason, recorder.stop());
  }

  listen(leg: Leg | undefined, listenId: string, options: ListenOptions): void {
    const { callSid, accountSid, clock, recognizer, post } = this.#parts;
    this.#speech?.listener.close();
    this.#speech = undefined;
    if (leg === undefined || recognizer === undefined) {
      const message = leg === undefined ? 'the leg has no media' : 'this node has no speech recognizer';
      post({ kind: 'speech-ended', callSid, listenId, result: { kind: 'failed', message } });
      return;
    }
    const listener = new SpeechListener(
      { leg, clock, recognizer, accountSid, options },
      {
        began: () => {
          post({ kind: 'speech-began', callSid, listenId });
        },
        partial: (text) => {
          post({ kind: 'speech-partial', callSid, listenId, text });
        },
        ended: (result) => {
          if (this.#speech?.listenId === listenId) this.#speech = undefined;
          post({ kind: 'speech-ended', callSid, listenId, result });
        },
      },
    );
    this.#speech = { listenId, listener };
  }

  stopListening(listenId: string): void {
    if (this.#speech?.listenId !== listenId) return;
    this.#speech.listener.close();
    this.#speech = undefined;
  }

  detectMachine(leg: Leg | undefined, options: MachineDetectionOptions): void {
    const { callSid, clock, post } = this.#parts;
    this.#machine?.close();
    this.#machine = undefined;
    if (leg === undefined) {
      post({ kind: 'machine-detected', callSid, answeredBy: 'unknown', durationMs: 0 });
      return;
    }
    this.#machine = new MachineWatch({ leg, clock, options }, (answeredBy, durationMs) => {
      post({ kind: 'machine-detected', callSid, answeredBy, durationMs });
    });
  }

  /** The leg is about to end. */
  close(): void {
    this.#speech?.listener.close();
    this.#machine?.close();
    for (const recordingSid of [...this.#recordings.keys()]) this.stop(recordingSid, 'leg-ended');
  }

  #finish(recordingSid: string, reason: RecordingEndReason, durationMs: number): void {
    const live = this.#recordings.get(recordingSid);
    if (live === undefined) return;
    this.#recordings.delete(recordingSid);
    live.release();
    this.#tellEnd(recordingSid, reason, durationMs);
    live.recorder.close().then(
      ({ bytes }) => {
        live.stored(durationMs === 0 ? { kind: 'absent' } : { kind: 'completed', durationMs, bytes });
      },
      (error: unknown) => {
        this.#parts.log.error({ err: error, recordingSid }, 'a recording could not be stored');
        live.stored({ kind: 'failed', message: describeError(error) });
      },
    );
  }

  #tellEnd(recordingSid: string, reason: RecordingEndReason, durationMs: number): void {
    const { callSid, post } = this.#parts;
    post({ kind: 'recording-ended', callSid, recordingSid, reason, durationMs });
  }
}
