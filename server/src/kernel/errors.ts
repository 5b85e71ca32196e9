/**
 * Base of the server's own errors: `reason` is a word from the subclass's closed list, `message` says what happened,
 * where, and what to do. Decide on `reason`, never on the text.
 */
export class DomainError<R extends string = string> extends Error {
  readonly reason: R;
  /** Structured facts for the log. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(reason: R, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.reason = reason;
    this.details = options.details ?? {};
  }
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The message of whatever was thrown, its causes behind it. */
export function describeError(thrown: unknown): string {
  const parts: string[] = [];
  for (let error: unknown = thrown; error !== undefined && parts.length < 5;) {
    const current = toError(error);
    parts.push(current.message === '' ? current.name : current.message);
    error = current.cause;
  }
  return parts.join(': ');
}
