import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BaresipPhone } from '../testing/baresip-phone.ts';
import { PASSWORD, PHONE_DOMAIN, PhoneWorld } from '../testing/phone-world.ts';
import { ACCOUNT } from '../testing/world.fake.ts';

describe.each(['udp', 'tcp'] as const)('baresip as a registered phone over %s', (transport) => {
  let world: PhoneWorld;
  let phone: BaresipPhone;

  beforeAll(async () => {
    world = await PhoneWorld.open();
    phone = await BaresipPhone.start({
      user: 'alice',
      domain: PHONE_DOMAIN,
      password: PASSWORD,
      server: world.server,
      transport,
    });
  });
  afterAll(async () => {
    await world.close();
  });

  it('RFC 3261 section 10: registers with digest', async () => {
    await world.until(() => world.bus.of('phone.registered').length === 1);
    expect(world.bus.of('phone.registered')[0]).toMatchObject({
      address: `alice@${PHONE_DOMAIN}`,
      source: expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\d+/${transport}$`)) as unknown,
      userAgent: expect.stringContaining('baresip') as unknown,
    });
    expect(world.host.phones?.registrar.find(`alice@${PHONE_DOMAIN}`)).toHaveLength(1);
  });

  it('calls: is challenged, taken for itself, and answered', async () => {
    phone.command('dial', `sip:+15550100@${PHONE_DOMAIN}`);
    await world.until(() => world.router.calls.length === 1);
    const [call] = world.router.calls;
    expect(call).toMatchObject({ accountSid: ACCOUNT, from: `sip:alice@${PHONE_DOMAIN}`, to: '+15550100' });
    expect(call?.origin).not.toHaveProperty('trunkSid');
    const callSid = call?.callSid ?? '';
    world.host.legs.ring(callSid);
    world.host.legs.answer(callSid);
    await phone.event('CALL_ESTABLISHED');
    phone.command('hangup');
    await world.until(() => world.router.words(callSid).some((word) => word.startsWith('ended')));
    expect(world.router.words(callSid).at(-1)).toBe('ended hangup-caller remote');
  });

  it('is called over its flow, answers, and is hung up', async () => {
    const callSid = `CA${'1'.repeat(32)}`;
    phone.events.length = 0;
    world.host.legs.place({
      callSid,
      parentCallSid: callSid,
      accountSid: ACCOUNT,
      target: {
        kind: 'sip',
        uri: `sip:alice@${PHONE_DOMAIN}`,
        username: undefined,
        password: undefined,
        headers: [],
      },
      from: '+15550123',
      to: `sip:alice@${PHONE_DOMAIN}`,
      timeoutMs: 20_000,
    });
    await world.until(() => world.router.words(callSid).includes('answered'));
    await phone.event('CALL_ESTABLISHED');
    world.host.legs.end(callSid, { cause: 'hangup-api', message: 'the test is over' });
    await phone.event('CALL_CLOSED');
    expect(world.router.words(callSid).at(-1)).toBe('ended hangup-api local');
  });

  it('unregisters when it ends; then nobody is there to be called', async () => {
    await phone.stop();
    await world.until(() => world.bus.of('phone.unregistered').length === 1);
    expect(world.bus.of('phone.unregistered')[0]).toMatchObject({ reason: 'unregistered' });
    const callSid = `CA${'2'.repeat(32)}`;
    const uri = `sip:alice@${PHONE_DOMAIN}`;
    const target = { kind: 'sip', uri, username: undefined, password: undefined, headers: [] } as const;
    const call = { callSid, parentCallSid: callSid, accountSid: ACCOUNT, from: '+15550123', to: uri };
    world.host.legs.place({ ...call, target, timeoutMs: 20_000 });
    await world.until(() => world.router.words(callSid).length > 0);
    expect(world.router.events.at(-1)).toMatchObject({
      kind: 'leg-ended',
      cause: 'not-registered',
      sipStatus: 480,
      message: `no phone is registered as ${uri}`,
    });
    expect(world.host.residue).toBe(0);
  });
});
