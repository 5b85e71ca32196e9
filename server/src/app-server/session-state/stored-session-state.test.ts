import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import type { SessionKey } from '../ports.ts';
import { scopeOf, scopeOfId, sessionId } from './scope.ts';
import { SESSION_LIMITS } from './session.ts';
import { SessionError } from './session-error.ts';
import { MemorySessionStore, MemoryTrackingLinkStore } from './session-store.memory.ts';
import { sessionStoreConformance } from './session-store.conformance.ts';
import { StoredSessionState } from './stored-session-state.ts';
import { TrackingLinks } from './tracking-links.ts';

const KEY: SessionKey = { accountSid: 'AC1', callSid: 'CA1', from: '+15550177', to: '+15550100' };
const URL_ = 'https://app.example.com/voice';
const HOUR = 3_600_000;

sessionStoreConformance('memory', () => {
  const store = new MemorySessionStore();
  return Promise.resolve({ open: () => Promise.resolve(store), close: () => Promise.resolve() });
});

function make(store = new MemorySessionStore()) {
  const clock = new FakeClock();
  const state = new StoredSessionState({ store, clock, random: seededRandom(1), log: silentLog });
  const cookies = async (key = KEY, url = URL_): Promise<string | undefined> => (await state.begin(key, url)).cookies;
  const set = async (header: string, key = KEY, url = URL_): Promise<void> => {
    await (await state.begin(key, url)).keep([header]);
  };
  return { store, clock, state, cookies, set };
}

describe('session state', () => {
  it('SS-1 is that of the pairing; a caller that is withheld has one for the call alone', async () => {
    const { cookies, set } = make();
    await set('a=1');
    expect(await cookies({ ...KEY, callSid: 'CA2' })).toBe('a=1');
    for (const from of ['anonymous', '', 'sip:anonymous@anonymous.invalid', '+266696687', 'Restricted']) {
      const nobody = { ...KEY, from, callSid: `CA-${from}` };
      await set('b=2', nobody);
      expect(await cookies(nobody)).toBe('b=2');
      expect(await cookies({ ...nobody, callSid: 'CA-else' })).toBeUndefined();
    }
  });

  it('SS-2 ends 4 hours after its last use', async () => {
    const { cookies, set, clock } = make();
    await set('a=1');
    for (let n = 0; n < 4; n++) {
      clock.advance(3 * HOUR);
      expect(await cookies()).toBe('a=1');
      await settle();
    }
    clock.advance(4.6 * HOUR);
    expect(await cookies()).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it('SS-5 of two requests at a time the later one decides, whichever answer comes last', async () => {
    const { state, cookies, clock } = make();
    const first = await state.begin(KEY, URL_);
    clock.advance(5);
    const second = await state.begin(KEY, URL_);
    await second.keep(['a=second', 'gone=; Max-Age=0', 'c=3']);
    await first.keep(['a=first', 'gone=not', 'b=2']);
    expect(new Set((await cookies())?.split('; '))).toEqual(new Set(['a=second', 'c=3', 'b=2']));
    const third = await state.begin(KEY, URL_);
    await third.keep(['a=third', 'gone=back']);
    expect(await cookies()).toContain('a=third');
    expect(await cookies()).toContain('gone=back');
  });

  it('SS-2 is bounded: the cookies set last stay', async () => {
    const { state, cookies, set } = make();
    const turn = await state.begin(KEY, URL_);
    await turn.keep(Array.from({ length: 60 }, (_, n) => `c${n}=1`));
    await set('last=1');
    const names = (await cookies())?.split('; ') ?? [];
    expect(names).toHaveLength(SESSION_LIMITS.cookies);
    expect(names).toContain('last=1');
    for (let n = 0; n < 20; n++) await set(`big${n}=${'x'.repeat(4000)}`);
    expect((await cookies())?.length).toBeLessThan(SESSION_LIMITS.bytes);
  });

  it('a store that is away or hangs costs the call its memory, not its instructions', async () => {
    const { store, state, clock } = make();
    store.get = () => Promise.reject(new SessionError('unavailable', 'down'));
    const turn = await state.begin(KEY, URL_);
    expect(turn.cookies).toBeUndefined();
    await turn.keep(['a=1']);
    store.get = () => new Promise(() => undefined);
    const hanging = state.begin(KEY, URL_);
    clock.advance(1000);
    expect((await hanging).cookies).toBeUndefined();
  });

  it('SS-6 sessions are listed, read and forgotten by name', async () => {
    const { state, set, cookies } = make();
    await set('a=1; Secure');
    await set('b=1', { ...KEY, from: '+15550178' });
    expect(await state.list('AC1')).toHaveLength(2);
    expect(await state.list('AC2')).toEqual([]);
    const [found] = await state.list('AC1', { from: KEY.from });
    const id = sessionId(found!.scope);
    expect(scopeOfId('AC1', id)).toEqual(scopeOf(KEY));
    expect(scopeOfId('AC1', 'nonsense')).toBeUndefined();
    await state.remove(found!.scope);
    expect(await cookies()).toBeUndefined();
    expect(await state.list('AC1')).toHaveLength(1);
  });
});

describe('SS-4 tracking links', () => {
  it('a visit is published, and told by the next request once', async () => {
    const { state, clock } = make();
    const events: { type: string; data: unknown }[] = [];
    const links = new TrackingLinks({
      store: new MemoryTrackingLinkStore(),
      sessions: state,
      events: { emit: (event) => events.push(event) },
      clock,
      random: seededRandom(5),
    });
    const { accountSid, from, to } = KEY;
    const { link, opaque } = await links.create({ accountSid, from, to, url: 'https://shop.example/', seconds: 60 });
    expect(opaque).toMatch(/^[0-9a-f]{32}$/);
    const first = await links.visit(opaque, undefined);
    await links.visit(opaque, first?.webSession);
    expect(events.map(({ type }) => type)).toEqual(['link.visited', 'link.visited']);
    expect(events[0]!.data).toMatchObject({ linkSid: link.sid, webSession: first?.webSession, from, to });
    const turn = await state.begin(KEY, URL_);
    expect(turn.visits.map(({ linkSid, webSession }) => [linkSid, webSession])).toEqual(
      [1, 2].map(() => [link.sid, first?.webSession]),
    );
    await turn.keep([], turn.visits);
    expect((await state.begin(KEY, URL_)).visits).toEqual([]);
    expect(await links.visit('0'.repeat(32), undefined)).toBeUndefined();
    clock.advance(60_000);
    expect(await links.visit(opaque, undefined)).toBeUndefined();
  });
});
