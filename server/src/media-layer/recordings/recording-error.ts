import { DomainError } from '../../kernel/index.ts';

/** `disk`: it cannot be written. `unavailable`: the store cannot be reached. `transcode`: ffmpeg is missing or failed. */
export type RecordingErrorReason = 'disk' | 'unavailable' | 'transcode';

export class RecordingError extends DomainError<RecordingErrorReason> {}
