import { beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { ACCOUNT, APPLICATION, NOTHING, World } from '../testing/world.fake.ts';
import type { FakeDevice } from '../testing/world.fake.ts';
import type { BridgeRequests } from './index.ts';

const rtpCapabilities = { codecs: [{ mimeType: 'audio/PCMU' }] };
const wish = {
  accountSid: ACCOUNT,
  identity: 'alice',
  to: '+15550123',
  from: '+15550100',
  applicationSid: undefined,
  data: { text: 'call me' },
  announced: true,
  ttlMs: 60_000,
};

let world: World;
let requests: BridgeRequests;
beforeEach(() => {
  world = new World();
  ({ requests } = world);
});

const answer = (device: FakeDevice, bridgeToken: string): Promise<Record<string, unknown>> =>
  device.ask({ type: 'connect', params: { To: '+1999', note: 'mine' }, bridgeToken, rtpCapabilities });

describe('BR-10 a bridge request', () => {
  it('is told to every device of the identity, and the first that answers has its leg and a call to the other party', async () => {
    const [desk, mobile, other] = [await world.registered(), await world.registered(), await world.registered('bob')];
    const made = await requests.create(wish);
    for (const device of [desk, mobile]) {
      expect(device.pushes).toMatchObject([
        { type: 'bridge-request', requestSid: made.sid, to: '+15550123', data: { text: 'call me' } },
      ]);
    }
    expect(other.pushes).toEqual([]);
    const token = requests.tokenOf(made);
    const [first, second] = await Promise.all([answer(desk, token), answer(mobile, token)]);
    expect(first).toMatchObject({ hint: 'node-a' });
    expect(second).toEqual({ error: 'alreadyAnswered', message: 'the bridge request was already answered' });
    const [call, ...more] = world.router.calls;
    expect(more).toEqual([]);
    expect(call).toMatchObject({
      callSid: first['callSid'],
      from: 'client:alice',
      to: '+15550123',
      applicationSid: undefined,
      document:
        '<Response><Dial answerOnBridge="true" callerId="+15550100"><Number>+15550123</Number></Dial></Response>',
      origin: { params: { BridgeRequestSid: made.sid, BridgeRequestData: '{"text":"call me"}', note: 'mine' } },
    });
    expect(mobile.words()).toEqual(['bridge-request', 'bridge-request-closed']);
    expect(world.bus.of('client.bridge-request-closed')).toMatchObject([
      { requestSid: made.sid, status: 'accepted', callSid: first['callSid'] },
    ]);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('asks the application that it names, and lets no parameter of the client replace its own', async () => {
    const device = await world.registered();
    const made = await requests.create({ ...wish, applicationSid: APPLICATION });
    await device.ask({
      type: 'connect',
      params: { BridgeRequestSid: 'forged' },
      bridgeToken: requests.tokenOf(made),
      rtpCapabilities,
    });
    expect(world.router.calls).toMatchObject([
      { applicationSid: APPLICATION, document: undefined, origin: { params: { BridgeRequestSid: made.sid } } },
    ]);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('is refused in its own words when expired, used, taken back, foreign or made up, and leaves no leg behind', async () => {
    const [alice, bob] = [world.device('alice'), world.device('bob')];
    const [used, expired, canceled] = [
      await requests.create(wish),
      await requests.create({ ...wish, ttlMs: 1000 }),
      await requests.create(wish),
    ];
    const tokens = [used, expired, canceled].map((request) => requests.tokenOf(request));
    expect(await answer(bob, tokens[0]!)).toEqual({
      error: 'bridgeTokenInvalid',
      message: 'the bridge request is for another identity',
    });
    const foreign = world.device('alice', { accountSid: `AC${'9'.repeat(32)}` });
    expect(await answer(foreign, tokens[0]!)).toEqual({
      error: 'bridgeTokenInvalid',
      message: 'there is no such bridge request',
    });
    expect(await answer(alice, 'made-up')).toMatchObject({ error: 'bridgeTokenInvalid' });
    await answer(alice, tokens[0]!);
    expect(await answer(alice, tokens[0]!)).toMatchObject({ error: 'alreadyAnswered' });
    await world.clock.advanceAsync(1000);
    expect(await answer(alice, tokens[1]!)).toMatchObject({
      error: 'bridgeTokenExpired',
      message: 'the bridge request has expired',
    });
    await requests.cancel(ACCOUNT, canceled.sid);
    expect(await answer(alice, tokens[2]!)).toMatchObject({
      error: 'bridgeTokenExpired',
      message: 'the bridge request was taken back',
    });
    expect(world.router.calls).toHaveLength(1);
    expect(world.media.open.legs).toBe(1);
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('needs the grant of incoming calls, and not that of outgoing ones', async () => {
    const made = await requests.create(wish);
    const neither = world.device('alice', { voice: { incoming: false, outgoing: undefined } });
    expect(await answer(neither, requests.tokenOf(made))).toMatchObject({ error: 'notPermitted' });
    const incoming = world.device('alice', { voice: { incoming: true, outgoing: undefined } });
    expect(await answer(incoming, requests.tokenOf(made))).toHaveProperty('callSid');
    expect(await world.residue()).toEqual(NOTHING);
  });

  it('is told to a device that registers later, and no more to one that is gone or was narrowed', async () => {
    const made = await requests.create(wish);
    const device = world.device();
    expect(await device.ask({ type: 'register' })).toMatchObject({
      bridgeRequests: [{ requestSid: made.sid, token: requests.tokenOf(made) }],
    });
    const gone = await world.registered();
    gone.drop();
    await device.ask({ type: 'unregister' });
    await requests.cancel(ACCOUNT, made.sid);
    await settle();
    expect([...device.words(), ...gone.words()]).toEqual([]);
    expect(await device.ask({ type: 'register' })).not.toHaveProperty('bridgeRequests');
    expect(await world.residue()).toEqual(NOTHING);
  });
});
