import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../kernel/clock.fake.ts';
import type { FakeDevice } from './testing/world.fake.ts';
import { grantsOf, NOTHING, World } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

const callSidOf = (device: FakeDevice): string => device.incoming.at(-1)!.callSid;

describe('ringing devices', () => {
  it.each<[string, string[], string, string[]]>([
    ['one device', ['alice'], 'alice', ['alice']],
    ['every device of one identity', ['alice', 'alice', 'bob'], 'alice', ['alice', 'alice']],
    [
      'a prefix, at any depth',
      ['support/tier1/alice', 'support/tier1/night/bob', 'support/tier2/carol', 'support/tier1', 'support/tier10/dave'],
      'support/tier1/*',
      ['support/tier1/alice', 'support/tier1/night/bob'],
    ],
    ['an identity, not those below it', ['support', 'support/tier1'], 'support', ['support']],
  ])('BR-2 rings %s', async (_what, identities, target, rung) => {
    const devices = await Promise.all(identities.map((identity) => world.registered(identity)));
    const { root } = await world.caller();
    const child = await world.dial(root, target);
    const ringing = devices.filter((device) => device.incoming.length > 0);
    expect(ringing.map((device) => device.connection.grants.identity)).toEqual(rung);
    expect(ringing[0]!.incoming).toEqual([
      expect.objectContaining({ callSid: child, from: '+1', to: target, hint: 'node-a', parameters: { ticket: '42' } }),
    ]);
    expect(world.router.words(child)).toEqual(['ringing']);
  });

  it('BR-2 rings no device of another account', async () => {
    const device = world.device('alice', { accountSid: `AC${'2'.repeat(32)}` });
    await device.register();
    const { root } = await world.caller();
    expect(world.router.words(await world.dial(root))).toEqual(['ended not-registered local']);
    expect(device.pushes).toEqual([]);
  });

  it('BR-4 the device that accepts gets its own leg, and the leg is answered', async () => {
    const device = await world.registered('support/alice');
    const { root } = await world.caller();
    const child = await world.dial(root, 'support/alice');
    const media = await device.accept();
    expect(media).toMatchObject({ callSid: child, send: { id: `${child}-send` }, recv: { id: `${child}-recv` } });
    expect(world.router.events.at(-1)).toEqual({
      kind: 'leg-answered',
      callSid: child,
      answeredBy: 'client:support/alice',
    });
    expect(world.bus.types('client.')).toEqual([
      'client.registered',
      'client.incoming',
      'client.accepted',
      'client.presence',
    ]);
    expect(device.words()).toEqual(['incoming']);
  });

  it('BR-5 of 50 devices that accept in the same moment exactly one gets the call', async () => {
    const devices = await Promise.all(Array.from({ length: 50 }, () => world.registered()));
    const { root } = await world.caller();
    const child = await world.dial(root);
    const answers = await Promise.all(devices.map((device) => device.accept()));
    const winners = answers.filter((answer) => 'send' in answer);
    const losers = answers.filter((answer) => answer['error'] === 'answeredElsewhere');
    expect([winners.length, losers.length]).toEqual([1, 49]);
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
    expect(world.bus.of('client.accepted')).toHaveLength(1);
    const canceled = devices.filter((device) => device.words().includes('cancel answered-elsewhere by alice'));
    expect(canceled).toHaveLength(49);
  });

  it('BR-5 of 50 devices on 3 gateways exactly one gets the call', async () => {
    const gateways = [world.front, world.gateway('gate-b'), world.gateway('gate-c')];
    const devices = Array.from({ length: 50 }, (_, at) => world.device('alice', {}, gateways[at % 3]));
    await Promise.all(devices.map((device) => device.register()));
    const { root } = await world.caller();
    const child = await world.dial(root);
    const answers = await Promise.all(devices.toReversed().map((device) => device.accept()));
    expect(answers.filter((answer) => 'send' in answer)).toHaveLength(1);
    expect(answers.filter((answer) => answer['error'] === 'answeredElsewhere')).toHaveLength(49);
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
  });

  it('BR-5 the first accept wins across the targets of a list', async () => {
    const [alice, bob] = [await world.registered('alice'), await world.registered('bob')];
    const { root } = await world.caller();
    const [first, second] = [await world.dial(root, 'alice'), await world.dial(root, 'bob')];
    const [won, lost] = await Promise.all([bob.accept(), alice.accept()]);
    expect(won).toHaveProperty('send');
    expect(lost).toMatchObject({ error: 'answeredElsewhere' });
    expect(alice.words()).toEqual(['incoming', 'cancel answered-elsewhere by bob']);
    expect(world.router.words(first)).toEqual(['ringing', 'ended canceled local']);
    expect(world.router.words(second)).toEqual(['ringing', 'answered']);
  });

  it('BR-5 a number that answers first silences the devices', async () => {
    const alice = await world.registered('alice');
    const { root } = await world.caller();
    await world.dial(root);
    const number = await world.dialNumber(root, '+15559999');
    world.router.onEvent = (event) => {
      if (event.kind !== 'leg-answered' || event.callSid !== number) return;
      world.legs.end(callSidOf(alice), { cause: 'canceled', message: 'another party answered first' });
    };
    world.agent.last.answered();
    await settle();
    expect(alice.words()).toEqual(['incoming', 'cancel answered-elsewhere by +15559999']);
    expect(await alice.accept()).toMatchObject({ error: 'answeredElsewhere' });
  });

  it('BR-6 a reject from one device keeps the others ringing', async () => {
    const [one, two] = [await world.registered(), await world.registered()];
    const { root } = await world.caller();
    const child = await world.dial(root);
    expect(await one.reject()).toEqual({});
    expect(world.router.words(child)).toEqual(['ringing']);
    expect(await one.accept()).toMatchObject({ error: 'bridgeTokenInvalid' });
    expect(await two.accept()).toHaveProperty('send');
    expect(one.words()).toEqual(['incoming']);
  });

  it('BR-6 every device rejects: busy', async () => {
    const [one, two] = [await world.registered(), await world.registered()];
    const { root } = await world.caller();
    const child = await world.dial(root);
    await one.reject();
    await two.reject('busy');
    expect(world.router.words(child)).toEqual(['ringing', 'ended busy remote']);
    expect(world.bus.of('client.rejected').map(({ reason }) => reason)).toEqual(['rejected', 'busy']);
  });

  it('BR-6 nobody answers: no-answer, and the devices stop', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    const child = await world.dial(root, 'alice', 15_000);
    await world.clock.advanceAsync(14_999);
    expect(world.router.words(child)).toEqual(['ringing']);
    await world.clock.advanceAsync(1);
    expect(world.router.words(child)).toEqual(['ringing', 'ended no-answer local']);
    expect(device.words()).toEqual(['incoming', 'cancel timeout']);
    expect(await device.accept()).toMatchObject({ error: 'bridgeTokenExpired' });
  });

  it('BR-6 nobody is registered: not-registered at once', async () => {
    const { root } = await world.caller();
    const child = await world.dial(root, 'nobody');
    expect(world.router.words(child)).toEqual(['ended not-registered local']);
  });

  it('BR-6 the caller hangs up while it rings: the devices stop, a late accept is told', async () => {
    const device = await world.registered();
    const { sip, root } = await world.caller();
    const child = await world.dial(root);
    sip.listener.onCancelled?.(undefined);
    expect(world.router.words(root)).toEqual(['ended canceled remote']);
    expect(world.router.words(child)).toEqual(['ringing', 'ended canceled local']);
    expect(device.words()).toEqual(['incoming', 'cancel caller-hung-up']);
    expect(await device.accept()).toMatchObject({ error: 'callGone' });
  });

  it('BR-6 the caller hangs up while the winner opens its leg', async () => {
    const device = await world.registered();
    const { sip, root } = await world.caller();
    const child = await world.dial(root);
    const accepting = device.accept();
    sip.listener.onCancelled?.(undefined);
    expect(await accepting).toMatchObject({ error: 'callGone' });
    expect(world.router.words(child)).toEqual(['ringing', 'ended canceled local']);
    await settle();
    expect(device.words()).toEqual(['incoming', 'ended canceled']);
  });

  it('BR-6 a leg dialled for a caller who has just gone ends at once', async () => {
    await world.registered();
    const { sip, root } = await world.caller();
    sip.listener.onCancelled?.(undefined);
    expect(world.router.words(await world.dial(root))).toEqual(['ended canceled local']);
  });

  it('BR-5 a device that cannot hear does not take the call from the others', async () => {
    const [broken, good] = [await world.registered(), await world.registered()];
    const { root } = await world.caller();
    const child = await world.dial(root);
    const { callSid, token, hint } = broken.incoming[0]!;
    for (const rtpCapabilities of [{}, { codecs: [null] }, { codecs: [{ mimeType: 'audio/opus' }] }]) {
      expect(await broken.ask({ type: 'accept', callSid, token, hint, rtpCapabilities })).toMatchObject({
        error: 'mediaFailed',
      });
    }
    expect(good.words()).toEqual(['incoming']);
    expect(await good.accept()).not.toHaveProperty('error');
    expect(world.router.words(child)).toContain('answered');
  });

  it('BR-6 media that cannot be set up ends the leg and tells the device', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    const child = await world.dial(root);
    world.media.failTransports = new Error('no ports');
    expect(await device.accept()).toMatchObject({ error: 'mediaFailed' });
    expect(world.router.words(child)).toEqual(['ringing', 'ended internal-error local']);
  });
});

