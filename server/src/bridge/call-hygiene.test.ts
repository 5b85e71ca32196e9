import { describe, expect, it } from 'vitest';
import { settle } from '../kernel/clock.fake.ts';
import { FakeIncoming } from './testing/sip.fake.ts';
import { NOTHING, World } from './testing/world.fake.ts';

describe('what a call leaves behind', () => {
  it('nothing, after many calls that ended in every way', async () => {
    const world = new World();
    const device = await world.registered();
    for (let round = 0; round < 100; round++) {
      const { sip, root } = await world.caller();
      if (round % 2 === 0) world.legs.answer(root);
      const child = round % 3 === 0 ? await world.dialNumber(root) : await world.dial(root);
      if (round % 3 === 0) world.agent.last.answered();
      if (round % 3 === 1) await device.accept();
      world.legs.merge(root, child);
      if (round % 5 !== 0) world.media.leg(root).flow();
      world.legs.play(root, `p${String(round)}`, { kind: 'tone', tone: 'ringback' });
      const ends = [
        () => sip.listener.onEnded?.({ by: 'remote', cause: 'bye' }),
        () => {
          world.legs.end(child, { cause: 'hangup-api', message: 'over' });
          world.legs.end(root, { cause: 'hangup-api', message: 'over' });
        },
        () => {
          world.media.rooms.at(-1)!.end('media-worker-died');
        },
        () => sip.listener.onCancelled?.(undefined),
      ];
      ends[round % ends.length]!();
      await settle();
    }
    expect(world.host.residue).toBe(0);
    expect(world.media.open).toEqual({ rooms: 0, legs: 0, listeners: 0 });
    expect(world.registrations.size).toEqual({ registrations: 1, watchers: 0 });
    await world.clock.advanceAsync(0);
    expect(world.clock.pendingTimers).toBe(0);
    const ends = world.router.events.filter((event) => event.kind === 'leg-ended').map((event) => event.callSid);
    expect(new Set(ends).size).toBe(ends.length);
    expect(ends).toHaveLength(200);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('BR-9 the death of a media worker ends its calls with a definite event, and the next call works', async () => {
    const world = new World();
    const { sip, root, child, device } = await world.talking();
    const ringing = await world.caller();
    world.media.die(4711);
    await world.clock.advanceAsync(0);
    expect(world.router.words(root).at(-1)).toBe('ended media-worker-died local');
    expect(world.router.words(child).at(-1)).toBe('ended media-worker-died local');
    expect(device.words().at(-1)).toBe('ended media-worker-died');
    expect([sip.did.at(-1), ringing.sip.did.at(-1)]).toEqual(['BYE', '503']);
    expect(world.bus.of('node.media-worker-died')).toEqual([
      { node: 'node-a', pid: 4711, endedCalls: [root, child, ringing.root] },
    ]);
    const next = await world.caller();
    expect(world.router.words(await world.dial(next.root))).toEqual(['ringing']);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('a shutdown ends every leg, once, and refuses calls from then on', async () => {
    const world = new World();
    const { sip, root, child, device } = await world.talking();
    world.host.close();
    await settle();
    expect(sip.did.at(-1)).toBe('BYE');
    expect(world.router.words(root).at(-1)).toBe('ended shutdown local');
    expect(world.router.words(child).at(-1)).toMatch(/^ended (shutdown|hangup-caller) local$/);
    expect(device.words().at(-1)).toMatch(/^ended/);
    const late = new FakeIncoming(world.router.admission as never);
    expect(world.host.sipHandlers.authorize(late)).toMatchObject({ allow: false, status: 503 });
    world.host.sipHandlers.onInvite(late);
    await settle();
    expect(late.did).toEqual(['503']);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('commands for legs that are unknown or over do nothing', async () => {
    const world = new World();
    const { legs } = world;
    for (const callSid of [world.sid(), (await world.caller()).root]) {
      legs.end(callSid, { cause: 'hangup-api', message: '' });
      const before = world.router.events.length;
      legs.ring(callSid);
      legs.answer(callSid);
      legs.end(callSid, { cause: 'hangup-api', message: '' });
      legs.play(callSid, 'p', { kind: 'tone', tone: 'busy' });
      legs.stopPlay(callSid, 'p');
      legs.merge(callSid, callSid);
      legs.unmerge(callSid, callSid);
      legs.sendDigits(callSid, '1');
      expect(world.router.events).toHaveLength(before);
    }
    expect(await world.residue()).toEqual(NOTHING);
  });
});
