import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeIncoming, SDP } from './testing/sip.fake.ts';
import { NOTHING, World } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

/** A call whose INVITE came without SDP. */
function lateOffer(reliable: boolean): FakeIncoming {
  const call = new FakeIncoming(world.router.admission as never);
  Object.assign(call, { remoteOffer: undefined, reliable });
  return call;
}

describe('early media on a late offer (RFC 3262 section 5)', () => {
  it('the 183 holds our offer, the PRACK the answer; the 200 makes no other offer', async () => {
    const { sip, root } = await world.caller(lateOffer(true));
    world.legs.play(root, 'p1', { kind: 'tone', tone: 'ringback' });
    world.legs.play(root, 'p2', { kind: 'tone', tone: 'ringback' });
    expect(sip.did).toEqual(['183']);
    const offer = sip.lastSdp;
    expect(world.media.leg(root).updates).toEqual([]);
    sip.listener.onProgressed?.({ sdp: SDP });
    expect(world.media.leg(root).updates).toMatchObject([{ address: '192.0.2.10', port: 40_000, codec: 'PCMU' }]);
    world.legs.answer(root);
    expect(sip.did).toEqual(['183', '200']);
    expect(sip.lastSdp).toBe(offer);
    sip.listener.onAcked?.({ sdp: undefined, initial: true });
    expect(world.router.words(root)).toContain('answered');
    world.legs.end(root, { cause: 'hangup-callee', message: 'done' });
  });

  it('a caller without PRACK hears nothing before the answer', async () => {
    const { sip, root } = await world.caller(lateOffer(false));
    world.legs.play(root, 'p1', { kind: 'tone', tone: 'ringback' });
    expect(sip.did).toEqual([]);
    world.legs.end(root, { cause: 'rejected', message: 'done' });
  });

  it('a session refresh that failed leaves the way free for the next offer', async () => {
    const { sip, root } = await world.caller(new FakeIncoming(world.router.admission as never));
    world.legs.answer(root);
    expect(await sip.listener.onReinvite?.(undefined)).toMatchObject({
      sdp: expect.stringContaining('m=audio') as string,
    });
    sip.listener.onOfferDropped?.();
    sip.listener.onAcked?.({ sdp: SDP.replace('40000', '40100'), initial: false });
    // The answer to an offer that was dropped changes nothing.
    expect(world.media.leg(root).updates.map(({ port }) => port)).toEqual([40_000]);
    world.legs.end(root, { cause: 'hangup-callee', message: 'done' });
  });
});
