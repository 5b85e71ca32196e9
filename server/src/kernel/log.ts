import { pino } from 'pino';
import type { DestinationStream } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Structured log. Rubric (docs/logging.md): error = an operator has to act; warn = something was lost or refused; info
 * = one line per life-cycle change; debug = what a developer of Hookswitch needs. Context is bound once, with `child`.
 */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: object): Log;
}

export interface LogOptions {
  readonly level?: LogLevel;
  /** Where lines go (default: standard output as JSON lines). */
  readonly destination?: DestinationStream;
  readonly bindings?: Record<string, unknown>;
}

/** A pino log; `err` fields are serialised with their causes, secrets by well-known names are redacted. */
export function createLog(options: LogOptions = {}): Log {
  const settings = {
    level: options.level ?? 'info',
    base: options.bindings ?? {},
    redact: ['token', 'authToken', 'secret', 'password', '*.token', '*.authToken', '*.secret', '*.password'],
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** Drops everything. For tests. */
export const silentLog: Log = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
