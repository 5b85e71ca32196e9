import type { Entry } from '../history.ts';
import { matches } from './violation.ts';
import type { Violation } from './violation.ts';

/** Time within which rights end everywhere, milliseconds. */
const RIGHTS_BOUND_MS = 2000;

interface Ended {
  readonly patterns: readonly string[];
  readonly why: string;
  /** Nothing comes after this. */
  readonly from: number;
}

/** Promise 4: two seconds after a token ended or narrowed, nothing comes that it does not allow. */
export function checkRights(entries: readonly Entry[]): Violation[] {
  const violations: Violation[] = [];
  const ended = new Map<string, Ended>();
  const outages = entries.flatMap((entry) =>
    entry.kind === 'fault' && entry.until !== undefined && OUTAGES.has(entry.what)
      ? [{ from: entry.at, until: entry.until }]
      : [],
  );
  for (const entry of entries) {
    if (entry.kind === 'ended-rights') {
      const from = boundOf(entry.at, outages);
      ended.set(entry.session, { patterns: entry.patterns, why: entry.why, from });
    } else if (entry.kind === 'granted') {
      ended.delete(entry.session);
    } else if (entry.kind === 'event') {
      const over = ended.get(entry.session);
      if (over === undefined || entry.at <= over.from || !over.patterns.some((one) => matches(one, entry.topic)))
        continue;
      const late = Math.round(entry.at - over.from + RIGHTS_BOUND_MS);
      const message = `${entry.topic}: ${entry.id} came ${late} ms after the rights ended (${over.why})`;
      violations.push({ promise: 4, rule: 'after-rights', session: entry.session, at: entry.at, message });
    }
  }
  return violations;
}

/** While one of these lasts, nobody can hear that rights ended. */
const OUTAGES: ReadonlySet<string> = new Set(['gateway.paused', 'nats.killed', 'nats.paused']);

function boundOf(at: number, outages: readonly { readonly from: number; readonly until: number }[]): number {
  let bound = at + RIGHTS_BOUND_MS;
  for (const { from, until } of [...outages].sort((a, b) => a.from - b.from)) {
    if (from <= bound && until >= at) bound = Math.max(bound, until + RIGHTS_BOUND_MS);
  }
  return bound;
}
