import { describe, expect, it } from 'vitest';
import { EventLog, MAX_EVENTS, matchesFilter, shortSubject, summarise } from './event-log.ts';
import { formatDuration, formatPeer, formatTime } from './format.ts';
import { keyAction } from './keyboard.ts';
import type { KeyPress } from './keyboard.ts';

const delivered = (seq: number, data: unknown = {}, type = 'call.ringing') => ({
  topic: `calls.CA${seq}.ringing`,
  position: { epoch: 'e', seq },
  event: {
    specversion: '1.0' as const,
    id: String(seq),
    source: 'n',
    type,
    subject: `CA${'a'.repeat(28)}beef`,
    time: '2026-01-01T00:00:00Z',
    datacontenttype: 'application/json' as const,
    accountsid: 'AC',
    data,
  },
});

describe('keyboard', () => {
  const press = (key: string, more: Partial<KeyPress> = {}): unknown =>
    keyAction({ key, modified: false, repeat: false, phone: 'idle', focus: 'page', ...more })?.do;

  it('Enter answers, unless a button has the focus or something is being typed', () => {
    expect(press('Enter', { phone: 'incoming' })).toBe('answer');
    expect(press('Enter', { phone: 'incoming', focus: 'empty-dial' })).toBe('answer');
    expect(press('Enter', { phone: 'incoming', focus: 'text' })).toBeUndefined();
    expect(press('Enter', { phone: 'incoming', focus: 'button' })).toBeUndefined();
    expect(press('Enter')).toBeUndefined();
  });

  it('Escape rejects or hangs up, M mutes, digits are sent or dialled', () => {
    expect(press('Escape', { phone: 'incoming', focus: 'text' })).toBe('reject');
    expect(press('Escape', { phone: 'call', focus: 'button' })).toBe('hangup');
    expect(press('Escape', { phone: 'call', focus: 'text' })).toBeUndefined();
    expect(press('M', { phone: 'call' })).toBe('mute');
    expect(press('m')).toBeUndefined();
    expect(press('5', { phone: 'call' })).toBe('digit');
    expect(press('5', { phone: 'call', focus: 'text' })).toBeUndefined();
    expect(press('5')).toBe('dial');
    expect(press('+')).toBe('dial');
    expect(press('5', { phone: 'incoming' })).toBeUndefined();
  });

  it('leaves the browser its own keys, and counts a held key once', () => {
    expect(press('m', { phone: 'call', modified: true })).toBeUndefined();
    expect(press('Escape', { phone: 'call', repeat: true })).toBeUndefined();
  });
});

describe('event list', () => {
  it('is newest first and bounded', () => {
    const log = new EventLog();
    for (let seq = 0; seq < MAX_EVENTS + 50; seq++) log.add(delivered(seq));
    const { events } = log.snapshot();
    expect(events).toHaveLength(MAX_EVENTS);
    expect(events[0]?.position.seq).toBe(MAX_EVENTS + 49);
  });

  it('holds events back while paused, and shows them after', () => {
    let show: (() => void) | undefined;
    const log = new EventLog((later) => {
      show = later;
    });
    let changes = 0;
    const stop = log.subscribe(() => changes++);
    log.add(delivered(0));
    log.add(delivered(1));
    expect(changes).toBe(0);
    show?.();
    expect(changes).toBe(1);
    log.setPaused(true);
    log.add(delivered(2));
    expect(log.snapshot()).toMatchObject({ held: 1, paused: true, events: [{ position: { seq: 1 } }, {}] });
    log.setPaused(false);
    expect(log.snapshot().events.map(({ position }) => position.seq)).toEqual([2, 1, 0]);
    log.clear();
    expect(log.snapshot().events).toEqual([]);
    stop();
    log.markGap();
    expect(changes).toBe(4);
  });

  it('filters by every word in type, topic, subject or data', () => {
    const event = delivered(1, { from: '+15550199', to: 'client:alice' });
    expect(matchesFilter(event, '')).toBe(true);
    expect(matchesFilter(event, 'ringing ALICE')).toBe(true);
    expect(matchesFilter(event, 'ringing bob')).toBe(false);
  });

  it('says in a line what happened', () => {
    expect(summarise(delivered(1, { from: 'a', to: 'b', digit: '5' }).event)).toBe('5 · a → b');
    expect(summarise(delivered(1, 'text').event)).toBe('"text"');
    expect(summarise(delivered(1, undefined).event)).toBe('');
    expect(shortSubject(`CA${'a'.repeat(28)}beef`)).toBe('CA…beef');
    expect(shortSubject('support/alice')).toBe('support/alice');
  });
});

describe('formats', () => {
  it('durations, parties and times', () => {
    expect([0, 7000, 247_900, 3_729_000, -5].map(formatDuration)).toEqual(['0:00', '0:07', '4:07', '1:02:09', '0:00']);
    expect(['+15550100', 'client:support/bob', 'sip:bob@example.com;x=y', ''].map(formatPeer)).toEqual([
      '+15550100',
      'support/bob',
      'bob@example.com',
      'unknown',
    ]);
    expect(formatTime('2026-01-01T00:00:01.250Z')).toMatch(/^\d\d:\d\d:01\.250$/);
    expect(formatTime('nonsense')).toBe('nonsense');
  });
});
