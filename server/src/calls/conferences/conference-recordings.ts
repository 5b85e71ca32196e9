import { sidFromHex } from '@hookswitch/shared';
import type { EventData } from '@hookswitch/shared';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { Callbacks, EventSink } from '../ports.ts';
import { RecordingDesk } from '../recordings/recording-desk.ts';
import type { RecordWish } from './conference-state.ts';
import type { ConferenceMedia } from './ports.ts';

export interface ConferenceRecordingsOptions {
  readonly media: ConferenceMedia;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly apiUrl?: () => string;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

interface Recorded {
  readonly accountSid: string;
  readonly conferenceSid: string;
  /** The call that it is written down with: of the participant that had joined first. */
  readonly callSid: string;
  /** Who is told when it is safe, in the older form of this (`eventCallbackUrl`). */
  readonly eventUrl?: string | undefined;
}

/** Longest recording, milliseconds: a day. */
const MAX_MS = 86_400_000;

/** Recordings of this node's conferences: like those of legs, of the whole mix, and named by their conference as well. */
export class ConferenceRecordings {
  readonly #options: ConferenceRecordingsOptions;
  readonly #desk: RecordingDesk;
  /** Until they are safe, the oldest first. */
  readonly #live = new Map<string, Recorded>();

  constructor(options: ConferenceRecordingsOptions) {
    this.#options = options;
    const { media, clock, random, log, apiUrl } = options;
    const change = (recordingSid: string, what: Parameters<ConferenceMedia['changeRecording']>[2]): void => {
      const recorded = this.#live.get(recordingSid);
      if (recorded !== undefined) media.changeRecording(recorded.conferenceSid, recordingSid, what);
    };
    this.#desk = new RecordingDesk({
      clock,
      random,
      log,
      recordingsUrl: (accountSid) => `${apiUrl?.() ?? ''}/2010-04-01/Accounts/${accountSid}/Recordings/`,
      events: this.#events(),
      callbacks: this.#callbacks(),
      legs: {
        startRecording: (_callSid, order, stored) => {
          const recorded = this.#live.get(order.recordingSid);
          if (recorded === undefined) return;
          media.startRecording(recorded.conferenceSid, recorded, order, (outcome) => {
            stored(outcome);
            this.#live.delete(order.recordingSid);
          });
        },
        stopRecording: (_callSid, recordingSid) => {
          change(recordingSid, 'stop');
        },
        pauseRecording: (_callSid, recordingSid, behavior) => {
          change(recordingSid, behavior === 'skip' ? 'pause-skip' : 'pause');
        },
        resumeRecording: (_callSid, recordingSid) => {
          change(recordingSid, 'resume');
        },
      },
    });
  }

  /** @returns its sid */
  start(
    recorded: Omit<Recorded, 'eventUrl'>,
    { trim, callback, eventUrl }: RecordWish,
    source: 'Conference' | 'StartConferenceRecordingAPI' = 'Conference',
  ): string {
    const recordingSid = sidFromHex('recording', randomHex(this.#options.random, 16));
    this.#live.set(recordingSid, { ...recorded, eventUrl });
    const options = { channels: 'mono', track: 'both', trim, endSilenceMs: undefined, maxMs: MAX_MS } as const;
    const order = { recordingSid, source, options, callback, transcribe: undefined } as const;
    this.#desk.start(recorded.accountSid, recorded.callSid, order);
    return recordingSid;
  }

  /** @param recordingSid undefined: the latest of the conference. @returns false when there is none that goes on */
  change(
    conferenceSid: string,
    recordingSid: string | undefined,
    change: Parameters<ConferenceMedia['changeRecording']>[2],
  ): boolean {
    const own = [...this.#live].filter(([, recorded]) => recorded.conferenceSid === conferenceSid);
    const [sid, recorded] = own.findLast(([each]) => recordingSid === undefined || each === recordingSid) ?? [];
    if (sid === undefined || recorded === undefined) return false;
    const wish =
      change === 'pause' || change === 'pause-skip'
        ? ({ kind: 'pause', behavior: change === 'pause' ? 'silence' : 'skip' } as const)
        : { kind: change };
    return this.#desk.change(recorded.callSid, sid, wish) !== undefined;
  }

  #events(): EventSink {
    return {
      emit: (event) => {
        const { recordingSid } = event.data as { recordingSid?: string };
        const recorded = this.#live.get(recordingSid ?? '');
        this.#options.events.emit({ ...event, data: { ...event.data, conferenceSid: recorded?.conferenceSid } });
        if (recorded !== undefined && event.type === 'recording.completed') this.#tellEvent(recorded, event.data);
      },
    };
  }

  /** `conference-record-end`, for those who asked by `eventCallbackUrl`. */
  #tellEvent({ accountSid, conferenceSid, callSid, eventUrl }: Recorded, data: object): void {
    if (eventUrl === undefined) return;
    const { recordingSid, durationSeconds, bytes } = data as EventData<'recording.completed'>;
    const base = `${this.#options.apiUrl?.() ?? ''}/2010-04-01/Accounts/${accountSid}/Recordings/`;
    const params = {
      EventName: 'conference-record-end',
      AccountSid: accountSid,
      ConferenceSid: conferenceSid,
      RecordingSid: recordingSid,
      RecordingUrl: `${base}${recordingSid}`,
      RecordingDuration: String(Math.round(durationSeconds)),
      Duration: String(Math.round(durationSeconds)),
      RecordingFileSize: String(bytes),
      timestamp: String(Math.floor(this.#options.clock.now() / 1000)),
    };
    this.#options.callbacks.send({ accountSid, callSid, url: eventUrl, method: 'POST', params });
  }

  #callbacks(): Callbacks {
    return {
      send: (request) => {
        const { params } = request;
        const conferenceSid = this.#live.get(params['RecordingSid'] ?? '')?.conferenceSid ?? '';
        this.#options.callbacks.send({ ...request, params: { ...params, ConferenceSid: conferenceSid } });
      },
    };
  }
}
