import { DomainError } from '../kernel/index.ts';

/** Why the media part refused. Decide on this, never on the text. */
export type MediaErrorReason =
  | 'no-worker'
  | 'closed'
  | 'no-free-port'
  | 'bad-parameters'
  | 'unknown-transport'
  | 'incompatible-capabilities'
  | 'bad-audio'
  | 'too-many';

/** Refusals of rooms, legs and audio readers. */
export class MediaError extends DomainError<MediaErrorReason> {}
