import type { CallDirection, CallFinalStatus, EndCause, StatusEvent } from '@hookswitch/shared';
import type { RecordPosition } from '../tenants/ports.ts';
import type { CallerIds, UsageTriggers } from './declared-records.ts';

export type * from './declared-records.ts';

/**
 * What calls left behind, as REST reads it. Written by the projector from the events, and by whoever created something
 * that has to be readable at once. Every method rejects with RecordsError `unavailable` while the database does not answer.
 */

/** A piece of a list, newest first. */
export interface ListPart {
  readonly accountSid: string;
  /** Older than this one (`after`), or the closest newer ones (`before`). */
  readonly after?: RecordPosition;
  readonly before?: RecordPosition;
  readonly limit: number;
}
/** Epoch milliseconds; `until` is exclusive. */
export interface Span {
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

export type CallStatus = 'queued' | 'ringing' | 'in-progress' | CallFinalStatus;

/** Where the steps of a call are reported. */
export interface CallCallback {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly events: readonly StatusEvent[];
}

/** One leg. Times are RFC 3339. */
export interface CallRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly parentCallSid: string | null;
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly applicationSid: string | null;
  readonly trunkSid: string | null;
  readonly forwardedFrom: string | null;
  readonly answeredBy: string | null;
  readonly status: CallStatus;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** When it was dialled, or came in. */
  readonly startTime: string | null;
  readonly answeredAt: string | null;
  readonly endTime: string | null;
  /** Seconds from answer to end. */
  readonly duration: number | null;
  readonly queueTimeMs: number | null;
  readonly cause: EndCause | null;
  readonly message: string | null;
  readonly sipStatus: number | null;
  /** Process that holds it, and the fence that it published with; null: none does yet. */
  readonly node: string | null;
  readonly fence: number | null;
  /** Sequence of the last event that changed it; -1: none. */
  readonly sequence: number;
  readonly statusCallback: CallCallback | null;
  /** Changes so far. */
  readonly version: number;
}

/** A call that was asked for and that no node has taken yet. */
export type QueuedCall = Pick<
  CallRecord,
  'sid' | 'accountSid' | 'from' | 'to' | 'applicationSid' | 'createdAt' | 'statusCallback'
>;

export interface CallQuery extends ListPart {
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly parentCallSid?: string | undefined;
  readonly status?: CallStatus | undefined;
  readonly startTime?: Span;
  readonly endTime?: Span;
}

/** One step of a record's history: what it changed. */
export interface RecordVersion {
  /** From 1. */
  readonly version: number;
  readonly at: string;
  /** Event type, or `request` for what the API did. */
  readonly source: string;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** One request to an application server for a call. */
export interface ExchangeRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly callSid: string;
  readonly createdAt: string;
  readonly method: string;
  readonly url: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Null: no answer came. */
  readonly status: number | null;
  readonly contentType: string | null;
  readonly body: string | null;
  readonly durationMs: number | null;
}

/** Something that went wrong in a call, and that its owner can mend. */
export interface NotificationRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly callSid: string;
  readonly createdAt: string;
  readonly log: 'error' | 'warning';
  readonly code: number;
  readonly message: string;
  readonly hint: string | null;
  readonly requestMethod: string | null;
  readonly requestUrl: string | null;
}
export interface NotificationQuery extends ListPart {
  readonly callSid?: string | undefined;
  readonly log?: 'error' | 'warning' | undefined;
  readonly messageDate?: Span;
}

export interface RecordingRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly callSid: string;
  readonly conferenceSid: string | null;
  readonly source: string;
  readonly channels: number;
  readonly track: 'both' | 'inbound' | 'outbound';
  readonly status: 'in-progress' | 'paused' | 'completed' | 'absent' | 'failed' | 'deleted';
  readonly startTime: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly durationMs: number | null;
  readonly bytes: number | null;
  /** Why it failed. */
  readonly message: string | null;
}
export interface RecordingQuery extends ListPart {
  readonly callSid?: string | undefined;
  readonly conferenceSid?: string | undefined;
  readonly created?: Span;
  /** Deleted ones too. */
  readonly includeDeleted?: boolean;
}
export interface TranscriptionRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly recordingSid: string;
  readonly createdAt: string;
  readonly status: 'completed' | 'failed';
  readonly text: string;
  readonly durationMs: number | null;
}

export interface ConferenceRecord {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  readonly status: 'init' | 'in-progress' | 'completed';
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly endTime: string | null;
  readonly reason: string | null;
  /** CallSid of the participant whose leaving ended it. */
  readonly endedBy: string | null;
  readonly node: string | null;
}
export interface ConferenceQuery extends ListPart {
  readonly name?: string | undefined;
  readonly status?: ConferenceRecord['status'] | undefined;
  readonly created?: Span;
  readonly updated?: Span;
}
/** `sid`: of its call. */
export interface ParticipantRecord {
  readonly conferenceSid: string;
  readonly sid: string;
  readonly accountSid: string;
  readonly label: string | null;
  readonly muted: boolean;
  readonly hold: boolean;
  readonly coaching: boolean;
  readonly callSidToCoach: string | null;
  readonly startConferenceOnEnter: boolean;
  readonly endConferenceOnExit: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly leftAt: string | null;
}
export interface ParticipantQuery extends ListPart {
  readonly conferenceSid: string;
  readonly muted?: boolean | undefined;
  readonly hold?: boolean | undefined;
  readonly coaching?: boolean | undefined;
}

