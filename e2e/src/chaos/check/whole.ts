import type { Entry } from '../history.ts';
import type { Violation } from './violation.ts';

/** Promise 5: afterwards everything is as it should be. Presence is exact, each departure told once, nothing unanswered. */
export function checkWhole(entries: readonly Entry[]): Violation[] {
  return [...entries.flatMap(presenceProblems), ...membershipProblems(entries), ...unanswered(entries)];
}

function presenceProblems(entry: Entry): Violation[] {
  if (entry.kind !== 'presence') return [];
  const ghosts = entry.listed.filter((one) => !entry.present.includes(one));
  const absent = entry.present.filter((one) => !entry.listed.includes(one));
  const twice = entry.listed.length - new Set(entry.listed).size;
  if (ghosts.length + absent.length + twice === 0) return [];
  const message = `${entry.topic}: ghosts ${ghosts.join(' ') || '-'}, missing ${absent.join(' ') || '-'}, ${twice} listed twice`;
  return [{ promise: 5, rule: 'presence', at: entry.at, message }];
}

/** From what one session saw of `presence.`: a member joins once and leaves once at most; who is away has left. */
function membershipProblems(entries: readonly Entry[]): Violation[] {
  const last = entries.findLast((entry) => entry.kind === 'presence');
  if (last === undefined) return [];
  const seen = new Map<string, { joined: number; left: number }>();
  for (const entry of entries) {
    if (entry.kind !== 'event' || entry.member === undefined || entry.session !== 'presence') continue;
    const counts = seen.get(entry.member) ?? { joined: 0, left: 0 };
    if (entry.type === 'presence.joined') counts.joined++;
    else counts.left++;
    seen.set(entry.member, counts);
  }
  // A stream that lost a part of its past says nothing.
  if (entries.some((entry) => entry.kind === 'fault' && entry.what.startsWith('stream.'))) return [];
  const problems: Violation[] = [];
  for (const [member, { joined, left }] of seen) {
    const away = !last.present.includes(member);
    if (joined === 1 && left === (away ? 1 : 0)) continue;
    const message = `${member} joined ${joined} times and left ${left} times, and is ${away ? 'away' : 'present'}`;
    problems.push({ promise: 5, rule: 'presence-events', at: last.at, message });
  }
  return problems;
}

function unanswered(entries: readonly Entry[]): Violation[] {
  const open = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind === 'attempt') open.set(entry.id, entry.at);
    if (entry.kind === 'ack') open.delete(entry.id);
  }
  const [first] = open;
  if (first === undefined) return [];
  const message = `${open.size} events were never acknowledged, the first of them ${first[0]}`;
  return [{ promise: 5, rule: 'not-acknowledged', at: first[1], message }];
}