describe('sealed notifications', () => {
  it('BR-3 a token is good for the device it was sent to alone', async () => {
    const [one, two] = [await world.registered(), await world.registered()];
    const mallory = await world.registered('mallory');
    const { root } = await world.caller();
    await world.dial(root);
    const stolen = one.incoming[0]!;
    for (const thief of [two, mallory]) {
      expect(await thief.accept(stolen)).toMatchObject({ error: 'bridgeTokenInvalid' });
    }
    const other = await world.caller();
    const otherChild = await world.dial(other.root);
    expect(await one.accept({ ...stolen, callSid: otherChild })).toMatchObject({ error: 'bridgeTokenInvalid' });
    expect(await one.accept({ ...stolen, token: 'x' })).toMatchObject({ error: 'bridgeTokenInvalid' });
    expect(await one.accept(stolen)).toHaveProperty('send');
  });

  it('BR-3 a token is refused by every node but the one that made it', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    await world.dial(root);
    const other = new World({}, 8);
    const neighbour = other.network.node('node-b');
    const stop = world.network
      .node('node-b')
      .serve('bridge-device', (payload) => neighbour.request('node-a', 'bridge-device', payload));
    expect(await device.accept({ ...device.incoming[0]!, hint: 'node-b' })).toMatchObject({
      error: 'bridgeTokenInvalid',
    });
    stop();
    expect(await other.residue()).toEqual(NOTHING);
  });

  it.each(['node-z', 'a.b', '>', '', 'gate-a'])('BR-3 a hint that leads nowhere is refused: %j', async (hint) => {
    const device = await world.registered();
    const { root } = await world.caller();
    await world.dial(root);
    const answer = await device.accept({ ...device.incoming[0]!, hint });
    expect(['nodeUnreachable', 'bridgeTokenInvalid']).toContain(answer['error']);
  });

  it('BR-1 a device without the grant, or not registered, gets no call', async () => {
    const device = world.device('alice', { voice: { incoming: false, outgoing: undefined } });
    expect(await device.ask({ type: 'register' })).toMatchObject({ error: 'notPermitted' });
    expect(await world.device('').ask({ type: 'register' })).toBeDefined();
    const anonymous = world.device();
    Object.assign(anonymous.connection, { grants: grantsOf(undefined) });
    expect(await anonymous.ask({ type: 'register' })).toMatchObject({ error: 'notPermitted' });
    const known = await world.registered();
    const { root } = await world.caller();
    await world.dial(root);
    const stranger = world.device();
    expect(await stranger.accept(known.incoming[0])).toMatchObject({ error: 'notRegistered' });
  });

  it('BR-1 a grant that is taken back silences the device at once', async () => {
    const device = await world.registered();
    const renamed = await world.registered();
    Object.assign(device.connection, {
      grants: grantsOf('alice', { voice: { incoming: false, outgoing: undefined } }),
    });
    Object.assign(renamed.connection, { grants: grantsOf('bob') });
    const { root } = await world.caller();
    await world.dial(root);
    expect([device.pushes, renamed.pushes]).toEqual([[], []]);
  });

  it('BR-3 an incoming notification that comes too late is not delivered', async () => {
    const device = await world.registered();
    world.bus.delayMs = 20_000;
    const { root } = await world.caller();
    await world.dial(root, 'alice', 20_000);
    await world.clock.advanceAsync(60_000);
    expect(device.incoming).toEqual([]);
    world.bus.delayMs = 0;
  });
});