/** Usage of one account in one category on one day (UTC). */
export interface UsageDay {
  readonly category: string;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly count: number;
  /** In the category's unit. */
  readonly usage: number;
}

export interface CallRecords {
  /**
   * What was asked for, readable at once; the projector goes on from there.
   * @returns the call as it is recorded; undefined: it was known already, and nothing happened
   */
  insertQueued(call: QueuedCall): Promise<CallRecord | undefined>;
  get(accountSid: string, sid: string): Promise<CallRecord | undefined>;
  list(query: CallQuery): Promise<CallRecord[]>;
  /** A call that no node has taken is over. @returns false when it is past that */
  endQueued(sid: string, end: { status: CallFinalStatus; message: string; at: string }): Promise<boolean>;
  /** Where a call in progress is reported from now on. Nothing happens to one that is over. */
  changeCallback(sid: string, change: { readonly callback: CallCallback; readonly at: string }): Promise<void>;
  /** With everything that belongs to it, when it is over. */
  remove(accountSid: string, sid: string): Promise<'removed' | 'not-found' | 'in-progress'>;
  versions(accountSid: string, sid: string): Promise<RecordVersion[]>;
  exchanges(callSid: string, part: ListPart): Promise<ExchangeRecord[]>;
}
export interface NotificationRecords {
  get(accountSid: string, sid: string): Promise<NotificationRecord | undefined>;
  list(query: NotificationQuery): Promise<NotificationRecord[]>;
  remove(accountSid: string, sid: string): Promise<boolean>;
}
export interface UsageRecords {
  /** Days of the span with any usage, oldest first, of these accounts together. */
  days(
    accountSids: readonly string[],
    span: { readonly from?: string | undefined; readonly until?: string | undefined },
  ): Promise<UsageDay[]>;
}

export interface RecordingRecords {
  get(accountSid: string, sid: string): Promise<RecordingRecord | undefined>;
  list(query: RecordingQuery): Promise<RecordingRecord[]>;
  /** Its facts stay. @returns false when there is none, or it is deleted already */
  remove(accountSid: string, sid: string, at: string): Promise<boolean>;
  transcription(accountSid: string, sid: string): Promise<TranscriptionRecord | undefined>;
  transcriptions(part: ListPart & { readonly recordingSid?: string | undefined }): Promise<TranscriptionRecord[]>;
  removeTranscription(accountSid: string, sid: string): Promise<boolean>;
}
export interface ConferenceRecords {
  get(accountSid: string, sid: string): Promise<ConferenceRecord | undefined>;
  list(query: ConferenceQuery): Promise<ConferenceRecord[]>;
  /** Who is in it now. */
  participants(query: ParticipantQuery): Promise<ParticipantRecord[]>;
  /** By CallSid or label. */
  participant(accountSid: string, conferenceSid: string, name: string): Promise<ParticipantRecord | undefined>;
}
export interface Records {
  readonly callerIds: CallerIds;
  readonly calls: CallRecords;
  readonly recordings: RecordingRecords;
  readonly conferences: ConferenceRecords;
  readonly triggers: UsageTriggers;
  readonly notifications: NotificationRecords;
  readonly usage: UsageRecords;
}

/** Open calls of one process in one shard, as far as the events were read. */
export interface OpenCall extends CallRecord {
  readonly node: string;
}

/** What the projector writes to. */
export interface RecordsWriter {
  /** Where the shard stands; undefined: it was never read. */
  checkpoint(shard: number): Promise<Checkpoint | undefined>;
  /**
   * Writes all of it and moves the checkpoint on, or nothing: false when the checkpoint is not at `from` any more, or a
   * later holder of the shard has written.
   */
  apply(batch: ChangeBatch): Promise<boolean>;
  /** Processes that hold calls, by what was read so far. */
  openNodes(): Promise<{ readonly node: string; readonly fence: number }[]>;
  openCalls(node: string): Promise<OpenCall[]>;
}
/** Everything up to `seq` of the stream made at `epoch` is in the tables. */
export interface Checkpoint {
  readonly epoch: string;
  readonly seq: number;
}
export interface ChangeBatch {
  readonly shard: number;
  readonly from: Checkpoint | undefined;
  readonly to: Checkpoint;
  /** Of the duty that the projector holds. */
  readonly fence: number;
  readonly changes: RecordChanges;
}

/** Members left out stay as they are. */
export type CallPatch = Pick<CallRecord, 'sid' | 'accountSid' | 'direction' | 'from' | 'to' | 'updatedAt'> &
  Partial<CallRecord>;
export interface CallChange {
  readonly patch: CallPatch;
  readonly source: string;
}

export type RecordingPatch = Omit<RecordingRecord, 'createdAt' | 'durationMs' | 'bytes' | 'message'> &
  Partial<RecordingRecord>;
export type ConferencePatch = Pick<ConferenceRecord, 'sid' | 'accountSid' | 'name' | 'updatedAt'> &
  Partial<ConferenceRecord>;
export type ParticipantPatch = Omit<ParticipantRecord, 'createdAt' | 'leftAt'> & Partial<ParticipantRecord>;

/** What a run of events changes, in their order. */
export interface RecordChanges {
  readonly calls: readonly CallChange[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly notifications: readonly NotificationRecord[];
  readonly recordings: readonly RecordingPatch[];
  readonly transcriptions: readonly TranscriptionRecord[];
  readonly conferences: readonly ConferencePatch[];
  readonly participants: readonly ParticipantPatch[];
}
