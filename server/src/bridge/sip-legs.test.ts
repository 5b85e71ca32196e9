import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndCause } from '@hookswitch/shared';
import { settle } from '../kernel/clock.fake.ts';
import { FakeIncoming, SDP } from './testing/sip.fake.ts';
import { aGateway, aTrunk } from './testing/trunks.fake.ts';
import { ACCOUNT, APPLICATION, NOTHING, World } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

const admission = () => world.router.admission as never;
const hold = SDP.replace('a=sendrecv', 'a=sendonly');

describe('calls from the PSTN', () => {
  it('reaches the router with its facts, rings, is answered with our media', async () => {
    const headers = [
      { name: 'Diversion', value: '<sip:+15557777@192.0.2.1>;reason=no-answer' },
      { name: 'X-Ticket', value: '42' },
      { name: 'Subject', value: 'no' },
      { name: 'P-Asserted-Identity', value: '<sip:+15551234@192.0.2.1;verstat=TN-Validation-Passed>' },
      { name: 'P-Attestation-Indicator', value: 'B' },
    ];
    const { sip, root } = await world.caller(new FakeIncoming(admission(), SDP, headers));
    expect(world.router.calls).toEqual([
      {
        callSid: root,
        accountSid: ACCOUNT,
        applicationSid: APPLICATION,
        from: '+15551234',
        to: '+15550100',
        origin: {
          kind: 'sip',
          trunkSid: 'TK1',
          sipCallId: 'call-1@192.0.2.1',
          sourceIp: '192.0.2.1',
          stirVerstat: 'TN-Validation-Passed-B',
        },
        forwardedFrom: '+15557777',
        sipHeaders: { 'X-Ticket': '42' },
      },
    ]);
    expect(root).toMatch(/^CA[0-9a-f]{32}$/);
    world.legs.ring(root);
    world.legs.answer(root);
    world.legs.answer(root);
    expect(sip.did).toEqual(['180', '200']);
    expect(sip.lastSdp).toContain(`m=audio ${String(world.media.leg(root).local.port)} RTP/AVP`);
    expect(world.media.leg(root).updates).toEqual([
      {
        address: '192.0.2.10',
        port: 40_000,
        rtcpPort: 40_001,
        codec: 'PCMU',
        direction: 'sendrecv',
        telephoneEvent: 101,
        receiveTelephoneEvent: 101,
        signallingAddress: '192.0.2.1',
      },
    ]);
    expect(world.router.words(root)).toEqual(['answered']);
  });

  it('a late offer is answered by our offer, and up with the ACK', async () => {
    const call = new FakeIncoming(admission());
    Object.assign(call, { remoteOffer: undefined });
    const { sip, root } = await world.caller(call);
    world.legs.answer(root);
    expect(sip.lastSdp).toContain('m=audio');
    expect(world.router.words(root)).toEqual([]);
    sip.listener.onAcked?.({ sdp: SDP, initial: true });
    expect(world.router.words(root)).toEqual(['answered']);
    const late = new FakeIncoming(admission());
    Object.assign(late, { remoteOffer: undefined });
    const silent = await world.caller(late);
    world.legs.answer(silent.root);
    late.listener.onAcked?.({ sdp: undefined, initial: true });
    expect(late.did).toEqual(['200', 'BYE']);
    expect(world.router.words(silent.root)).toEqual(['ended unreachable local']);
  });

  it.each<[string, string, number]>([
    ['no SDP at all', 'hello', 400],
    ['no codec of ours', SDP.replaceAll(/ 0 101/g, ' 18').replace('0 PCMU', '18 G729'), 488],
  ])('refuses an offer with %s', async (_what, offer, status) => {
    const call = new FakeIncoming(admission(), offer);
    world.host.sipHandlers.onInvite(call);
    await settle();
    expect(call.did).toEqual([String(status)]);
    expect(world.router.calls).toEqual([]);
  });

  it('refuses with 503 when there is no media', async () => {
    world.media.failRooms = new Error('no worker');
    const call = new FakeIncoming(admission());
    world.host.sipHandlers.onInvite(call);
    await settle();
    expect(call.did).toEqual(['503']);
  });

  it('asks the router whose call it is, and lets OPTIONS through', () => {
    const { sipHandlers } = world.host;
    const call = new FakeIncoming(admission());
    expect(sipHandlers.authorize(call)).toEqual({ allow: true, context: world.router.admission });
    const facts = { trunkSid: 'TK1', from: '+15551234', to: '+15550100' };
    const refused = { admitted: false, kind: 'number-unknown', problem: 'number belongs to nobody' } as const;
    world.router.admission = { ...refused, accountSid: ACCOUNT, ...facts };
    expect(sipHandlers.authorize(call)).toEqual({
      allow: false,
      status: 404,
      reason: 'this number is not assigned here',
      headers: [{ name: 'Reason', value: 'Q.850;cause=1;text="this number is not assigned here"' }],
    });
    expect(world.bus.of('call.refused')).toMatchObject([
      {
        ...facts,
        sipStatus: 404,
        reason: 'number-unknown',
        message: 'number belongs to nobody',
        sourceIp: '192.0.2.1',
      },
    ]);
    Object.assign(call, { method: 'OPTIONS' });
    expect(sipHandlers.authorize(call)).toMatchObject({ allow: true });
  });

  it('a caller who gives up before the room is there leaves nothing behind', async () => {
    const call = new FakeIncoming(admission());
    world.host.sipHandlers.onInvite(call);
    call.listener.onCancelled?.(undefined);
    await settle();
    expect(world.router.calls).toEqual([]);
    expect(world.host.residue).toBe(0);
  });

  it.each<[EndCause, number | undefined, string]>([
    ['rejected', undefined, '603'],
    ['busy', undefined, '486'],
    ['no-answer', undefined, '480'],
    ['application-error', undefined, '503'],
    ['rejected', 404, '404'],
  ])('turns a call away: %s', async (cause, sipStatus, did) => {
    const { sip, root } = await world.caller();
    world.legs.end(root, { cause, message: 'because', ...(sipStatus === undefined ? {} : { sipStatus }) });
    expect(sip.did).toEqual([did]);
    expect(sip.lastReason).toMatchObject({ protocol: 'Q.850', text: 'because' });
    expect(world.router.words(root)).toEqual([`ended ${cause} local`]);
    world.legs.end(root, { cause, message: 'again' });
    expect(sip.did).toEqual([did]);
  });

  it('hang-up by the caller and by us, each told once', async () => {
    const one = await world.caller();
    world.legs.answer(one.root);
    one.sip.listener.onEnded?.({ by: 'remote', cause: 'bye' });
    expect(world.router.words(one.root)).toEqual(['answered', 'ended hangup-caller remote']);
    const two = await world.caller();
    world.legs.answer(two.root);
    world.legs.end(two.root, { cause: 'hangup-api', message: 'done' });
    two.sip.listener.onEnded?.({ by: 'local', cause: 'bye' });
    expect(two.sip.did).toEqual(['200', 'BYE']);
    expect(world.router.words(two.root)).toEqual(['answered', 'ended hangup-api local']);
  });

  it('hold and resume by re-INVITE reach the media and the router; nonsense is refused', async () => {
    const { sip, root } = await world.caller();
    world.legs.answer(root);
    expect(await sip.listener.onReinvite?.(hold)).toEqual({ sdp: expect.stringContaining('a=recvonly') as unknown });
    expect(await sip.listener.onReinvite?.(SDP.replace('40000', '40100'))).toHaveProperty('sdp');
    expect(await sip.listener.onReinvite?.('nonsense')).toMatchObject({ status: 400 });
    expect(world.media.leg(root).updates.map(({ port, direction }) => `${String(port)} ${direction}`)).toEqual([
      '40000 sendrecv',
      '40000 recvonly',
      '40100 sendrecv',
    ]);
    expect(world.router.words(root)).toEqual(['answered', 'held', 'resumed']);
  });

  it('DTMF by RFC 4733 and by INFO are digits', async () => {
    const { sip, root } = await world.caller();
    world.media.leg(root).events.emit('dtmf', { digit: '5', durationMs: 100 });
    const info = (contentType: string, body: string) => sip.listener.onInfo?.({ contentType, body: Buffer.from(body) });
    info('application/dtmf-relay', 'Signal=#\r\nDuration=160\r\n');
    info('application/dtmf', '7');
    info('application/dtmf-relay', 'Signal=12\r\n');
    info('text/plain', '7');
    expect(world.router.words(root)).toEqual(['digit 5', 'digit #', 'digit 7']);
  });

  it('what is played before the answer is early media', async () => {
    const { sip, root } = await world.caller();
    world.legs.play(root, 'p1', { kind: 'tone', tone: 'ringback' });
    world.legs.play(root, 'p2', { kind: 'silence', durationMs: 40 });
    expect(sip.did).toEqual(['183']);
    world.media.leg(root).playing?.end('finished');
    await settle();
    world.legs.stopPlay(root, 'p2');
    world.legs.play(root, 'p3', { kind: 'wav', data: new Uint8Array(3), loop: 1 });
    expect(world.router.words(root)).toEqual(['play p1 stopped', 'play p2 finished', 'play p3 failed']);
  });

  it('a playback that runs when the leg ends is told before the end', async () => {
    const { root } = await world.caller();
    world.legs.answer(root);
    world.legs.play(root, 'p1', { kind: 'tone', tone: 'busy' });
    world.legs.end(root, { cause: 'busy', message: 'busy' });
    await settle();
    expect(world.router.words(root)).toEqual(['answered', 'play p1 stopped', 'ended busy local']);
  });

  it('a caller who sends nothing any more is hung up on, a caller on hold is not', async () => {
    const { sip, root } = await world.caller();
    world.legs.answer(root);
    world.media.leg(root).flow();
    await world.clock.advanceAsync(120_000);
    world.media.leg(root).events.emit('silent', { forMs: 5000 });
    await sip.listener.onReinvite?.(hold);
    await world.clock.advanceAsync(120_000);
    await sip.listener.onReinvite?.(SDP);
    world.media.leg(root).events.emit('silent', { forMs: 5000 });
    await world.clock.advanceAsync(59_999);
    expect(world.router.words(root)).toEqual(['answered', 'held', 'resumed']);
    await world.clock.advanceAsync(1);
    expect(world.router.words(root).at(-1)).toBe('ended media-timeout local');
    expect(sip.did).toEqual(['200', 'BYE']);
  });
});

