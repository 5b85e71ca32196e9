import { createHash } from 'node:crypto';
import { eventDataSchemas } from '@hookswitch/shared';
import type { EventData, EventType, HookswitchEvent } from '@hookswitch/shared';
import type {
  CallChange,
  CallPatch,
  ConferencePatch,
  ExchangeRecord,
  NotificationRecord,
  ParticipantPatch,
  RecordChanges,
  RecordingPatch,
  TranscriptionRecord,
} from './ports.ts';

/** An event as the stream has it. */
export interface ProjectedEvent {
  readonly topic: string;
  readonly event: HookswitchEvent;
}

/** What one type of event changes. */
export interface Handler {
  /** How the event's own topic begins. */
  readonly topics: string;
  readonly apply: (projection: Projection, data: never, event: HookswitchEvent) => void;
}
export type Handlers = Partial<Record<EventType, Handler>>;

/** A handler whose data is that of its type. */
export function on<T extends EventType>(
  _type: T,
  topics: string,
  apply: (projection: Projection, data: EventData<T>, event: HookswitchEvent) => void,
): Handler {
  return { topics, apply };
}

type Common = Pick<EventData<'call.ringing'>, 'callSid' | 'parentCallSid' | 'direction' | 'from' | 'to'> & {
  readonly applicationSid?: string | undefined;
};

/**
 * What events mean for the tables. Pure: changes are gathered in the order of the events, and written together.
 * What is not the event's own topic (numbers have copies) and what is not of a known shape changes nothing.
 */
export class Projection {
  readonly #handlers: Handlers;
  readonly #calls: CallChange[] = [];
  readonly #exchanges: ExchangeRecord[] = [];
  readonly #notifications: NotificationRecord[] = [];
  readonly #recordings: RecordingPatch[] = [];
  readonly #transcriptions: TranscriptionRecord[] = [];
  readonly #conferences: ConferencePatch[] = [];
  readonly #participants: ParticipantPatch[] = [];

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  get changes(): RecordChanges {
    return {
      calls: this.#calls,
      exchanges: this.#exchanges,
      notifications: this.#notifications,
      recordings: this.#recordings,
      transcriptions: this.#transcriptions,
      conferences: this.#conferences,
      participants: this.#participants,
    };
  }

  /** @returns false for an event whose data is not what its type says */
  add({ topic, event }: ProjectedEvent): boolean {
    const handler = this.#handlers[event.type as EventType];
    if (handler === undefined || !topic.startsWith(handler.topics)) return true;
    const data = eventDataSchemas[event.type as EventType].safeParse(event.data);
    if (!data.success) return false;
    handler.apply(this, data.data as never, event);
    return true;
  }

  call(event: HookswitchEvent, data: Common, facts: Partial<CallPatch>): void {
    const { callSid, parentCallSid, applicationSid, direction, from, to } = data;
    const patch: CallPatch = {
      sid: callSid,
      accountSid: event.accountsid,
      direction,
      from,
      to,
      updatedAt: event.time,
      node: event.source,
      ...(event.fence === undefined ? {} : { fence: event.fence }),
      ...(event.sequence === undefined ? {} : { sequence: event.sequence }),
      ...(parentCallSid === undefined ? {} : { parentCallSid }),
      ...(applicationSid === undefined ? {} : { applicationSid }),
      ...facts,
    };
    this.#calls.push({ patch, source: event.type });
  }

  exchange(
    event: HookswitchEvent,
    callSid: string,
    facts: Partial<ExchangeRecord> & { url: string; method: string },
  ): void {
    this.#exchanges.push({
      sid: derivedSid('EX', event.id),
      accountSid: event.accountsid,
      callSid,
      createdAt: event.time,
      parameters: {},
      status: null,
      contentType: null,
      body: null,
      durationMs: null,
      ...facts,
    });
  }

  recording(patch: RecordingPatch): void {
    this.#recordings.push(patch);
  }

  transcription(record: TranscriptionRecord): void {
    this.#transcriptions.push(record);
  }

  conference(patch: ConferencePatch): void {
    this.#conferences.push(patch);
  }

  participant(patch: ParticipantPatch): void {
    this.#participants.push(patch);
  }

  notify(
    event: HookswitchEvent,
    callSid: string,
    facts: Pick<NotificationRecord, 'log' | 'code' | 'message'> & Partial<NotificationRecord>,
  ): void {
    this.#notifications.push({
      sid: derivedSid('NO', event.id),
      accountSid: event.accountsid,
      callSid,
      createdAt: event.time,
      hint: null,
      requestMethod: null,
      requestUrl: null,
      ...facts,
    });
  }
}

/** The same event makes the same record, however often it is read. */
function derivedSid(prefix: string, eventId: string): string {
  return `${prefix}${createHash('sha256').update(`${prefix}/${eventId}`).digest('hex').slice(0, 32)}`;
}
