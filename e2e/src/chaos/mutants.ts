import type { Entry, Position } from './history.ts';
import { matches } from './check/violation.ts';
import type { Violation } from './check/violation.ts';
import type { SeededRandom } from './random.ts';

type EventEntry = Extract<Entry, { kind: 'event' }>;

/** A known bug of event hubs, put into a history that has none. */
export interface Mutant {
  readonly name: string;
  /** What a checker may call it. */
  readonly caughtBy: readonly Violation['rule'][];
  /** Undefined when the history has no place for it. */
  readonly apply: (entries: readonly Entry[], random: SeededRandom) => Entry[] | undefined;
}

const isEvent = (entry: Entry): entry is EventEntry => entry.kind === 'event';

/** Entries that let a session begin anew elsewhere: nothing before them is owed after them. */
function restarts(entry: Entry, session: string): boolean {
  if (!('session' in entry) || entry.session !== session) return false;
  if (entry.kind === 'ended-rights') return true;
  return (entry.kind === 'subscribed' || entry.kind === 'gap') && !entry.recovered;
}

/** Events with a later one on their topic in the same session, and nothing between that excuses a gap. */
function followed(entries: readonly Entry[]): { readonly index: number; readonly next: number }[] {
  const acked = new Set(entries.flatMap((entry) => (entry.kind === 'ack' ? [entry.id] : [])));
  const last = new Map<string, number>();
  const found: { index: number; next: number }[] = [];
  for (const [next, entry] of entries.entries()) {
    if ('session' in entry && restarts(entry, entry.session)) {
      for (const key of last.keys()) if (key.startsWith(`${entry.session} `)) last.delete(key);
    }
    if (!isEvent(entry) || !acked.has(entry.id)) continue;
    const key = `${entry.session} ${entry.topic}`;
    const index = last.get(key);
    const before = index === undefined ? undefined : entries[index];
    if (index !== undefined && before !== undefined && isEvent(before)) {
      if (before.position.epoch === entry.position.epoch) found.push({ index, next });
    }
    last.set(key, next);
  }
  return found;
}

function skipOne(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = followed(entries);
  if (places.length === 0) return undefined;
  return entries.toSpliced(random.pick(places).index, 1);
}

function skipLast(entries: readonly Entry[]): Entry[] | undefined {
  const acked = new Set(entries.flatMap((entry) => (entry.kind === 'ack' ? [entry.id] : [])));
  const index = entries.findLastIndex(
    (entry, at) =>
      isEvent(entry) &&
      acked.has(entry.id) &&
      entries.slice(at).some((end) => end.kind === 'end' && end.session === entry.session) &&
      !entries.slice(at).some((later) => restarts(later, entry.session)),
  );
  return index < 0 ? undefined : entries.toSpliced(index, 1);
}

/** The position is forgotten at a reconnect before any message came: what was published meanwhile is skipped. */
function forgetPosition(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const acked = new Set(entries.flatMap((entry) => (entry.kind === 'ack' ? [entry.id] : [])));
  const places = entries.flatMap((asked, index) => {
    if (asked.kind !== 'subscribe' || asked.position === undefined) return [];
    const own = entries.slice(index).filter((entry) => 'session' in entry && entry.session === asked.session);
    const live = own.find((entry) => entry.kind === 'subscribed' && entry.pattern === asked.pattern);
    if (live?.kind !== 'subscribed' || !live.recovered || live.position.epoch !== asked.position.epoch) return [];
    const { head = live.position } = live;
    const isSkipped = (entry: Entry): boolean =>
      isEvent(entry) &&
      matches(asked.pattern, entry.topic) &&
      entry.position.epoch === head.epoch &&
      entry.position.seq <= head.seq;
    const after = own.slice(own.indexOf(live));
    const next = after.findIndex(({ kind }) => kind === 'closed');
    const skipped = after.slice(0, next < 0 ? undefined : next).filter(isSkipped);
    const noticed = after.find(
      (entry) =>
        restarts(entry, asked.session) ||
        entry.kind === 'end' ||
        (isEvent(entry) && matches(asked.pattern, entry.topic) && !isSkipped(entry)),
    );
    const isLoss = skipped.some((entry) => isEvent(entry) && acked.has(entry.id));
    return isLoss && noticed !== undefined && !restarts(noticed, asked.session) ? [skipped] : [];
  });
  if (places.length === 0) return undefined;
  const skipped = new Set(random.pick(places));
  return entries.filter((entry) => !skipped.has(entry));
}

