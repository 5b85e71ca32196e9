import {
  bigint,
  bigserial,
  boolean,
  date,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type {
  CallCallback,
  CallRecord,
  CallStatus,
  ConferenceRecord,
  NotificationRecord,
  RecordingRecord,
  TranscriptionRecord,
  UsageTriggerRecord,
} from './ports.ts';

/** Tables of what calls left behind. After a change: `npx drizzle-kit generate` (see migrations/README.md). */
export const records = pgSchema('records');

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });

/** How far each shard of the event streams was read. */
export const checkpoints = records.table('checkpoints', {
  shard: integer().primaryKey(),
  epoch: text().notNull(),
  seq: bigint({ mode: 'number' }).notNull(),
  fence: bigint({ mode: 'number' }).notNull(),
});

export const calls = records.table(
  'calls',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    parentCallSid: text('parent_call_sid'),
    direction: text().$type<CallRecord['direction']>().notNull(),
    from: text('caller').notNull(),
    to: text('called').notNull(),
    applicationSid: text('application_sid'),
    trunkSid: text('trunk_sid'),
    forwardedFrom: text('forwarded_from'),
    answeredBy: text('answered_by'),
    status: text().$type<CallStatus>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    startTime: time('start_time'),
    answeredAt: time('answered_at'),
    endTime: time('end_time'),
    duration: integer(),
    queueTimeMs: integer('queue_time_ms'),
    cause: text().$type<CallRecord['cause']>(),
    message: text(),
    sipStatus: integer('sip_status'),
    node: text(),
    fence: bigint({ mode: 'number' }),
    sequence: integer().notNull().default(-1),
    statusCallback: jsonb('status_callback').$type<CallCallback>(),
    version: integer().notNull().default(1),
  },
  (table) => {
    const newest = [table.createdAt, table.sid] as const;
    return [
      index('calls_account').on(table.accountSid, ...newest),
      index('calls_status').on(table.accountSid, table.status, ...newest),
      index('calls_to').on(table.accountSid, table.to, ...newest),
      index('calls_from').on(table.accountSid, table.from, ...newest),
      index('calls_parent')
        .on(table.parentCallSid)
        .where(sql`parent_call_sid is not null`),
      index('calls_started').on(table.accountSid, table.startTime),
      index('calls_ended').on(table.accountSid, table.endTime),
      index('calls_open')
        .on(table.node)
        .where(sql`end_time is null and node is not null`),
    ];
  },
);

export const callVersions = records.table(
  'call_versions',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    callSid: text('call_sid').notNull(),
    at: time('at').notNull(),
    source: text().notNull(),
    changes: jsonb().$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('call_versions_call').on(table.callSid, table.id)],
);

export const exchanges = records.table(
  'exchanges',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    callSid: text('call_sid').notNull(),
    createdAt: time('created_at').notNull(),
    method: text().notNull(),
    url: text().notNull(),
    parameters: jsonb().$type<Record<string, string>>().notNull(),
    status: integer(),
    contentType: text('content_type'),
    body: text(),
    durationMs: integer('duration_ms'),
  },
  (table) => [index('exchanges_call').on(table.callSid, table.createdAt, table.sid)],
);

export const notifications = records.table(
  'notifications',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    callSid: text('call_sid').notNull(),
    createdAt: time('created_at').notNull(),
    log: text().$type<NotificationRecord['log']>().notNull(),
    code: integer().notNull(),
    message: text().notNull(),
    hint: text(),
    requestMethod: text('request_method'),
    requestUrl: text('request_url'),
  },
  (table) => [
    index('notifications_account').on(table.accountSid, table.createdAt, table.sid),
    index('notifications_call').on(table.callSid),
  ],
);

export const usageDays = records.table(
  'usage_days',
  {
    accountSid: text('account_sid').notNull(),
    category: text().notNull(),
    day: date({ mode: 'string' }).notNull(),
    count: bigint({ mode: 'number' }).notNull(),
    usage: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountSid, table.day, table.category] })],
);

export const recordings = records.table(
  'recordings',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    callSid: text('call_sid').notNull(),
    conferenceSid: text('conference_sid'),
    source: text().notNull(),
    channels: integer().notNull(),
    track: text().$type<RecordingRecord['track']>().notNull(),
    status: text().$type<RecordingRecord['status']>().notNull(),
    startTime: time('start_time').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    durationMs: integer('duration_ms'),
    bytes: bigint({ mode: 'number' }),
    message: text(),
  },
  (table) => [
    index('recordings_account').on(table.accountSid, table.createdAt, table.sid),
    index('recordings_call').on(table.callSid),
    index('recordings_conference').on(table.conferenceSid),
  ],
);

export const transcriptions = records.table(
  'transcriptions',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    recordingSid: text('recording_sid').notNull(),
    createdAt: time('created_at').notNull(),
    status: text().$type<TranscriptionRecord['status']>().notNull(),
    text: text().notNull(),
    durationMs: integer('duration_ms'),
  },
  (table) => [
    index('transcriptions_account').on(table.accountSid, table.createdAt, table.sid),
    index('transcriptions_recording').on(table.recordingSid),
  ],
);

export const conferences = records.table(
  'conferences',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    name: text().notNull(),
    status: text().$type<ConferenceRecord['status']>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    endTime: time('end_time'),
    reason: text(),
    endedBy: text('ended_by'),
    node: text(),
  },
  (table) => [
    index('conferences_account').on(table.accountSid, table.createdAt, table.sid),
    index('conferences_name').on(table.accountSid, table.name, table.createdAt, table.sid),
    index('conferences_status').on(table.accountSid, table.status, table.createdAt, table.sid),
  ],
);

/** One stay of a call in a conference: who comes again has the row of before. */
export const participants = records.table(
  'participants',
  {
    conferenceSid: text('conference_sid').notNull(),
    sid: text('call_sid').notNull(),
    accountSid: text('account_sid').notNull(),
    label: text(),
    muted: boolean().notNull(),
    hold: boolean().notNull(),
    coaching: boolean().notNull(),
    callSidToCoach: text('call_sid_to_coach'),
    startConferenceOnEnter: boolean('start_on_enter').notNull(),
    endConferenceOnExit: boolean('end_on_exit').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    leftAt: time('left_at'),
  },
  (table) => [primaryKey({ columns: [table.conferenceSid, table.sid] })],
);

export const usageTriggers = records.table(
  'usage_triggers',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    name: text().notNull(),
    category: text().notNull(),
    triggerBy: text('trigger_by').$type<UsageTriggerRecord['triggerBy']>().notNull(),
    /** What it is reached at, and where the usage stood when it was made. */
    value: bigint({ mode: 'number' }).notNull(),
    relative: boolean().notNull(),
    base: bigint({ mode: 'number' }).notNull(),
    recurring: text().$type<UsageTriggerRecord['recurring']>(),
    callbackUrl: text('callback_url').notNull(),
    callbackMethod: text('callback_method').$type<'GET' | 'POST'>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    firedAt: time('fired_at'),
    /** First day of the period that it fired in. */
    firedFor: date('fired_for', { mode: 'string' }),
  },
  (table) => [index('usage_triggers_account').on(table.accountSid, table.createdAt, table.sid)],
);

/** Numbers that an account may show as its caller without having them here. */
export const callerIds = records.table(
  'caller_ids',
  {
    sid: text().primaryKey(),
    accountSid: text('account_sid').notNull(),
    number: text().notNull(),
    name: text().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [uniqueIndex('caller_ids_number').on(table.accountSid, table.number)],
);
