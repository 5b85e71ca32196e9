/** Column, its SQL type, and the member of the record that it holds. */
export type Column = readonly [column: string, type: string, member: string];

/** A table whose rows are made and changed by patches. */
export interface Patched {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  /** Of the first writer for good. */
  readonly kept: readonly string[];
  /** Columns in which a patch says null and means it. */
  readonly nullable: readonly string[];
  /** SQL over `c`, the row as it is: while it is true, the row changes no more. */
  readonly frozen: string;
  /** What a row begins with, by column; said of a row that is there, it changes nothing. */
  readonly begins: Readonly<Record<string, string>>;
}

export const EXCHANGE: readonly Column[] = [
  ['sid', 'text', 'sid'],
  ['account_sid', 'text', 'accountSid'],
  ['call_sid', 'text', 'callSid'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['method', 'text', 'method'],
  ['url', 'text', 'url'],
  ['parameters', 'jsonb', 'parameters'],
  ['status', 'integer', 'status'],
  ['content_type', 'text', 'contentType'],
  ['body', 'text', 'body'],
  ['duration_ms', 'integer', 'durationMs'],
];
export const NOTIFICATION: readonly Column[] = [
  ['sid', 'text', 'sid'],
  ['account_sid', 'text', 'accountSid'],
  ['call_sid', 'text', 'callSid'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['log', 'text', 'log'],
  ['code', 'integer', 'code'],
  ['message', 'text', 'message'],
  ['hint', 'text', 'hint'],
  ['request_method', 'text', 'requestMethod'],
  ['request_url', 'text', 'requestUrl'],
];

export const TRANSCRIPTION: readonly Column[] = [
  ['sid', 'text', 'sid'],
  ['account_sid', 'text', 'accountSid'],
  ['recording_sid', 'text', 'recordingSid'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['status', 'text', 'status'],
  ['text', 'text', 'text'],
  ['duration_ms', 'integer', 'durationMs'],
];

export const RECORDINGS: Patched = {
  table: 'recordings',
  key: ['sid'],
  kept: ['account_sid', 'call_sid', 'start_time', 'created_at'],
  nullable: [],
  frozen: "c.status in ('deleted', 'completed', 'absent', 'failed')",
  begins: {},
  columns: [
    ['sid', 'text', 'sid'],
    ['account_sid', 'text', 'accountSid'],
    ['call_sid', 'text', 'callSid'],
    ['conference_sid', 'text', 'conferenceSid'],
    ['source', 'text', 'source'],
    ['channels', 'integer', 'channels'],
    ['track', 'text', 'track'],
    ['status', 'text', 'status'],
    ['start_time', 'timestamptz', 'startTime'],
    ['created_at', 'timestamptz', 'createdAt'],
    ['updated_at', 'timestamptz', 'updatedAt'],
    ['duration_ms', 'integer', 'durationMs'],
    ['bytes', 'bigint', 'bytes'],
    ['message', 'text', 'message'],
  ],
};

export const CONFERENCES: Patched = {
  table: 'conferences',
  key: ['sid'],
  kept: ['account_sid', 'created_at', 'name'],
  nullable: [],
  frozen: 'c.end_time is not null',
  begins: { status: 'init' },
  columns: [
    ['sid', 'text', 'sid'],
    ['account_sid', 'text', 'accountSid'],
    ['name', 'text', 'name'],
    ['status', 'text', 'status'],
    ['created_at', 'timestamptz', 'createdAt'],
    ['updated_at', 'timestamptz', 'updatedAt'],
    ['end_time', 'timestamptz', 'endTime'],
    ['reason', 'text', 'reason'],
    ['ended_by', 'text', 'endedBy'],
    ['node', 'text', 'node'],
  ],
};

export const PARTICIPANTS: Patched = {
  table: 'participants',
  key: ['conference_sid', 'call_sid'],
  kept: ['account_sid', 'created_at'],
  nullable: ['label', 'call_sid_to_coach', 'left_at'],
  frozen: 'false',
  begins: {},
  columns: [
    ['conference_sid', 'text', 'conferenceSid'],
    ['call_sid', 'text', 'sid'],
    ['account_sid', 'text', 'accountSid'],
    ['label', 'text', 'label'],
    ['muted', 'boolean', 'muted'],
    ['hold', 'boolean', 'hold'],
    ['coaching', 'boolean', 'coaching'],
    ['call_sid_to_coach', 'text', 'callSidToCoach'],
    ['start_on_enter', 'boolean', 'startConferenceOnEnter'],
    ['end_on_exit', 'boolean', 'endConferenceOnExit'],
    ['created_at', 'timestamptz', 'createdAt'],
    ['updated_at', 'timestamptz', 'updatedAt'],
    ['left_at', 'timestamptz', 'leftAt'],
  ],
};
