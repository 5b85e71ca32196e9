import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

export function isApi(error: unknown, ...codes: number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}

/** @throws the error, unless it says that there is no such message */
export function orNone(error: unknown): null {
  if (isApi(error, JetStreamApiCodes.NoMessageFound)) return null;
  throw error;
}
