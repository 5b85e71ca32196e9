import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../kernel/clock.fake.ts';
import { SDP } from './testing/sip.fake.ts';
import { ACCOUNT, APPLICATION, grantsOf, NOTHING, World } from './testing/world.fake.ts';
import type { FakeDevice } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

async function connect(device: FakeDevice, params: Record<string, string> = { To: '+15559999' }) {
  const result = await device.ask({ type: 'connect', params, rtpCapabilities: {} });
  return { result, root: String(result['callSid']) };
}
const hearing = (root: string): void => {
  const transportId = `${root}-recv`;
  world.media.leg(root).events.emit('transport', { transportId, side: 'recv', state: 'connected' });
};

describe('a merged call', () => {
  it('BR-4 is merged when audio flows both ways, and both sides are told once', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    world.legs.answer(root);
    const child = await world.dial(root);
    await device.accept();
    world.legs.play(root, 'rb', { kind: 'tone', tone: 'ringback' });
    world.legs.merge(root, child);
    world.legs.merge(root, child);
    expect([...world.media.rooms[0]!.connected]).toEqual([[root, child].sort().join(' ')]);
    world.media.leg(root).flow();
    expect(world.router.words(root)).toEqual(['answered', 'play rb stopped']);
    world.media.leg(child).flow();
    await settle();
    expect(world.router.words(root)).toEqual(['answered', 'play rb stopped', 'merged']);
    expect(device.words()).toEqual(['incoming', 'merged']);
  });

  it('a side that stays silent is reported once, to router and device', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    world.legs.answer(root);
    const child = await world.dial(root);
    await device.accept();
    world.media.leg(root).flow();
    world.legs.merge(root, child);
    await world.clock.advanceAsync(5000);
    world.media.leg(child).events.emit('silent', { forMs: 5000 });
    await settle();
    expect(world.router.words(root)).toEqual(['answered', 'one-way peer']);
    expect(device.words()).toEqual(['incoming', 'one-way client']);
  });

  it('a muted device may be silent', async () => {
    const { root, child, device } = await world.talking();
    await device.ask({ type: 'mute', callSid: child, muted: true });
    world.media.leg(child).events.emit('silent', { forMs: 5000 });
    await world.clock.advanceAsync(300_000);
    expect(world.router.words(root)).toEqual(['answered', 'merged']);
  });

  it('digits pass both ways', async () => {
    const { root, child, device } = await world.talking();
    world.media.leg(root).events.emit('dtmf', { digit: '7', durationMs: 80 });
    expect(await device.ask({ type: 'digits', callSid: child, digits: '1w#' })).toEqual({});
    expect(device.words()).toEqual(['incoming', 'merged', 'digit 7']);
    expect(world.media.leg(root).dtmf).toEqual(['1w#']);
    expect(world.router.words(child)).toEqual(['ringing', 'answered', 'digit 1', 'digit #']);
    expect(world.router.words(root)).toContain('digit 7');
  });

  it('hang-up by the device ends its leg alone; the router decides about the other', async () => {
    const { sip, root, child, device } = await world.talking();
    expect(await device.ask({ type: 'hangup', callSid: child })).toEqual({});
    expect(world.router.words(child)).toEqual(['ringing', 'answered', 'ended hangup-callee remote']);
    expect(device.words().at(-1)).toBe('ended hangup-callee');
    expect(sip.did).toEqual(['200']);
    expect([world.media.leg(child).closed, world.media.leg(root).closed]).toEqual([true, false]);
    expect(await device.ask({ type: 'mute', callSid: child, muted: true })).toMatchObject({ error: 'noSuchCall' });
  });

  it('hang-up by the caller ends the device too', async () => {
    const { sip, child, device } = await world.talking();
    sip.listener.onEnded?.({ by: 'remote', cause: 'bye' });
    await settle();
    expect(world.router.words(child).at(-1)).toBe('ended hangup-caller local');
    expect(device.words().at(-1)).toBe('ended hangup-caller');
    expect(world.media.open).toMatchObject({ rooms: 0, legs: 0 });
  });

  it('unmerge parts the audio and leaves both up; merged again with another', async () => {
    const { root, child } = await world.talking();
    world.legs.unmerge(root, child);
    expect(world.media.rooms[0]!.connected.size).toBe(0);
    const other = await world.dialNumber(root);
    world.agent.last.answered();
    world.legs.merge(root, other);
    world.media.leg(other).flow();
    expect(world.router.words(root)).toEqual(['answered', 'merged', 'unmerged', 'merged']);
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
  });

  it('a foreign connection cannot touch the leg', async () => {
    const { child } = await world.talking();
    const thief = world.device('alice');
    expect(await thief.ask({ type: 'hangup', callSid: child })).toMatchObject({ error: 'noSuchCall' });
    const message = {
      caller: { accountSid: ACCOUNT, identity: 'alice', front: 'gate-a', connection: 'conn-99' },
      request: { type: 'hangup', callSid: child },
    };
    expect(await world.network.node('x').request('node-a', 'bridge-device', message)).toMatchObject({
      error: 'noSuchCall',
    });
  });

  it('two browsers are told which codec media wants, and what to hear', async () => {
    const { child, device } = await world.talking();
    const { events } = world.media.leg(child);
    events.emit('send-codec', { codec: 'opus' });
    events.emit('consumer', { id: 'c2', producerId: 'p', kind: 'audio', rtpParameters: {} });
    events.emit('send-codec', { codec: 'PCMU' });
    await settle();
    expect(device.words()).toEqual(['incoming', 'merged', 'codec opus', 'consumer', 'codec PCMU']);
  });
});

