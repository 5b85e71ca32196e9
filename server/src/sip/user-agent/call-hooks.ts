import type { CallListener } from './api.ts';

/** What the parts of a call need of it. */
export interface CallHooks {
  /** Read at each event: the application may set its listener late. */
  readonly listener: () => CallListener;
  /** The peer answered a request in the dialog with 481 or 408, or not at all: it ends (RFC 3261 section 12.2.1.2). */
  readonly gone: (status: number) => void;
}
