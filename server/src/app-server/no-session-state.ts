import type { SessionState } from './ports.ts';

/** Keeps nothing: every request begins a new session. */
export const noSessionState: SessionState = {
  cookies: () => Promise.resolve(undefined),
  keep: () => Promise.resolve(),
};