describe("a client's own call", () => {
  it('has its leg at once, and the router runs the application of the grant', async () => {
    const device = world.device('support/alice', {
      voice: { incoming: false, outgoing: { applicationSid: APPLICATION, params: { Campaign: 'x', Tier: '1' } } },
    });
    const { result, root } = await connect(device, { To: '+15559999', Tier: '9' });
    expect(result).toMatchObject({ hint: 'node-a', send: { id: `${root}-send` } });
    expect(world.router.calls).toEqual([
      {
        callSid: root,
        accountSid: ACCOUNT,
        applicationSid: APPLICATION,
        from: 'client:support/alice',
        to: '+15559999',
        origin: {
          kind: 'client',
          identity: 'support/alice',
          params: { To: '+15559999', Tier: '1', Campaign: 'x' },
        },
      },
    ]);
    expect(
      await device.ask({ type: 'connect-transport', callSid: root, transportId: 't', dtlsParameters: {} }),
    ).toEqual({});
    const produce = { type: 'produce', callSid: root, transportId: 't', rtpParameters: {}, codec: 'PCMU' } as const;
    expect(await device.ask(produce)).toEqual({ producerId: `${root}-mic` });
  });

  it('hears ringback, then the far end, and is told each step', async () => {
    const device = world.device();
    const { root } = await connect(device);
    world.legs.ring(root);
    expect(world.media.leg(root).playing).toBeDefined();
    const child = await world.dialNumber(root);
    world.agent.last.provisional(183, SDP);
    expect(world.media.leg(root).playing).toBeUndefined();
    expect([...world.media.rooms[0]!.connected]).toEqual([[root, child].sort().join(' ')]);
    world.agent.last.answered();
    hearing(root);
    world.legs.answer(root);
    world.legs.merge(root, child);
    world.media.leg(root).flow();
    world.media.leg(child).flow();
    await settle();
    expect(device.words()).toEqual(['ringing', 'ringing early', 'answered', 'merged']);
    expect(world.router.words(root)).toEqual(['answered', 'merged']);
  });

  it('is answered only when the browser hears, and given up when it never does', async () => {
    const device = world.device();
    const first = await connect(device);
    world.legs.answer(first.root);
    expect(world.router.words(first.root)).toEqual([]);
    hearing(first.root);
    expect(world.router.words(first.root)).toEqual(['answered']);
    const second = await connect(device);
    world.legs.answer(second.root);
    await world.clock.advanceAsync(15_000);
    expect(world.router.words(second.root)).toEqual(['ended media-timeout local']);
    await settle();
    expect(device.words().at(-1)).toBe('ended media-timeout');
  });

  it('is refused without the grant and when there is no media', async () => {
    const device = world.device('alice', { voice: { incoming: true, outgoing: undefined } });
    expect((await connect(device)).result).toMatchObject({ error: 'notPermitted' });
    world.media.failRooms = new Error('no worker');
    expect((await connect(world.device())).result).toMatchObject({ error: 'mediaFailed' });
    expect(world.router.calls).toEqual([]);
  });

  it('given up before the answer is canceled', async () => {
    const device = world.device();
    const { root } = await connect(device);
    const child = await world.dialNumber(root);
    await device.ask({ type: 'hangup', callSid: root });
    expect(world.router.words(root)).toEqual(['ended canceled remote']);
    expect(world.router.words(child)).toEqual(['ended canceled local']);
    expect(world.agent.last.did).toEqual(['CANCEL']);
  });

  it('messages about the leg follow the answer that names it', async () => {
    const device = world.device();
    const order: string[] = [];
    Object.assign(device.connection, { push: () => order.push('push') });
    const incoming = world.router.incoming.bind(world.router);
    world.router.incoming = (call) => {
      incoming(call);
      world.legs.ring(call.callSid);
    };
    const body = { type: 'connect', params: {}, rtpCapabilities: {} };
    await device.extension.handle(device.connection, body).then(() => order.push('result'));
    await world.clock.advanceAsync(0);
    expect(order).toEqual(['result', 'push']);
  });
});

