import { randomHex } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { sidFromHex } from '@hookswitch/shared';
import type { EventType, RecordingEvent } from '@hookswitch/shared';
import type {
  Callbacks,
  EventSink,
  Legs,
  RecordOptions,
  RecordingCallback,
  RecordingOrder,
  RecordingOutcome,
  RecordingSource,
  Transcriber,
} from '../ports.ts';

export interface RecordingDeskOptions {
  readonly legs: Pick<Legs, 'startRecording' | 'stopRecording' | 'pauseRecording' | 'resumeRecording'>;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where an account's recordings are to be had; a sid is appended. */
  readonly recordingsUrl: (accountSid: string) => string;
  /** Undefined: nothing is transcribed. */
  readonly transcriber?: Transcriber | undefined;
}

/** What is known of a recording from its order on. */
export interface RecordingFacts {
  readonly accountSid: string;
  readonly callSid: string;
  readonly recordingSid: string;
  readonly source: RecordingSource;
  readonly channels: RecordOptions['channels'];
  readonly track: RecordOptions['track'];
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

interface Live extends RecordingFacts {
  readonly callback: RecordingCallback | undefined;
  readonly transcribe: RecordingOrder['transcribe'];
  paused: boolean;
}

export type RecordingChange =
  { readonly kind: 'pause'; readonly behavior: 'skip' | 'silence' } | { readonly kind: 'resume' | 'stop' };

/**
 * The recordings of this node's legs from their order until they are safe, which may be after the end of the call:
 * publishes their events, and tells the callbacks that were asked for.
 */
export class RecordingDesk {
  readonly #options: RecordingDeskOptions;
  readonly #live = new Map<string, Live>();

  constructor(options: RecordingDeskOptions) {
    this.#options = options;
  }

  /** Recordings that are not safe yet. */
  get size(): number {
    return this.#live.size;
  }

  start(accountSid: string, callSid: string, order: RecordingOrder): void {
    const { recordingSid, source, options, callback, transcribe } = order;
    if (this.#live.has(recordingSid)) return;
    const { channels, track } = options;
    const startedAt = this.#options.clock.now();
    const facts = { accountSid, callSid, recordingSid, source, channels, track, startedAt };
    const live: Live = { ...facts, callback, transcribe, paused: false };
    this.#live.set(recordingSid, live);
    this.#emit(live, 'recording.started', {});
    this.#tell(live, 'in-progress', {});
    this.#options.legs.startRecording(callSid, order, (outcome) => {
      this.#stored(live, outcome);
    });
  }

