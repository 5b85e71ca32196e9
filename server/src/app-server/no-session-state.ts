import type { SessionState } from './ports.ts';

/** Keeps nothing: every request begins a new session. */
export const noSessionState: SessionState = {
  begin: () => Promise.resolve({ cookies: undefined, visits: [], keep: () => Promise.resolve() }),
};
