import type { Clock } from '../kernel/index.ts';
import type { InstructionRequest } from '../calls/ports.ts';
import { publicUrl } from './application-request.ts';
import type { HttpExchange, HttpTap } from './ports.ts';

/** What came of a request. */
export type ExchangeOutcome = Pick<HttpExchange, 'status' | 'contentType' | 'body' | 'location' | 'problem' | 'code'>;

export interface WatchedJob {
  readonly request: InstructionRequest;
  readonly idempotencyToken: string;
}

/** Begins to watch one request; the function returned tells the tap, if there is one, how it went. */
export function watchExchange(
  parts: { readonly tap: HttpTap | undefined; readonly clock: Clock; readonly job: WatchedJob },
  target: { readonly url: URL; readonly method: 'GET' | 'POST' },
): (outcome: ExchangeOutcome) => void {
  const { tap, clock, job } = parts;
  if (tap === undefined) return () => undefined;
  const startedAt = clock.monotonic();
  const { accountSid, callSid, params, background } = job.request;
  const bare = new URL(target.url);
  bare.hash = '';
  return (outcome) => {
    tap({
      purpose: background === true ? 'callback' : 'instructions',
      accountSid,
      callSid,
      params,
      idempotencyToken: job.idempotencyToken,
      method: target.method,
      url: publicUrl(bare),
      durationMs: clock.monotonic() - startedAt,
      ...outcome,
    });
  };
}
