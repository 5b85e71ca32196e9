export { UsageWatch } from './usage-watch.ts';
export { DeadCalls } from './dead-calls.ts';
export type { DeadCallsOptions } from './dead-calls.ts';
export { RecordsError } from './errors.ts';
export type {
  CallCallback,
  CallQuery,
  CallRecord,
  CallRecords,
  CallStatus,
  CallerIdRecord,
  ConferenceRecord,
  ExchangeRecord,
  ListPart,
  NotificationQuery,
  NotificationRecord,
  NotificationRecords,
  OpenCall,
  ParticipantRecord,
  QueuedCall,
  RecordingRecord,
  RecordVersion,
  Records,
  RecordsWriter,
  Span,
  TranscriptionRecord,
  UsageDay,
  UsageRecords,
  UsageTriggerRecord,
} from './ports.ts';