describe('quality of a leg', () => {
  it('is reported at its end, and not before while it hears nobody', async () => {
    const { root } = await world.caller();
    world.legs.answer(root);
    world.media.leg(root).flow();
    await world.clock.advanceAsync(20_000);
    expect(world.bus.of('call.quality')).toEqual([]);
    world.legs.end(root, { cause: 'hangup-callee', message: 'bye' });
    await settle();
    expect(world.bus.of('call.quality')).toMatchObject([
      { callSid: root, scope: 'final', leg: 'sip', direction: 'inbound', seconds: 20 },
    ]);
  });

  it('silence in the audio is an event, but not of a caller on hold', async () => {
    const { sip, root } = await world.caller();
    world.legs.answer(root);
    world.media.leg(root).events.emit('quiet', { forMs: 30_000, levelDbov: -127 });
    expect(world.bus.of('call.silence')).toMatchObject([{ callSid: root, seconds: 30, levelDbov: -127 }]);
    await sip.listener.onReinvite?.(hold);
    world.media.leg(root).events.emit('quiet', { forMs: 30_000, levelDbov: -127 });
    expect(world.bus.of('call.silence').length).toBe(1);
  });
});

describe('a call that was silent before it was held', () => {
  it('goes on when audio is back after the hold', async () => {
    const { sip, root } = await world.caller();
    world.legs.answer(root);
    world.media.leg(root).flow();
    world.media.leg(root).events.emit('silent', { forMs: 5000 });
    await sip.listener.onReinvite?.(hold);
    await sip.listener.onReinvite?.(SDP);
    await world.clock.advanceAsync(120_000);
    expect(world.router.words(root)).toEqual(['answered', 'held', 'resumed']);
  });
});

