import { sidFromHex } from '@hookswitch/shared';
import type { EventData } from '@hookswitch/shared';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import type { CallControlRequest, Callbacks, EventSink, Legs } from '../ports.ts';
import { transcribedTracks } from './transcription-order.ts';
import type { TranscriptionContent, TranscriptionOrder, WhichTranscription } from './transcription-order.ts';

export interface TranscriptionDeskOptions {
  readonly legs: Legs;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is known of a transcription while it goes on. */
export interface TranscriptionFacts {
  readonly accountSid: string;
  readonly callSid: string;
  readonly transcriptionSid: string;
  readonly name: string;
}

interface Live extends TranscriptionFacts {
  readonly order: TranscriptionOrder;
  /** Of its next callback. */
  sequence: number;
}

type TranscriptionEvent = 'transcription.started' | 'transcription.stopped' | 'transcription.failed';
type Content = EventData<'transcription.content'>;

/** The transcriptions in real time of this node's legs: publishes their events, and tells the callbacks that were asked for. */
export class TranscriptionDesk {
  readonly #options: TranscriptionDeskOptions;
  readonly #live = new Map<string, Live>();

  constructor(options: TranscriptionDeskOptions) {
    this.#options = options;
  }

  /** Transcriptions that have not ended. */
  get size(): number {
    return this.#live.size;
  }

  start(accountSid: string, callSid: string, order: TranscriptionOrder): void {
    const { transcriptionSid, name } = order;
    if (this.#live.has(transcriptionSid)) return;
    const live: Live = { accountSid, callSid, transcriptionSid, name, order, sequence: 1 };
    this.#live.set(transcriptionSid, live);
    this.#options.legs.startTranscription(callSid, order, {
      started: () => {
        this.#emit(live, 'transcription.started', {});
        this.#tell(live, 'transcription-started', startFacts(order));
      },
      content: (content) => {
        this.#content(live, content);
      },
      ended: (problem) => {
        if (!this.#live.delete(transcriptionSid)) return;
        if (problem === undefined) {
          this.#emit(live, 'transcription.stopped', {});
          this.#tell(live, 'transcription-stopped', {});
        } else {
          this.#emit(live, 'transcription.failed', problem);
          const { code, message } = problem;
          this.#tell(live, 'transcription-error', {
            TranscriptionErrorCode: String(code),
            TranscriptionError: message,
          });
        }
      },
    });
  }

  /** One that no verb asked for. */
  begin(
    accountSid: string,
    callSid: string,
    request: Extract<CallControlRequest, { kind: 'start-transcription' }>,
  ): TranscriptionFacts {
    const { name, track, language, hints, partial, labels, callback } = request;
    const transcriptionSid = sidFromHex('realtimeTranscription', randomHex(this.#options.random, 16));
    const tracks = transcribedTracks(track);
    this.start(accountSid, callSid, { transcriptionSid, name, tracks, language, hints, partial, labels, callback });
    return { accountSid, callSid, transcriptionSid, name };
  }

  /** @returns what it is about; undefined: the leg has no such transcription */
  stop(callSid: string, which: WhichTranscription): TranscriptionFacts | undefined {
    const meant = [...this.#live.values()].filter((live) => live.callSid === callSid && isMeant(live, which));
    for (const { transcriptionSid } of meant) this.#options.legs.stopTranscription(callSid, transcriptionSid);
    return meant[0];
  }

  #content(live: Live, { track, text, confidence, final }: TranscriptionContent): void {
    const known = confidence === undefined ? {} : { confidence };
    this.#emit(live, 'transcription.content', { track, text, final, ...known });
    this.#tell(live, 'transcription-content', {
      TranscriptionData: JSON.stringify({ transcript: text, ...known }),
      Track: `${track}_track`,
      Final: String(final),
      ...(final ? {} : { Stability: '0.5' }),
    });
  }

  #emit(
    { accountSid, callSid, transcriptionSid, name, order }: Live,
    type: TranscriptionEvent | 'transcription.content',
    more: { readonly code?: number; readonly message?: string } & Partial<Content>,
  ): void {
    const { tracks, language } = order;
    const data = { transcriptionSid, callSid, name, tracks: [...tracks], language, ...more };
    this.#options.events.emit({ accountSid, type, subject: transcriptionSid, data });
  }

  #tell(live: Live, event: string, more: Readonly<Record<string, string>>): void {
    const { accountSid, callSid, transcriptionSid, order } = live;
    const { callback, language } = order;
    if (callback === undefined) return;
    const params = {
      AccountSid: accountSid,
      CallSid: callSid,
      TranscriptionSid: transcriptionSid,
      TranscriptionEvent: event,
      LanguageCode: language,
      Timestamp: new Date(this.#options.clock.now()).toISOString(),
      SequenceId: String(live.sequence++),
      ...more,
    };
    this.#options.callbacks.send({ accountSid, callSid, url: callback.url, method: callback.method, params });
  }
}

function isMeant({ name, transcriptionSid }: Live, which: WhichTranscription): boolean {
  if (which === 'all') return true;
  return 'name' in which ? name === which.name : transcriptionSid === which.transcriptionSid;
}

/** What only the first callback says. */
function startFacts({ name, tracks, partial, labels }: TranscriptionOrder): Record<string, string> {
  const { inbound, outbound } = labels;
  return {
    ...(name === '' ? {} : { Name: name }),
    Track: tracks.length > 1 ? 'both_tracks' : `${tracks[0] ?? 'inbound'}_track`,
    PartialResults: String(partial),
    TranscriptionEngine: 'hookswitch',
    ...(inbound === undefined ? {} : { InboundTrackLabel: inbound }),
    ...(outbound === undefined ? {} : { OutboundTrackLabel: outbound }),
  };
}