/** The position moves back at a reconnect: what was delivered before it comes again. */
function movePositionBack(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = entries.flatMap((entry, index) => {
    if (entry.kind !== 'subscribed') return [];
    const before = entries
      .slice(0, index)
      .findLast(
        (earlier) => isEvent(earlier) && earlier.session === entry.session && matches(entry.pattern, earlier.topic),
      );
    return before === undefined ? [] : [{ index, again: { ...before, at: entry.at } }];
  });
  if (places.length === 0) return undefined;
  const { index, again } = random.pick(places);
  return entries.toSpliced(index + 1, 0, again);
}

function reorder(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = followed(entries);
  if (places.length === 0) return undefined;
  const { index, next } = random.pick(places);
  const [one, other] = [entries[index], entries[next]];
  if (one === undefined || other === undefined) return undefined;
  return entries.with(index, { ...other, at: one.at }).with(next, { ...one, at: other.at });
}

/** `recovered: false` never reaches the client. */
function hideLoss(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = entries.flatMap((entry, index) => {
    if ((entry.kind !== 'subscribed' && entry.kind !== 'gap') || entry.recovered) return [];
    const lost = losesSomething(entries, index, entry);
    return lost ? [index] : [];
  });
  if (places.length === 0) return undefined;
  const index = random.pick(places);
  const entry = entries[index];
  if (entry?.kind !== 'subscribed' && entry?.kind !== 'gap') return undefined;
  return entries.with(index, { ...entry, recovered: true });
}

/** Whether the session lacks an acknowledged event, or is in another epoch, because of that entry, and could notice. */
function losesSomething(
  entries: readonly Entry[],
  index: number,
  { session, pattern, position }: Extract<Entry, { kind: 'subscribed' | 'gap' }>,
): boolean {
  const from = trackedAt(entries.slice(0, index), session, pattern);
  if (from === undefined) return false;
  const after = entries
    .slice(index + 1)
    .find(
      (later) =>
        'session' in later &&
        later.session === session &&
        ((isEvent(later) && matches(pattern, later.topic)) || restarts(later, session)),
    );
  if (after === undefined || !isEvent(after)) return false;
  if (from.epoch !== position.epoch) return true;
  // Another subscription of the session may have been given them.
  const given = new Set(entries.flatMap((entry) => (isEvent(entry) && entry.session === session ? [entry.id] : [])));
  return entries.some(
    (entry) =>
      entry.kind === 'ack' &&
      matches(pattern, entry.topic) &&
      entry.position.epoch === from.epoch &&
      entry.position.seq > from.seq &&
      entry.position.seq <= position.seq &&
      !given.has(entry.id),
  );
}

/** Up to where a session was given everything of a pattern. */
function trackedAt(entries: readonly Entry[], session: string, pattern: string): Position | undefined {
  let tracked: Position | undefined;
  for (const entry of entries) {
    if (!('session' in entry) || entry.session !== session) continue;
    if (isEvent(entry)) {
      if (tracked !== undefined && matches(pattern, entry.topic)) tracked = entry.position;
    } else if ((entry.kind === 'subscribed' || entry.kind === 'gap') && entry.pattern === pattern) {
      if (tracked === undefined || !entry.recovered) tracked = entry.position;
    } else if (entry.kind === 'ended-rights' && entry.patterns.includes(pattern)) {
      tracked = undefined;
    }
  }
  return tracked;
}

function deliverAfterRights(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = entries.flatMap((entry, index) => {
    if (entry.kind !== 'ended-rights') return [];
    const sample = entries.find(
      (other) =>
        isEvent(other) && other.session === entry.session && entry.patterns.some((one) => matches(one, other.topic)),
    );
    return sample === undefined || !isEvent(sample) ? [] : [{ index, sample, at: entry.at }];
  });
  if (places.length === 0) return undefined;
  const { index, sample, at } = random.pick(places);
  const position = { ...sample.position, seq: sample.position.seq + 1_000_000 };
  // Later than any outage that would excuse it.
  const late = Math.max(at, ...entries.map((entry) => (entry.kind === 'fault' ? (entry.until ?? 0) : 0))) + 2500;
  return entries.toSpliced(index + 1, 0, { ...sample, at: late, position, id: 'mutant' });
}

/** An event of another account on a topic of the same name. */
function deliverForeign(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const canaries = entries.flatMap((entry) => (entry.kind === 'canary' ? [entry.id] : []));
  const places = entries.flatMap((entry, index) => (isEvent(entry) ? [{ entry, index }] : []));
  if (canaries.length === 0 || places.length === 0) return undefined;
  const { entry, index } = random.pick(places);
  return entries.toSpliced(index + 1, 0, { ...entry, id: random.pick(canaries) });
}