it('a caller who agreed to listen only may be silent', async () => {
  const call = new FakeIncoming(admission(), SDP.replace('a=sendrecv', 'a=recvonly'));
  const { root } = await world.caller(call);
  world.legs.answer(root);
  await world.clock.advanceAsync(300_000);
  expect(world.router.words(root)).toEqual(['answered']);
});

describe('calls to the PSTN', () => {
  it('go through the trunk with its credentials and our offer', async () => {
    const { root } = await world.caller();
    const { identity } = aTrunk();
    world.trunks.set(
      aTrunk({
        gateways: [aGateway('sip.carrier.example', { port: 5080 })],
        identity: { ...identity, fromUser: '+15550000', fromDomain: 'us.example' },
        digest: { username: 'u', secret: 'p' },
        codecs: ['PCMA'],
      }),
    );
    await world.dialNumber(root, '+15559999', 12_000);
    const { options } = world.agent.last;
    expect(options).toMatchObject({
      target: 'sip:+15559999@sip.carrier.example:5080',
      from: { uri: 'sip:+15550000@us.example' },
      credentials: { username: 'u', password: 'p' },
      timeoutMs: 12_000,
    });
    expect(options.sdp).toContain('RTP/AVP 8 101');
  });

  it('a SIP URI is dialled as it is, the caller shown as a URI', async () => {
    const { root } = await world.caller();
    const callSid = world.sid();
    world.legs.place({
      callSid,
      parentCallSid: root,
      accountSid: ACCOUNT,
      target: {
        kind: 'sip',
        uri: 'sip:bob@192.0.2.9',
        username: 'u',
        password: 'p',
        headers: [['X-Ticket', '42']],
      },
      from: 'client:support/al ice',
      to: 'sip:bob@192.0.2.9',
      timeoutMs: 10_000,
    });
    await settle();
    expect(world.agent.last.options).toMatchObject({
      target: 'sip:bob@192.0.2.9',
      from: { uri: 'sip:support/al%20ice@192.0.2.100' },
      headers: [{ name: 'X-Ticket', value: '42' }],
      credentials: { username: 'u', password: 'p' },
    });
  });

  it('RFC 3261 section 16.6 item 3: a call that came in goes on with one hop less, and a call of ours has its own', async () => {
    const came = new FakeIncoming(admission());
    Object.assign(came, { maxForwards: 12 });
    await world.dialNumber((await world.caller(came)).root);
    expect(world.agent.last.options.maxForwards).toBe(11);
    await world.dialNumber((await world.caller()).root);
    expect(world.agent.last.options).not.toHaveProperty('maxForwards');
  });

  it('ringing, answer, hang-up by the callee', async () => {
    const { root } = await world.caller();
    const child = await world.dialNumber(root);
    const call = world.agent.last;
    call.provisional(180);
    call.provisional(180);
    call.answered();
    expect(world.media.leg(child).updates.at(-1)).toMatchObject({ address: '192.0.2.10', port: 40_000 });
    call.listener.onEnded?.({ by: 'remote', cause: 'bye' });
    expect(world.router.words(child)).toEqual(['ringing', 'answered', 'ended hangup-callee remote']);
  });

  it('early media is heard by a caller who can hear', async () => {
    const { root } = await world.caller();
    world.legs.answer(root);
    world.legs.play(root, 'rb', { kind: 'tone', tone: 'ringback' });
    const child = await world.dialNumber(root);
    world.agent.last.provisional(180);
    world.agent.last.provisional(183, SDP);
    expect(world.router.words(child)).toEqual(['ringing', 'early-media']);
    expect(world.router.words(root)).toEqual(['answered', 'play rb stopped']);
    expect([...world.media.rooms[0]!.connected]).toEqual([[root, child].sort().join(' ')]);
    world.agent.last.answered(SDP.replace('40000', '41000'));
    expect(world.media.leg(child).updates.at(-1)).toMatchObject({ port: 41_000 });
    expect(world.router.words(child).at(-1)).toBe('answered');
  });

  it('early media stays away from a caller who cannot hear yet', async () => {
    const { root } = await world.caller();
    await world.dialNumber(root);
    world.agent.last.provisional(183, SDP);
    expect(world.media.rooms[0]!.connected.size).toBe(0);
  });

  it.each<[number, boolean, EndCause]>([
    [486, true, 'busy'],
    [603, true, 'rejected'],
    [480, true, 'no-answer'],
    [408, false, 'unreachable'],
    [404, true, 'unreachable'],
    [503, true, 'unreachable'],
  ])('BR-6 %d (received: %s) ends the leg as %s', async (status, received, cause) => {
    const { root } = await world.caller();
    const child = await world.dialNumber(root);
    world.agent.last.failed(status, received);
    await settle();
    expect(world.router.words(child)).toEqual([`ended ${cause} ${received ? 'remote' : 'local'}`]);
    const event = world.router.events.at(-1);
    expect(event).toMatchObject(received ? { sipStatus: status } : { kind: 'leg-ended' });
  });

  it('BR-6 a ringing number that is not answered in time is no-answer', async () => {
    const { root } = await world.caller();
    const child = await world.dialNumber(root);
    world.agent.last.provisional(180);
    world.agent.last.failed(408, false);
    await settle();
    expect(world.router.words(child)).toEqual(['ringing', 'ended no-answer local']);
  });

  it('no trunk, no media: ends with the reason', async () => {
    const { root } = await world.caller();
    world.trunks.set();
    const lost = await world.dialNumber(root);
    expect(world.router.words(lost)).toEqual(['ended unreachable local']);
    expect(world.router.events.at(-1)).toMatchObject({ message: expect.stringContaining('no trunk') as unknown });
    world.media.failLegs = new Error('no free port');
    world.trunks.set(aTrunk({ codecs: [] }));
    expect(world.router.words(await world.dialNumber(root))).toEqual(['ended internal-error local']);
  });

  it('a caller who hangs up cancels the call; an answer that crosses the CANCEL is hung up', async () => {
    const { sip, root } = await world.caller();
    const child = await world.dialNumber(root);
    world.agent.last.provisional(180);
    sip.listener.onCancelled?.(undefined);
    expect(world.router.words(child)).toEqual(['ringing', 'ended canceled local']);
    world.agent.last.answered();
    expect(world.agent.last.did).toEqual(['CANCEL', 'BYE']);
    expect(world.router.words(child)).toEqual(['ringing', 'ended canceled local']);
  });

  it('an answer without usable media is hung up', async () => {
    const { root } = await world.caller();
    const child = await world.dialNumber(root);
    world.agent.last.answered('nonsense');
    expect(world.agent.last.did).toEqual(['BYE']);
    expect(world.router.words(child)).toEqual(['ended unreachable local']);
  });

  it('digits go out as RFC 4733 events, by INFO to a peer without', async () => {
    const { root } = await world.caller();
    const child = await world.dialNumber(root);
    world.agent.last.answered();
    world.legs.sendDigits(child, '1w2');
    world.media.leg(child).dtmfResult = 'unsupported';
    world.legs.sendDigits(child, 'W3#');
    await settle();
    expect(world.media.leg(child).dtmf).toEqual(['1w2']);
    expect(world.agent.last.infos.map((body) => body.split('\r\n')[0])).toEqual(['Signal=3', 'Signal=#']);
  });

  it('a call without a parent has its own room and ends with it', async () => {
    const callSid = world.sid();
    const target = { kind: 'number', number: '+15559999', sendDigits: undefined } as const;
    const common = { accountSid: ACCOUNT, from: '+15550100', to: '+15559999', timeoutMs: 10_000 };
    world.legs.place({ callSid, parentCallSid: callSid, target, ...common });
    await settle();
    world.agent.last.answered();
    const child = await world.dialNumber(callSid);
    world.agent.calls[0]!.listener.onEnded?.({ by: 'remote', cause: 'bye' });
    expect(world.router.words(callSid)).toEqual(['answered', 'ended hangup-callee remote']);
    expect(world.router.words(child)).toEqual(['ended canceled local']);
  });

  it('a call without a parent that is ended before its room is there leaves nothing behind', async () => {
    const callSid = world.sid();
    const target = { kind: 'number', number: '+15559999', sendDigits: undefined } as const;
    const common = { accountSid: ACCOUNT, from: '+15550100', to: '+15559999', timeoutMs: 10_000 };
    world.legs.place({ callSid, parentCallSid: callSid, target, ...common });
    world.legs.end(callSid, { cause: 'canceled', message: 'given up' });
    await settle();
    expect(world.agent.calls).toEqual([]);
    expect(world.router.words(callSid)).toEqual(['ended canceled local']);
  });
});
