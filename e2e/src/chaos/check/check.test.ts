import { describe, expect, it } from 'vitest';
import type { Entry, Position } from '../history.ts';
import { MUTANTS } from '../mutants.ts';
import { SeededRandom } from '../random.ts';
import { checkHistory } from './index.ts';
import { ModelHub } from './model.fake.ts';
import { matches } from './violation.ts';

const SEEDS = Array.from({ length: 50 }, (_value, index) => index + 1);
const presenceOnly: readonly Entry[] = [
  presenceEvent(1, 'presence.joined', 'c1'),
  presenceEvent(2, 'presence.joined', 'c2'),
  presenceEvent(3, 'presence.left', 'c2'),
  { at: 9, kind: 'presence', topic: 'app.room', listed: ['c1'], present: ['c1'] },
];

function presenceEvent(seq: number, type: string, member: string): Entry {
  const topic = `presence.app.room.${type.slice('presence.'.length)}`;
  const position = { epoch: '1', seq };
  return { at: seq, kind: 'event', session: 'presence', topic, position, id: `p${seq}`, type, member };
}

describe('checker of recorded histories', () => {
  it.each(SEEDS)('finds nothing in what a correct hub does, seed %i', (seed) => {
    expect(checkHistory(new ModelHub(seed).run(200))).toEqual([]);
  });

  it.each(MUTANTS)('catches the mutant: $name', ({ apply, caughtBy }) => {
    let tried = 0;
    for (const seed of SEEDS) {
      for (const history of [new ModelHub(seed).run(200), presenceOnly]) {
        const mutated = apply(history, new SeededRandom(seed));
        if (mutated === undefined) continue;
        tried++;
        const rules = checkHistory(mutated).map(({ rule }) => rule);
        expect(
          rules.some((rule) => caughtBy.includes(rule)),
          `seed ${seed}`,
        ).toBe(true);
      }
    }
    expect(tried).toBeGreaterThan(20);
  });

  it('sees a gateway that grew, and events that come late to healthy clients', () => {
    const held: Entry = { at: 0, kind: 'fault', what: 'client.held', target: 'slow' };
    const grown: Entry = { at: 1, kind: 'memory', process: 'g1', grownBytes: 300 * 2 ** 20, allowedBytes: 2 ** 20 };
    const late: Entry[] = [
      { at: -1, kind: 'connected', session: 'healthy', connection: 'c1', node: 'n1' },
      { at: 1, kind: 'attempt', topic: 'app.a', id: 'e1' },
      { at: 1, kind: 'ack', topic: 'app.a', id: 'e1', position: { epoch: '1', seq: 1 } },
      {
        at: 1500,
        kind: 'event',
        session: 'healthy',
        topic: 'app.a',
        position: { epoch: '1', seq: 1 },
        id: 'e1',
        type: 'app.message',
      },
    ];
    expect(checkHistory([held, grown, ...late]).map(({ rule }) => rule)).toEqual(['memory', 'late-for-others']);
    // Another was given it as history.
    const historic = late.map((entry) => (entry.kind === 'connected' ? { ...entry, at: 1400 } : entry));
    expect(checkHistory([held, ...historic])).toEqual([]);
  });

  it('counts an event for the subscriptions that stand, and holds none to what another one brought', () => {
    const position = (seq: number): Position => ({ epoch: '1', seq });
    const ack = (topic: string, seq: number): Entry => {
      return { at: seq, kind: 'ack', topic, id: `e${seq}`, position: position(seq) };
    };
    const event = (topic: string, seq: number): Entry => {
      const type = 'app.message';
      return { at: seq, kind: 'event', session: 's', topic, position: position(seq), id: `e${seq}`, type };
    };
    const subscribed = (pattern: string): Entry => {
      return { at: 0, kind: 'subscribed', session: 's', pattern, position: position(0), recovered: true };
    };
    const stored = [ack('app.b', 1), ack('app.a', 2), ack('app.b', 3), ack('app.a', 4)];
    const before = [...stored, subscribed('app.a'), subscribed('app.>')];
    const live = [event('app.b', 1), event('app.a', 2), event('app.b', 3), event('app.a', 4)];
    const end: Entry = { at: 9, kind: 'end', session: 's', patterns: ['app.a', 'app.>'] };
    const closed: Entry = { at: 5, kind: 'closed', session: 's', code: 1006 };
    const unsubscribed: Entry = { at: 5, kind: 'unsubscribed', session: 's', pattern: 'app.>' };
    expect(checkHistory([...before, ...live, end])).toEqual([]);
    // `app.a` was ready first, on a new connection or since the other one had been ended.
    const [b1, a2, b3, a4] = live as [Entry, Entry, Entry, Entry];
    const again = subscribed('app.>');
    expect(checkHistory([...before, closed, subscribed('app.a'), a2, a4, again, b1, b3, end])).toEqual([]);
    expect(checkHistory([...before, unsubscribed, a2, a4, again, b1, b3, end])).toEqual([]);
    // Both stood: then the events of `app.b` were passed by.
    expect(checkHistory([...before, a2, a4, b1, b3, end]).map(({ rule }) => rule)).toContain('silent-gap');
    expect(checkHistory([...before, unsubscribed, a2, a4, again, b1, end]).map(({ rule }) => rule)).toEqual([
      'silent-gap',
    ]);
  });

  it('lets the past come late that an overlapping subscription brings after another one began anew, in order and once', () => {
    const position = (seq: number): Position => ({ epoch: '1', seq });
    const event = (seq: number): Entry => {
      return {
        at: seq,
        kind: 'event',
        session: 's',
        topic: 'app.a',
        position: position(seq),
        id: `e${seq}`,
        type: 't',
      };
    };
    const acks = [1, 2, 3, 4, 5].map((seq): Entry => {
      return { at: 0, kind: 'ack', topic: 'app.a', id: `e${seq}`, position: position(seq) };
    });
    const subscribed = (pattern: string, seq: number, recovered: boolean): Entry => {
      return {
        at: 1,
        kind: 'subscribed',
        session: 's',
        pattern,
        position: position(seq),
        head: position(4),
        recovered,
      };
    };
    const connected: Entry = { at: 0, kind: 'connected', session: 's', connection: 'c', node: 'n' };
    const rules = (...history: Entry[]): string[] => checkHistory([...acks, ...history]).map(({ rule }) => rule);
    const anew = [connected, subscribed('app.a', 4, false), event(5)];
    expect(rules(...anew, subscribed('app.>', 2, true), event(3), event(4))).toEqual([]);
    expect(rules(...anew, subscribed('app.>', 2, true), event(4), event(3))).toContain('order');
    expect(rules(...anew, subscribed('app.>', 2, true), event(3), event(3))).toContain('delivered-twice');
    // Not what lies before its own place, nor on the next connection, nor where nothing began anew.
    expect(rules(...anew, subscribed('app.>', 3, true), event(3))).toContain('order');
    expect(rules(...anew, connected, subscribed('app.>', 2, true), event(3))).toContain('order');
    expect(rules(connected, subscribed('app.a', 4, true), event(5), subscribed('app.>', 2, true), event(3))).toContain(
      'order',
    );
  });

  it('sees a position that two events were acknowledged at, and another event at a position', () => {
    const position = { epoch: '1', seq: 1 };
    const acks: Entry[] = [
      { at: 1, kind: 'ack', topic: 'app.a', id: 'e1', position },
      { at: 2, kind: 'ack', topic: 'app.a', id: 'e2', position },
      { at: 3, kind: 'event', session: 's', topic: 'app.a', position, id: 'e3', type: 'app.message' },
    ];
    expect(checkHistory(acks).map(({ rule }) => rule)).toEqual(['position-twice', 'wrong-event']);
  });

  it('matches topics as the protocol says', () => {
    expect(matches('app.>', 'app')).toBe(false);
    expect(matches('app.>', 'app.a.b')).toBe(true);
    expect(matches('app.*', 'app.a.b')).toBe(false);
    expect(matches('app.*.b', 'app.a.b')).toBe(true);
  });
});