/** The other account is given an event. */
function leakToForeign(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = entries.flatMap((entry) => (isEvent(entry) ? [entry] : []));
  if (places.length === 0 || !entries.some(({ kind }) => kind === 'canary')) return undefined;
  const { at, id } = random.pick(places);
  return [...entries, { at, kind: 'canary-event', session: 'canary', id }];
}

/** The events of two publishers change places: one topic's comes after a later one of another topic. */
function overtake(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const acked = new Set(entries.flatMap((entry) => (entry.kind === 'ack' ? [entry.id] : [])));
  const places = entries.flatMap((entry, index) => {
    if (!isEvent(entry) || !acked.has(entry.id)) return [];
    const next = entries.findIndex((one, at) => at > index && 'session' in one && one.session === entry.session);
    const other = entries[next];
    if (other === undefined || !isEvent(other) || other.topic === entry.topic) return [];
    if (other.position.epoch !== entry.position.epoch || other.position.seq < entry.position.seq) return [];
    const wide = entries.find((one) => one.kind === 'subscribe' && one.session === entry.session);
    const both = wide?.kind === 'subscribe' && matches(wide.pattern, entry.topic) && matches(wide.pattern, other.topic);
    return both ? [{ index, next }] : [];
  });
  if (places.length === 0) return undefined;
  const { index, next } = random.pick(places);
  const [one, other] = [entries[index], entries[next]];
  if (one === undefined || other === undefined) return undefined;
  return entries.with(index, { ...other, at: one.at }).with(next, { ...one, at: other.at });
}

function storeTwice(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = entries.flatMap((entry, index) => (isEvent(entry) ? [{ entry, index }] : []));
  if (places.length === 0) return undefined;
  const { entry, index } = random.pick(places);
  const position = { ...entry.position, seq: entry.position.seq + 0.5 };
  return entries.toSpliced(index + 1, 0, { ...entry, position });
}

/** An event is acknowledged and then lost: nobody gets it. */
function loseAcknowledged(entries: readonly Entry[], random: SeededRandom): Entry[] | undefined {
  const places = followed(entries);
  if (places.length === 0) return undefined;
  const lost = entries[random.pick(places).index];
  if (lost === undefined || !isEvent(lost)) return undefined;
  return entries.filter((entry) => !isEvent(entry) || entry.id !== lost.id);
}

function keepGhost(entries: readonly Entry[]): Entry[] | undefined {
  const index = entries.findLastIndex((entry) => entry.kind === 'presence');
  const entry = entries[index];
  if (entry?.kind !== 'presence') return undefined;
  return entries.with(index, { ...entry, listed: [...entry.listed, 'ghost'] });
}

function leaveTwice(entries: readonly Entry[]): Entry[] | undefined {
  if (entries.some((entry) => entry.kind === 'fault' && entry.what.startsWith('stream.'))) return undefined;
  if (!entries.some((entry) => entry.kind === 'presence')) return undefined;
  const index = entries.findLastIndex((entry) => isEvent(entry) && entry.type === 'presence.left');
  const entry = entries[index];
  if (entry === undefined || !isEvent(entry)) return undefined;
  const position = { ...entry.position, seq: entry.position.seq + 0.5 };
  return entries.toSpliced(index + 1, 0, { ...entry, position, id: 'mutant' });
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'one event is skipped', caughtBy: ['silent-gap'], apply: skipOne },
  { name: 'the last event never comes', caughtBy: ['silent-gap'], apply: skipLast },
  { name: 'an acknowledged event is lost', caughtBy: ['silent-gap'], apply: loseAcknowledged },
  { name: 'a reconnect forgets the position', caughtBy: ['silent-gap'], apply: forgetPosition },
  { name: 'a reconnect moves the position back', caughtBy: ['delivered-twice'], apply: movePositionBack },
  { name: 'two events change places', caughtBy: ['order', 'silent-gap'], apply: reorder },
  { name: 'an event overtakes one of another topic', caughtBy: ['silent-gap'], apply: overtake },
  { name: 'a loss is not told', caughtBy: ['silent-gap', 'unknown-epoch'], apply: hideLoss },
  { name: 'an event comes after the rights ended', caughtBy: ['after-rights'], apply: deliverAfterRights },
  { name: 'an event of another account comes', caughtBy: ['foreign-event'], apply: deliverForeign },
  { name: 'another account is given an event', caughtBy: ['foreign-event'], apply: leakToForeign },
  { name: 'a repeated publish is stored again', caughtBy: ['stored-twice'], apply: storeTwice },
  { name: 'a member that is gone stays listed', caughtBy: ['presence'], apply: keepGhost },
  { name: 'a departure is told twice', caughtBy: ['presence-events'], apply: leaveTwice },
];
