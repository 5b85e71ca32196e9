import type { HubErrorName } from '@hookswitch/shared';
import { DomainError } from '../kernel/index.ts';

/**
 * A fault of the event log. `unavailable`: not connected, or no answer in time (for `publish`: unknown whether it was
 * stored; repeating it with the same event id is harmless). `expired`: the range asked for is not kept any more.
 * `epoch-changed`: the stream was recreated. `closed`: the log was closed. `invalid`: the event or topic is not valid.
 */
export class EventLogError extends DomainError<'unavailable' | 'expired' | 'epoch-changed' | 'closed' | 'invalid'> {}

/** The refusal of a token. The reason is the name of the error that the client is told. */
export class TokenError extends DomainError<
  Extract<
    HubErrorName,
    'tokenInvalid' | 'tokenExpired' | 'tokenForeign' | 'tokenRevoked' | 'accountInactive' | 'unavailable'
  >
> {}

/** `unavailable`: it could not be stored, the same may work later. `full`: the account has as many as are kept. */
export class RevocationError extends DomainError<'unavailable' | 'full'> {}
