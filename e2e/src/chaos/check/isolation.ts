import type { Entry } from '../history.ts';
import type { Violation } from './violation.ts';

/** Promise 4 for another account: what it publishes reaches nobody else, and it is given nothing of anybody else. */
export function checkIsolation(entries: readonly Entry[]): Violation[] {
  const canaries = new Set(entries.flatMap((entry) => (entry.kind === 'canary' ? [entry.id] : [])));
  if (canaries.size === 0) return [];
  return entries.flatMap((entry): Violation[] => {
    if (entry.kind !== 'event' && entry.kind !== 'canary-event') return [];
    if (canaries.has(entry.id) === (entry.kind === 'canary-event')) return [];
    const message = `${entry.session} was given ${entry.id}, which another account published`;
    return [{ promise: 4, rule: 'foreign-event', session: entry.session, at: entry.at, message }];
  });
}
