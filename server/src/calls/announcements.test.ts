import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnnouncementOrder } from './announcements/announcement-order.ts';
import { expectGapless } from './testing/gapless.fake.ts';
import { CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const ORDER: AnnouncementOrder = { prompt: { kind: 'fetch', url: 'http://app.test/a.wav' }, to: 'leg', loop: 1 };

describe('CR-4 audio is played into a live call beside its instructions', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
  });
  afterEach(() => {
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const told = () =>
    world.events
      .filter(({ type }) => type.startsWith('call.announcement'))
      .map(({ type, data }) => [type.replace('call.announcement-', ''), (data as { result?: string }).result]);
  const announced = (): string[] => world.legs.commands.filter((one) => one.includes('announce'));
  const ended = (callSid: string, announcementSid: string, result: 'finished' | 'failed' = 'finished'): void => {
    world.router.legEvent({ kind: 'announcement-ended', callSid, announcementSid, result });
  };

  it('to one leg: the verb in progress goes on, and hears nothing of it', async () => {
    await world.twiml('<Say>Hi</Say><Pause length="60"/><Hangup/>').call();
    const sid = world.router.announce(CALL, ORDER)!;
    expect(sid).toMatch(/^PA[0-9a-f]{32}$/);
    await settle();
    expect(announced()).toEqual(['announce caller']);
    expect(world.story().at(-1)).toContain('announcement-started');
    expect(world.story().join('\n')).not.toContain('verb-ended Pause');
    ended(CALL, sid);
    expect(told()).toEqual([
      ['started', undefined],
      ['ended', 'finished'],
    ]);
    world.clock.advance(60_000);
    await settle();
    expect(world.story().join('\n')).toMatch(/verb-ended Pause[^]*verb-started Hangup/);
  });

  it('to both parties of a merged call; it is over with the last of them', async () => {
    await world.twiml('<Dial><Client>alice</Client></Dial>').call();
    const party = world.party(0);
    world.router.legEvent({ kind: 'leg-answered', callSid: party });
    await settle();
    const sid = world.router.announce(party, { ...ORDER, to: 'both' })!;
    await settle();
    expect(announced()).toEqual(['announce party0', 'announce caller']);
    expect(world.events.at(-1)).toMatchObject({ subject: party, data: { legs: [party, CALL] } });
    ended(party, sid);
    expect(told()).toHaveLength(1);
    ended(CALL, sid);
    expect(told().at(-1)).toEqual(['ended', 'finished']);
  });

  it('is stopped by its sid, or whatever it is; one that is still prepared is never heard', async () => {
    await world.twiml('<Say>Hi</Say><Pause length="60"/>').call();
    const first = world.router.announce(CALL, { ...ORDER, loop: 0 })!;
    await settle();
    expect(world.router.stopAnnouncement(CALL, `PA${'0'.repeat(32)}`)).toBeUndefined();
    expect(world.router.stopAnnouncement(CALL, first)).toBe(first);
    await settle();
    const second = world.router.announce(CALL, ORDER);
    expect(world.router.stopAnnouncement(CALL, undefined)).toBe(second);
    await settle();
    expect(announced()).toEqual(['announce caller', 'stop-announcement caller']);
    expect(told()).toEqual([
      ['started', undefined],
      ['ended', 'stopped'],
      ['ended', 'stopped'],
    ]);
    expect(world.router.stopAnnouncement(CALL, undefined)).toBeUndefined();
  });

  it('audio that cannot be had is a warning with its code, and the call goes on', async () => {
    await world.twiml('<Say>Hi</Say><Pause length="60"/>').call();
    world.prompt = { ok: false, code: 11_205, message: 'connection refused' };
    world.router.announce(CALL, ORDER);
    await settle();
    expect(world.story().slice(-2)).toEqual([
      expect.stringContaining('warning 11205'),
      expect.stringContaining('announcement-ended'),
    ]);
    expect(announced()).toEqual([]);
  });

  it('ends with its leg, for the peer too, and is told before the end', async () => {
    await world.twiml('<Dial><Client>alice</Client></Dial><Pause length="60"/>').call();
    const party = world.party(0);
    world.router.legEvent({ kind: 'leg-answered', callSid: party });
    await settle();
    world.router.announce(party, { ...ORDER, to: 'both' });
    await settle();
    world.legs.remoteEnd(party, 'hangup-callee');
    await settle();
    expect(world.legs.commands).toContain('stop-announcement caller');
    const types = world.events.filter(({ subject }) => subject === party).map(({ type }) => type);
    expect(types.slice(-3)).toEqual(['call.announcement-started', 'call.announcement-ended', 'call.ended']);
  });

  it('nothing is announced to a leg that is not answered, or not there', async () => {
    await world.twiml('<Dial answerOnBridge="true"><Client>alice</Client></Dial>').call();
    expect(world.router.announce(CALL, ORDER)).toBeUndefined();
    expect(world.router.announce(world.party(0), ORDER)).toBeUndefined();
    expect(world.router.announce(`CA${'0'.repeat(32)}`, ORDER)).toBeUndefined();
    expect(announced()).toEqual([]);
  });
});
