import { DomainError, describeError } from '../../kernel/index.ts';

export type CacheErrorReason = 'unavailable' | 'conflict';

/** The shared part of the cache. `conflict`: somebody else wrote first. */
export class CacheError extends DomainError<CacheErrorReason> {
  static of(reason: CacheErrorReason, what: string, cause: unknown): CacheError {
    return new CacheError(reason, `the media cache ${what}: ${describeError(cause)}`, { cause });
  }
}

export const isConflict = (error: unknown): boolean => error instanceof CacheError && error.reason === 'conflict';
