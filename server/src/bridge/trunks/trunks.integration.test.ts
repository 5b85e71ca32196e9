import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMetrics, silentLog, systemClock } from '../../kernel/index.ts';
import type { CallFailure } from '../../sip/index.ts';
import { guardsInForce } from '../../tenants/account-guards.ts';
import { CallGuard, MemorySpend } from '../guards/index.ts';
import { freeUdpPort } from '../testing/free-port.ts';
import { CarrierWorld } from '../testing/carrier-world.ts';
import { aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { ACCOUNT } from '../testing/world.fake.ts';

let world: CarrierWorld;
afterEach(async () => {
  expect(await world.close()).toEqual({ legs: 0, calls: 0, listeners: 0 });
});

const exposed = async (): Promise<string> => (await world.metrics.expose()).body;

describe('calls to carriers', () => {
  it('the next gateway is tried under the same CallSid, and who fails is tried last from then on', async () => {
    world = await CarrierWorld.open();
    const [bad, good] = [(await world.carrier()).refuse(503), await world.carrier()];
    const trunk = aTrunk({ gateways: [bad.gateway(), good.gateway({ priority: 1 })] });
    world.trunks.set(trunk);
    const first = await world.dial();
    expect(first.words).toEqual(['answered']);
    expect(world.bus.of('call.attempt-failed')).toMatchObject([
      {
        callSid: first.callSid,
        trunkSid: 'TK1',
        gateway: `127.0.0.1:${String(bad.gateway().port)}/udp`,
        attempt: 1,
        sipStatus: 503,
        received: true,
        nextGateway: `127.0.0.1:${String(good.gateway().port)}/udp`,
      },
    ]);
    for (let i = 0; i < 2; i++) world.hangUp((await world.dial()).callSid);
    expect(bad.received).toHaveLength(3);
    expect(world.bus.of('trunk.down')).toMatchObject([{ trunkSid: 'TK1', gatewaysUp: 1 }]);
    const later = await world.dial();
    expect(bad.received).toHaveLength(3);
    expect(good.received).toHaveLength(4);
    const metrics = await exposed();
    expect(metrics).toContain('hookswitch_trunk_failures_total{trunk="TK1",status="503"} 3');
    expect(metrics).toMatch(
      new RegExp(`gateway_up\\{trunk="TK1",gateway="127.0.0.1:${String(bad.gateway().port)}/udp"\\} 0`),
    );
    world.hangUp(first.callSid);
    world.hangUp(later.callSid);
  });

  it('a gateway that says nothing is given up after some seconds, long before the ringing time is over', async () => {
    world = await CarrierWorld.open();
    const good = await world.carrier();
    const deaf = createSocket('udp4').bind(0, '127.0.0.1');
    await once(deaf, 'listening');
    world.trunks.set(
      aTrunk({ gateways: [aGateway('127.0.0.1', { port: deaf.address().port }), good.gateway({ priority: 1 })] }),
    );
    const { callSid, words } = await world.dial('+4930123', 15_000);
    deaf.close();
    expect(words).toEqual(['answered']);
    expect(world.bus.of('call.attempt-failed')).toMatchObject([{ sipStatus: 408, received: false }]);
    world.hangUp(callSid);
  });

  it('a gateway whose port is closed is told at once', async () => {
    world = await CarrierWorld.open();
    const good = await world.carrier();
    const dead = aGateway('127.0.0.1', { port: await freeUdpPort() });
    world.trunks.set(aTrunk({ gateways: [dead, good.gateway({ priority: 1 })] }));
    const { callSid, words } = await world.dial();
    expect(words).toEqual(['answered']);
    expect(world.bus.of('call.attempt-failed')).toMatchObject([{ received: false }]);
    world.hangUp(callSid);
  });

  it.each([486, 404, 603])('%i is the answer: no other gateway is asked', async (status) => {
    world = await CarrierWorld.open();
    const [busy, other] = [(await world.carrier()).refuse(status), await world.carrier()];
    world.trunks.set(aTrunk({ gateways: [busy.gateway()] }), aTrunk({ sid: 'TK2', gateways: [other.gateway()] }));
    const { end } = await world.dial();
    expect(end).toMatchObject({ sipStatus: status });
    expect(other.received).toEqual([]);
    expect(world.bus.of('trunk.down')).toEqual([]);
  });

  it('fails over to another trunk, with the numbers and the caller as that one wants them', async () => {
    world = await CarrierWorld.open();
    const [bad, good] = [(await world.carrier()).refuse(500), await world.carrier()];
    const { identity, numbers } = aTrunk();
    world.trunks.set(
      aTrunk({ gateways: [bad.gateway()] }),
      aTrunk({
        sid: 'TK2',
        gateways: [good.gateway()],
        identity: {
          ...identity,
          caller: 'p-asserted-identity',
          fromUser: 'acct',
          fromDomain: 'c.example',
          toDomain: 'sip.c.example',
        },
        numbers: { ...numbers, out: 'national', countryCode: '49', nationalPrefix: '0' },
      }),
    );
    const { callSid } = await world.dial();
    expect(bad.received[0]?.requestUri.user).toBe('+4930123');
    expect(good.received[0]?.requestUri).toMatchObject({ user: '030123', host: 'sip.c.example' });
    expect(good.received[0]?.from).toMatchObject({ user: 'acct', host: 'c.example' });
    expect(good.received[0]?.header('P-Asserted-Identity')).toBe('<sip:0015550100@c.example>');
    world.hangUp(callSid);
  });

  it('MT-6 a trunk whose channels are in use takes no more; a channel is free again when its call is over', async () => {
    world = await CarrierWorld.open();
    const carrier = await world.carrier();
    world.trunks.set(aTrunk({ gateways: [carrier.gateway()], channels: { out: 1 } }));
    const first = await world.dial();
    expect((await world.dial()).end).toMatchObject({
      cause: 'unreachable',
      message: expect.stringContaining("'carrier': all its channels are in use") as string,
    });
    expect(carrier.received).toHaveLength(1);
    world.hangUp(first.callSid);
    const again = await world.dial();
    expect(again.words).toEqual(['answered']);
    world.hangUp(again.callSid);
    expect(await exposed()).toContain('hookswitch_trunk_channels{trunk="TK1",direction="out"} 0');
  });

  it('MT-10 a number that the guards of the account stand against is never asked for at a carrier', async () => {
    const guards = guardsInForce({ accountBySid: () => undefined }, { guards: { blocked: ['+49'] } });
    const parts = { clock: systemClock, log: silentLog, metrics: createMetrics(), spend: new MemorySpend(systemClock) };
    const refused: unknown[] = [];
    const callGuard = new CallGuard({
      ...parts,
      directory: { guardsOf: () => guards },
      events: { emit: ({ type, data }) => refused.push({ type, ...data }) },
    });
    world = await CarrierWorld.open({ callGuard });
    const carrier = await world.carrier();
    world.trunks.set(aTrunk({ gateways: [carrier.gateway()] }));
    expect((await world.dial()).end).toMatchObject({ cause: 'unreachable', sipStatus: 403 });
    expect(carrier.received).toHaveLength(0);
    expect(refused).toMatchObject([{ type: 'guard.refused', reason: 'destination' }]);
  });

  it('over IPv6', async () => {
    world = await CarrierWorld.open({}, '::1');
    const [bad, good] = [(await world.carrier()).refuse(503), await world.carrier()];
    world.trunks.set(aTrunk({ allow: ['::1/128'], gateways: [bad.gateway(), good.gateway({ priority: 1 })] }));
    const { callSid, words } = await world.dial();
    expect(words).toEqual(['answered']);
    expect(good.received[0]?.from.host).toBe('::1');
    const incoming = good.call();
    await world.until(() => world.router.calls.length === 1);
    world.host.legs.answer(world.router.calls[0]!.callSid);
    expect(await incoming.result).toBe('answered');
    world.hangUp(world.router.calls[0]!.callSid);
    world.hangUp(callSid);
  });
});

describe('calls from carriers', () => {
  const open = aTrunk({ allow: ['127.0.0.1/32'], gateways: [] });

  it('MT-6 are refused when the channels are in use, with the reason, and taken again later', async () => {
    world = await CarrierWorld.open();
    world.trunks.set({ ...open, channels: { in: 1 } });
    const carrier = await world.carrier();
    const first = carrier.call();
    await world.until(() => world.router.calls.length === 1);
    const refused = (await carrier.call().result) as CallFailure;
    expect(refused).toMatchObject({
      status: 503,
      retryAfter: 5,
      sipReason: { protocol: 'Q.850', cause: 34, text: 'all channels of this trunk are in use' },
    });
    expect(world.bus.of('call.refused')).toMatchObject([
      { trunkSid: 'TK1', reason: 'channels-full', sipStatus: 503, to: '+15550100', from: '+4930999' },
    ]);
    first.call.cancel();
    expect(await first.result).toMatchObject({ status: 487 });
    const again = carrier.call();
    await world.until(() => world.router.calls.length === 2);
    again.call.cancel();
    await again.result;
  });

  it('MT-2 are refused while the node has all the legs that it may have, and taken again later', async () => {
    world = await CarrierWorld.open({ mostLegs: 1 });
    world.trunks.set(open);
    const [carrier, stranger] = [await world.carrier(), await world.carrier('127.0.0.2')];
    const first = carrier.call();
    await world.until(() => world.router.calls.length === 1);
    expect(await carrier.call().result).toMatchObject({ status: 503, retryAfter: 5, sipReason: { cause: 42 } });
    expect(world.bus.of('call.refused')).toMatchObject([{ trunkSid: 'TK1', reason: 'node-full', to: '+15550100' }]);
    expect(await stranger.call().result).toMatchObject({ status: 403 });
    first.call.cancel();
    await first.result;
    const again = carrier.call();
    await world.until(() => world.router.calls.length === 2);
    again.call.cancel();
    await again.result;
  });

  it('of a number that nobody has, and from an address that nobody knows', async () => {
    world = await CarrierWorld.open();
    world.trunks.set(open);
    const [carrier, stranger] = [await world.carrier(), await world.carrier('127.0.0.2')];
    const { port } = world.transport.local;
    const unknown = await carrier.call({ target: `sip:+15559999@127.0.0.1:${String(port)}` }).result;
    expect(unknown).toMatchObject({ status: 404, sipReason: { cause: 1, text: 'this number is not assigned here' } });
    expect(world.bus.emitted).toMatchObject([
      { type: 'call.refused', accountSid: ACCOUNT, data: { reason: 'number-unknown', to: '+15559999' } },
    ]);
    expect(await stranger.call().result).toMatchObject({
      status: 403,
      sipReason: { cause: 21, text: 'calls from this address are not allowed here' },
    });
    // It is no account's affair: the log and the metric have it.
    expect(world.bus.emitted).toHaveLength(1);
    expect(await exposed()).toContain('hookswitch_calls_refused_total{reason="unknown-source"} 1');
    expect(await stranger.options()).toBe(200);
  });

  it('RFC 3261 section 10.2: to the contact that we registered at the carrier, from an address that no list allows', async () => {
    world = await CarrierWorld.open();
    const carrier = await world.carrier();
    const other = await world.carrier('127.0.0.2');
    const register = { registrar: null, user: 'acct', expiresS: 600 };
    world.trunks.set(aTrunk({ allow: ['203.0.113.0/24'], gateways: [carrier.gateway()], register }));
    await vi.waitUntil(() => carrier.contact !== undefined);
    const contact = carrier.contact ?? '';
    expect(contact).toMatch(/^sip:acct@127\.0\.0\.1:\d+;line=[0-9a-f]{32}$/);
    const to = { uri: 'sip:+15550100@carrier.invalid' };
    const from = other.call({ target: contact, to });
    await world.until(() => world.router.calls.length === 1);
    expect(world.router.calls[0]).toMatchObject({
      to: '+15550100',
      origin: { trunkSid: 'TK1', sourceIp: '127.0.0.2' },
    });
    from.call.cancel();
    const stranger = other.call({ target: contact.replace(/line=.{8}/, 'line=00000000'), to });
    expect(await stranger.result).toMatchObject({ status: 403 });
    const plain = carrier.call({ target: contact.replace(/;line.*/, ''), to });
    await world.until(() => world.router.calls.length === 2);
    plain.call.cancel();
    expect([await from.result, await plain.result]).toMatchObject([{ status: 487 }, { status: 487 }]);
  });

  it('strangers that are ignored hear nothing', async () => {
    world = await CarrierWorld.open({ strangers: { policy: 'ignore' } });
    world.trunks.set(open);
    const [carrier, stranger] = [await world.carrier(), await world.carrier('127.0.0.2')];
    expect(await stranger.call({ timeoutMs: 700 }).result).toMatchObject({ status: 408, received: false });
    expect(await carrier.options()).toBe(200);
    expect(await exposed()).toMatch(/calls_refused_total\{reason="policy"\} [1-9]/);
    expect(world.agent.stats.transactions).toBeLessThanOrEqual(1);
  });

  it('with credentials: asked for them, taken with the right ones, refused with wrong ones', async () => {
    world = await CarrierWorld.open();
    const roaming = aTrunk({ allow: [], gateways: [], inbound: { username: 'acme', secret: 'right' } });
    const same = aTrunk({ sid: 'TK2', allow: [], gateways: [], inbound: { username: 'acme', secret: 'other' } });
    world.trunks.set(same, roaming);
    const carrier = await world.carrier('127.0.0.2');
    const taken = carrier.call({ credentials: { username: 'acme', password: 'right' } });
    await world.until(() => world.router.calls.length === 1);
    expect(world.router.calls[0]?.origin).toMatchObject({ kind: 'sip', trunkSid: 'TK1', sourceIp: '127.0.0.2' });
    taken.call.cancel();
    await taken.result;
    expect(await carrier.call({ credentials: { username: 'acme', password: 'wrong' } }).result).toMatchObject({
      status: 403,
      sipReason: { text: 'user name or password is wrong' },
    });
    expect(await carrier.call().result).toMatchObject({
      status: 401,
      sipReason: { text: 'authentication is required' },
    });
    expect(world.router.calls).toHaveLength(1);
  });

  it('an address that has to present credentials too is not enough, and its refusal is the account’s', async () => {
    world = await CarrierWorld.open();
    world.trunks.set(aTrunk({ allow: ['127.0.0.1/32'], gateways: [], inbound: { username: 'acme', secret: 'right' } }));
    const carrier = await world.carrier();
    expect(await carrier.call().result).toMatchObject({ status: 401 });
    expect(await carrier.call({ credentials: { username: 'acme', password: 'wrong' } }).result).toMatchObject({
      status: 403,
    });
    expect(world.bus.of('call.refused')).toMatchObject([{ trunkSid: 'TK1', reason: 'credentials-wrong' }]);
    const elsewhere = await world.carrier('127.0.0.3');
    const stolen = await elsewhere.call({ credentials: { username: 'acme', password: 'right' } }).result;
    expect(stolen).toMatchObject({ status: 403 });
    const taken = carrier.call({ credentials: { username: 'acme', password: 'right' } });
    await world.until(() => world.router.calls.length === 1);
    taken.call.cancel();
    await taken.result;
  });
});
