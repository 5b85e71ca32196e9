/** What a command may use of the process. main.ts fills it in; tests give their own. */
export interface CommandIo {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Characters a line of the terminal has; undefined when the output is no terminal. */
  readonly columns?: number | undefined;
  /** Aborts on Ctrl-C and SIGTERM; the message of its reason is the name of the signal. */
  readonly signal: AbortSignal;
  /** Aborts when a process that lets its calls finish is told by a second signal not to (default: never). */
  readonly hurry?: AbortSignal;
  readonly defaultDataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}
