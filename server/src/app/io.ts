/** What a command may use of the process. main.ts fills it in; tests give their own. */
export interface CommandIo {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly defaultDataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}