describe('a device that loses its connection', () => {
  async function lost(): Promise<Awaited<ReturnType<World['talking']>> & { token: string }> {
    const device = await world.registered();
    const { sip, root } = await world.caller();
    world.legs.answer(root);
    const child = await world.dial(root);
    const media = await device.accept();
    device.drop();
    await settle();
    return { sip, root, child, device, token: String(media['reconnectToken']) };
  }
  const reattach = (device: FakeDevice, callSid: string, reconnectToken: string) =>
    device.ask({ type: 'reattach', callSid, hint: 'node-a', reconnectToken });

  it('BR-8 takes its call up again on a new connection and restarts ICE', async () => {
    const { root, child, token } = await lost();
    await world.clock.advanceAsync(10_000);
    world.legs.merge(root, child);
    world.media.leg(root).flow();
    world.media.leg(child).flow();
    const after = world.device();
    const answer = await reattach(after, child, token);
    expect(answer).toMatchObject({ callSid: child, state: 'open' });
    await settle();
    expect(after.words()).toEqual(['merged']);
    expect(await after.ask({ type: 'restart-ice', callSid: child, transportId: 't' })).toEqual({
      iceParameters: { usernameFragment: 'new' },
    });
    await world.clock.advanceAsync(120_000);
    expect(world.router.words(child)).not.toContain('ended connection-lost remote');
    after.drop();
    const again = world.device();
    expect(await reattach(again, child, String(answer['reconnectToken']))).toMatchObject({ state: 'open' });
  });

  it('BR-8 is given up after the grace period', async () => {
    const { child, token } = await lost();
    await world.clock.advanceAsync(29_999);
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
    await world.clock.advanceAsync(1);
    expect(world.router.words(child)).toEqual(['ringing', 'answered', 'ended connection-lost remote']);
    expect(await reattach(world.device(), child, token)).toMatchObject({ error: 'callGone' });
  });

  it('BR-8 nobody else can take the call up', async () => {
    const { child, token } = await lost();
    expect(await reattach(world.device('mallory'), child, token)).toMatchObject({ error: 'bridgeTokenInvalid' });
    const foreign = world.device('alice', { accountSid: `AC${'2'.repeat(32)}` });
    expect(await reattach(foreign, child, token)).toMatchObject({ error: 'bridgeTokenInvalid' });
    expect(await reattach(world.device(), world.sid(), token)).toMatchObject({ error: 'bridgeTokenInvalid' });
    const anonymous = world.device();
    Object.assign(anonymous.connection, { grants: grantsOf(undefined) });
    expect(await reattach(anonymous, child, token)).toMatchObject({ error: 'notPermitted' });
  });

  it('BR-8 a close of the old connection that comes late does no harm', async () => {
    const { child, device } = await world.talking();
    const bearer = { accountSid: ACCOUNT, identity: 'alice', front: 'gate-a', connection: device.connection.id };
    const rpc = world.network.node('gate-a');
    await rpc.request('node-a', 'bridge-detached', { callSid: child, connection: 'conn-77' });
    await world.clock.advanceAsync(60_000);
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
    expect(
      await rpc.request('node-a', 'bridge-device', { caller: bearer, request: { type: 'hangup', callSid: child } }),
    ).toEqual({ ok: true, result: {} });
  });

  it('BR-8 a gateway that is gone counts as a lost connection', async () => {
    const { root, child } = await world.talking();
    await world.front.close();
    world.media.leg(root).events.emit('dtmf', { digit: '1', durationMs: 80 });
    await world.clock.advanceAsync(30_000);
    expect(world.router.words(child).at(-1)).toBe('ended connection-lost remote');
  });
});