describe('devices that come and go', () => {
  it('BR-8 a registration outlives its connection by the grace period, then leaves', async () => {
    const device = await world.registered();
    device.drop();
    await world.clock.advanceAsync(29_999);
    expect(await world.registrations.find(device.connection.grants.accountSid, 'alice')).toHaveLength(1);
    await world.clock.advanceAsync(1);
    expect(await world.registrations.find(device.connection.grants.accountSid, 'alice')).toHaveLength(0);
    expect(world.bus.of('client.unregistered')).toEqual([
      { identity: 'alice', registration: expect.stringMatching(/^RG/) as unknown, reason: 'connection-lost' },
    ]);
  });

  it('BR-8 a device that comes back while it rings gets the call again and answers it', async () => {
    const before = world.device();
    const registration = await before.register();
    before.drop();
    const { root } = await world.caller();
    const child = await world.dial(root);
    expect(world.router.words(child)).toEqual(['ringing']);
    expect(before.incoming).toEqual([]);
    await world.clock.advanceAsync(10_000);
    const after = world.device();
    expect(await after.register(registration)).toBe(registration);
    await settle();
    expect(after.incoming).toHaveLength(1);
    expect(await after.accept()).toHaveProperty('send');
    await world.clock.advanceAsync(30_000);
    expect(world.bus.types('client.unregistered')).toEqual([]);
  });

  it('BR-8 a device that comes back at another gateway keeps its registration and gets the call', async () => {
    const before = world.device();
    const registration = await before.register();
    const { root } = await world.caller();
    await world.dial(root);
    before.drop();
    const after = world.device('alice', {}, world.gateway('gate-b'));
    expect(await after.register(registration)).toBe(registration);
    await settle();
    expect(await after.accept()).toHaveProperty('send');
    await world.clock.advanceAsync(60_000);
    expect(await world.registrations.find(after.connection.grants.accountSid, 'alice')).toHaveLength(1);
    expect(world.bus.types('client.')).not.toContain('client.unregistered');
  });

  it('a registration that cannot be removed while the store is away is removed later', async () => {
    const device = await world.registered();
    const remove = world.registrations.remove.bind(world.registrations);
    world.registrations.remove = () => Promise.reject(new Error('NATS is away'));
    device.drop();
    await world.clock.advanceAsync(31_000);
    expect(world.registrations.size.registrations).toBe(1);
    world.registrations.remove = remove;
    await world.clock.advanceAsync(5_000);
    expect(world.registrations.size.registrations).toBe(0);
    expect(world.bus.types('client.')).toEqual(['client.registered', 'client.unregistered']);
  });

  it('BR-8 a device lost for good while it rings ends the call as connection-lost', async () => {
    const device = await world.registered();
    const { root } = await world.caller();
    const child = await world.dial(root, 'alice', 60_000);
    device.drop();
    await world.clock.advanceAsync(30_000);
    expect(world.router.words(child)).toEqual(['ringing', 'ended connection-lost remote']);
  });

  it('BR-8 another identity cannot take a registration over', async () => {
    const alice = await world.registered();
    const registration = world.bus.of('client.registered')[0]!.registration;
    const mallory = world.device('mallory');
    await mallory.register(registration);
    const { root } = await world.caller();
    await world.dial(root);
    expect(mallory.incoming).toEqual([]);
    expect(alice.incoming).toHaveLength(1);
  });

  it('BR-8 registering twice on one connection is one registration', async () => {
    const device = world.device();
    const [first, second] = await Promise.all([device.register(), device.register()]);
    expect(second).toBe(first);
    expect(await device.register()).toBe(first);
    const { root } = await world.caller();
    await world.dial(root);
    expect(device.incoming).toHaveLength(1);
  });

  it('a device that unregisters is no longer rung', async () => {
    const device = await world.registered();
    expect(await device.ask({ type: 'unregister' })).toEqual({});
    const { root } = await world.caller();
    expect(world.router.words(await world.dial(root))).toEqual(['ended not-registered local']);
    expect(world.bus.of('client.unregistered')[0]).toMatchObject({ reason: 'unregistered' });
  });

  it('a connection that closes while it registers leaves no ghost', async () => {
    const device = world.device();
    const registering = device.ask({ type: 'register' });
    device.drop();
    await registering;
    await world.clock.advanceAsync(30_000);
    expect(world.registrations.size.registrations).toBe(0);
  });

  it('refuses what is no softphone request, with the reason', async () => {
    const answer = await world.front.handle(world.device().connection, { type: 'accept', callSid: 'nonsense' });
    expect(answer).toMatchObject({ error: 'badFrame' });
    expect(await world.front.handle(world.device().connection, null)).toMatchObject({ error: 'badFrame' });
  });
});
