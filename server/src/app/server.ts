import type { RunState } from './run-state.ts';

/** A running Hookswitch process. */
export interface Server {
  readonly state: RunState;
  /** The page's address, with the demo key where one is needed. */
  readonly pageLink: string;
  /** Set at the very first start only: printed once, then never again. */
  readonly credentials: FirstCredentials | undefined;
  /** Resolves when the other processes of the cluster took this one for dead: it owns nothing any more, close it. */
  readonly lost: Promise<void>;
  /** Resolves when the process was asked from elsewhere to drain, and is done with it: close it. */
  readonly drained?: Promise<void>;
  /** Takes no more calls; resolves when live ones are over, at the deadline at the latest. Undefined: it has none. */
  drain?(deadlineMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface FirstCredentials {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiKeySid: string;
  readonly apiKeySecret: string;
}
