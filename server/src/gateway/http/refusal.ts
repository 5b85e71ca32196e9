import { HUB_ERRORS } from '@hookswitch/shared';
import type { HubErrorName } from '@hookswitch/shared';
import { DomainError } from '../../kernel/index.ts';

/** A request of an HTTP subscriber that is not served; the reason is the name of the error in the hub's table. */
export class HttpRefusal extends DomainError<HubErrorName> {
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: HubErrorName,
    message: string,
    options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(reason, message, options.cause === undefined ? {} : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

const STATUS: Partial<Record<HubErrorName, number>> = {
  badFrame: 400,
  badTopic: 400,
  tokenInvalid: 401,
  tokenExpired: 401,
  tokenForeign: 401,
  accountInactive: 403,
  notPermitted: 403,
  payloadTooLarge: 413,
  limitExceeded: 429,
  unavailable: 503,
};

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An error of the hub's table as an HTTP answer with a problem document (RFC 9457). Anything unknown: 500. */
export function refusalAnswer(name: string, detail: string, retryAfterMs = 1000): HttpAnswer {
  const known: HubErrorName = Object.hasOwn(HUB_ERRORS, name) ? (name as HubErrorName) : 'internal';
  const { code, message, temporary } = HUB_ERRORS[known];
  const status = STATUS[known] ?? (code >= 110 && code < 120 ? 401 : 500);
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="hookswitch hub"' } : {}),
      ...(temporary ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : {}),
    },
    body: JSON.stringify({ type: 'about:blank', title: message, status, code, name: known, detail, temporary }),
  };
}