  /** Recordings of a leg that still go on, the oldest first. */
  of(callSid: string): RecordingFacts[] {
    return [...this.#live.values()].filter((live) => live.callSid === callSid);
  }

  /** Ends what `<Start><Recording>` began. */
  stopStarted(callSid: string): void {
    for (const { recordingSid, source } of this.of(callSid)) {
      if (source === 'StartCallRecordingTwiML') this.#options.legs.stopRecording(callSid, recordingSid);
    }
  }

  /** @param recordingSid undefined: the only one, or the latest. @returns what it is about; undefined when there is none */
  change(callSid: string, recordingSid: string | undefined, change: RecordingChange): RecordingFacts | undefined {
    const sid = recordingSid ?? this.of(callSid).at(-1)?.recordingSid;
    const live = sid === undefined ? undefined : this.#live.get(sid);
    if (live?.callSid !== callSid) return undefined;
    const { legs } = this.#options;
    if (change.kind === 'stop') legs.stopRecording(callSid, live.recordingSid);
    else if (change.kind === 'pause' && !live.paused) {
      legs.pauseRecording(callSid, live.recordingSid, change.behavior);
      live.paused = true;
      this.#emit(live, 'recording.paused', {});
    } else if (change.kind === 'resume' && live.paused) {
      legs.resumeRecording(callSid, live.recordingSid);
      live.paused = false;
      this.#emit(live, 'recording.resumed', {});
    }
    return live;
  }

  #stored(live: Live, outcome: RecordingOutcome): void {
    if (!this.#live.delete(live.recordingSid)) return;
    switch (outcome.kind) {
      case 'completed': {
        const { durationMs, bytes } = outcome;
        this.#emit(live, 'recording.completed', { durationSeconds: durationMs / 1000, bytes });
        this.#tell(live, 'completed', { RecordingDuration: String(Math.max(1, Math.round(durationMs / 1000))) });
        if (live.transcribe !== undefined) void this.#transcribe(live);
        return;
      }
      case 'absent':
        this.#emit(live, 'recording.absent', {});
        this.#tell(live, 'absent', { RecordingDuration: '0' });
        return;
      case 'failed': {
        const { message } = outcome;
        const { callSid, recordingSid } = live;
        this.#emit(live, 'recording.failed', { message });
        this.#options.log.error({ callSid, recordingSid }, `a recording is lost: ${message}`);
        // Who waits for a completed recording must not wait for ever.
        this.#tell(live, 'completed', { RecordingStatus: 'failed', RecordingDuration: '0', ErrorCode: '12400' });
      }
    }
  }

  /** @see Transcriber */
  async #transcribe(live: Live): Promise<void> {
    const { transcriber, random, callbacks } = this.#options;
    const { accountSid, callSid, recordingSid, transcribe } = live;
    const transcriptionSid = sidFromHex('transcription', randomHex(random, 16));
    const result =
      transcriber === undefined
        ? ({ ok: false, message: 'this server has no recognizer' } as const)
        : await transcriber.transcribe({ accountSid, recordingSid });
    const status = result.ok ? 'completed' : 'failed';
    const text = result.ok ? result.text : '';
    const message = result.ok ? {} : { message: result.message };
    this.#emit(live, 'recording.transcribed', { transcriptionSid, status, text, ...message });
    if (transcribe?.url === undefined) return;
    const url = this.#url(live);
    const params = {
      AccountSid: accountSid,
      CallSid: callSid,
      RecordingSid: recordingSid,
      RecordingUrl: url,
      TranscriptionSid: transcriptionSid,
      TranscriptionText: text,
      TranscriptionStatus: status,
      TranscriptionType: 'fast',
      TranscriptionUrl: `${url}/Transcriptions/${transcriptionSid}`,
      ApiVersion: '2010-04-01',
    };
    callbacks.send({ accountSid, callSid, url: transcribe.url, method: 'POST', params });
  }

  #emit(
    { accountSid, callSid, recordingSid, source, channels, track, startedAt }: Live,
    type: Extract<EventType, `recording.${string}`>,
    more: object,
  ): void {
    const count = channels === 'dual' ? 2 : 1;
    const common = { recordingSid, callSid, source, channels: count, track, startedAt };
    this.#options.events.emit({
      accountSid,
      type,
      subject: recordingSid,
      data: { ...common, ...more },
    });
  }

  #tell(live: Live, event: RecordingEvent, more: Readonly<Record<string, string>>): void {
    const { accountSid, callSid, recordingSid, source, channels, track, startedAt, callback } = live;
    if (callback?.events.includes(event) !== true) return;
    const params = {
      AccountSid: accountSid,
      CallSid: callSid,
      RecordingSid: recordingSid,
      RecordingUrl: this.#url(live),
      RecordingStatus: event,
      RecordingChannels: channels === 'dual' ? '2' : '1',
      RecordingStartTime: new Date(startedAt).toUTCString().replace('GMT', '+0000'),
      RecordingSource: source,
      RecordingTrack: track,
      ErrorCode: '0',
      ...more,
    };
    this.#options.callbacks.send({ accountSid, callSid, url: callback.url, method: callback.method, params });
  }

  #url({ accountSid, recordingSid }: RecordingFacts): string {
    return `${this.#options.recordingsUrl(accountSid)}${recordingSid}`;
  }
}
