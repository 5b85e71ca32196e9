import { errors } from 'mediasoup';
import { toError } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';

/**
 * What mediasoup threw, as an error of ours: its TypeErrors and UnsupportedErrors blame the parameters, the rest
 * means that the object is gone.
 */
export function refusal(error: unknown, what: string): MediaError {
  if (error instanceof MediaError) return error;
  const cause = toError(error);
  if (cause instanceof TypeError || cause instanceof errors.UnsupportedError) {
    return new MediaError('bad-parameters', `${what} was refused: ${cause.message}`, { cause });
  }
  return new MediaError('closed', `${what} failed, the media of this call is gone: ${cause.message}`, { cause });
}
