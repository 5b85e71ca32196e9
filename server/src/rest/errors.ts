import { DomainError } from '../kernel/index.ts';
import { RecordsError } from '../records/index.ts';
import { TenantError } from '../tenants/index.ts';
import { REST_CODES, isRestReason } from './codes.ts';
import type { RestReason } from './codes.ts';

/** One thing wrong in a request. */
export interface FieldError {
  readonly detail: string;
  /** JSON pointer (RFC 6901) into the body. */
  readonly pointer: string;
}

/** An answer that is an error. The message is for the client: what is wrong, where, what to do; never a secret. */
export class RestError extends DomainError<RestReason> {
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    reason: RestReason,
    message: string = REST_CODES[reason].title,
    options: {
      readonly errors?: readonly FieldError[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(reason, message, options.cause === undefined ? {} : { cause: options.cause });
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return REST_CODES[this.reason].status;
  }

  get code(): number {
    return REST_CODES[this.reason].code;
  }
}

/** What the HTTP server's own errors and those of its validator have. */
interface HttpError {
  readonly statusCode?: unknown;
  readonly validation?: unknown;
  readonly validationContext?: unknown;
}
interface Issue {
  readonly instancePath: string;
  readonly message: string;
  readonly params?: { readonly params?: { readonly reason?: unknown } };
}

/** Whatever a route threw, as what the client is told. What is nobody's fault but ours becomes `internal`. */
export function toRestError(thrown: unknown): RestError {
  if (thrown instanceof RestError) return thrown;
  if (thrown instanceof TenantError) return fromTenants(thrown);
  if (thrown instanceof RecordsError) return noDatabase(thrown);
  const { statusCode, validation, validationContext } = (thrown ?? {}) as HttpError;
  if (Array.isArray(validation)) return invalid(validation as Issue[], validationContext);
  switch (statusCode) {
    case 400:
      return new RestError('badRequest', 'The request could not be read: check its syntax', { cause: thrown });
    case 413:
      return new RestError('tooLarge', undefined, { cause: thrown });
    case 415:
      return new RestError('unsupportedMediaType', 'Send application/x-www-form-urlencoded or application/json', {
        cause: thrown,
      });
    default:
      return new RestError('internal', undefined, { cause: thrown });
  }
}

function fromTenants(error: TenantError): RestError {
  switch (error.reason) {
    case 'not-found':
      return new RestError('notFound', undefined, { cause: error });
    case 'exists':
    case 'in-use':
      return new RestError('conflict', error.message, { cause: error });
    case 'invalid':
      return new RestError('badRequest', error.message, { cause: error });
    case 'unavailable':
      return noDatabase(error);
    case 'master-key':
      return new RestError('internal', undefined, { cause: error });
  }
}

function noDatabase(cause: Error): RestError {
  return new RestError('unavailable', 'The database does not answer: try again', {
    headers: { 'retry-after': '1' },
    cause,
  });
}

/** A path that no sid fits leads to nothing; in query and body the first issue decides the code. */
function invalid(issues: readonly Issue[], context: unknown): RestError {
  if (context === 'params') return new RestError('notFound');
  const errors = issues.slice(0, 20).map(({ instancePath, message }) => ({ detail: message, pointer: instancePath }));
  const [first] = errors;
  const reason = issues[0]?.params?.params?.reason;
  const name = first?.pointer.slice(1).replaceAll('/', '.') ?? '';
  const message = first === undefined ? undefined : name === '' ? first.detail : `${name}: ${first.detail}`;
  return new RestError(isRestReason(reason) ? reason : 'badRequest', message, {
    errors: context === 'body' ? errors : [],
  });
}

/** Body of an error on 2010-04-01 routes. */
export function legacyErrorBody(error: RestError, base: string): object {
  return { code: error.code, message: error.message, more_info: moreInfo(error, base), status: error.status };
}

/** Problem document (RFC 9457) of an error on /v1 routes. */
export function problemBody(error: RestError, base: string, requestId: string): object {
  const { title } = REST_CODES[error.reason];
  return {
    type: moreInfo(error, base),
    title,
    status: error.status,
    code: error.code,
    ...(error.message === title ? {} : { detail: error.message }),
    instance: `urn:request:${requestId}`,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
  };
}

const moreInfo = (error: RestError, base: string): string => `${base}/docs/errors/${error.code}`;
