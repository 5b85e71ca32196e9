import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, seededRandom, silentLog } from '../../kernel/index.ts';
import type { RequestOptions, RequestResult } from '../../sip/index.ts';
import { FakeTrunks, aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { trunkMetrics } from './metrics.ts';
import type { Trunk } from './ports.ts';
import { TrunkRegistrations, registrationOf } from './trunk-registrations.ts';

const { identity } = aTrunk();
const register = { registrar: null, user: 'acct', expiresS: 600 };
const registering = (change: Partial<Trunk> = {}): Trunk =>
  aTrunk({
    gateways: [aGateway('sip.c.example', { port: 5070, transport: 'tcp' })],
    digest: { username: 'acct', secret: 's' },
    register,
    ...change,
  });

describe('where a trunk registers', () => {
  it.each<[string, Partial<Trunk>, object | undefined]>([
    ['nowhere, unless it is asked to', { register: undefined }, undefined],
    [
      'at its gateway',
      {},
      {
        registrar: 'sip:sip.c.example:5070;transport=tcp',
        addressOfRecord: 'sip:acct@sip.c.example',
        credentials: { username: 'acct', password: 's' },
        expires: 600,
      },
    ],
    [
      'at a registrar of its own',
      { register: { ...register, registrar: 'reg.c.example' }, digest: undefined },
      { registrar: 'sip:reg.c.example', addressOfRecord: 'sip:acct@reg.c.example', expires: 600 },
    ],
    [
      'at a domain, by way of the gateway',
      { identity: { ...identity, toDomain: 'c.example', fromDomain: 'us.example' }, digest: undefined },
      {
        registrar: 'sip:c.example',
        addressOfRecord: 'sip:acct@us.example',
        nextHop: 'sip:sip.c.example:5070;transport=tcp',
        expires: 600,
      },
    ],
    [
      'at an IPv6 address',
      { gateways: [aGateway('2001:db8::1', { port: null })], digest: undefined },
      { registrar: 'sip:[2001:db8::1]', addressOfRecord: 'sip:acct@[2001:db8::1]', expires: 600 },
    ],
  ])('%s', (_what, change, target) => {
    expect(registrationOf(registering(change))).toEqual(target);
  });
});

describe('registrations follow the configuration', () => {
  const clock = new FakeClock();
  const requests: RequestOptions[] = [];
  let status = 200;
  const request = (options: RequestOptions): Promise<RequestResult> => {
    requests.push(options);
    const headers = [{ name: 'Service-Route', value: '<sip:edge.c.example;lr>' }];
    const destination = { protocol: 'udp', address: '192.0.2.53', port: 5060 } as const;
    return Promise.resolve({ status, reason: '', received: true, headers, body: Buffer.alloc(0), destination });
  };
  const open = (directory: FakeTrunks, metrics = createMetrics()): TrunkRegistrations =>
    new TrunkRegistrations({
      directory,
      userAgent: { request },
      clock,
      random: seededRandom(1),
      log: silentLog,
      metrics: trunkMetrics(metrics),
    });
  afterEach(() => {
    requests.length = 0;
    status = 200;
    expect(clock.pendingTimers).toBe(0);
  });
  const expires = () => requests.map(({ headers }) => headers?.find(({ name }) => name === 'Expires')?.value);

  it('begins, refreshes, begins anew where the trunk was changed, ends where it was removed', async () => {
    const directory = new FakeTrunks(registering(), aTrunk({ sid: 'TK2' }));
    const metrics = createMetrics();
    const registrations = open(directory, metrics);
    await clock.advanceAsync(0);
    expect(expires()).toEqual(['600']);
    expect(registrations.describe('TK1')).toBe('registered');
    expect(registrations.describe('TK2')).toBeUndefined();
    expect(registrations.serviceRoute('TK1')).toEqual(['<sip:edge.c.example;lr>']);
    expect((await metrics.expose()).body).toContain('hookswitch_trunk_registered{trunk="TK1"} 1');
    await clock.advanceAsync(600_000);
    expect(expires()).toEqual(['600', '600']);
    directory.set(registering({ name: 'only the name' }));
    await clock.advanceAsync(0);
    expect(requests).toHaveLength(2);
    directory.set(registering({ register: { ...register, user: 'other' } }));
    await clock.advanceAsync(0);
    expect(expires().slice(2).sort()).toEqual(['0', '600']);
    directory.set();
    await clock.advanceAsync(0);
    expect(expires().at(-1)).toBe('0');
    expect(registrations.serviceRoute('TK1')).toEqual([]);
    await registrations.stop();
    expect((await metrics.expose()).body).not.toContain('hookswitch_trunk_registered{trunk="TK1"} 1');
  });

  it('RFC 3261 section 10.2: a call to our contact is of the carrier, from wherever it comes', async () => {
    const directory = new FakeTrunks(registering(), registering({ sid: 'TK2', digest: undefined }));
    const registrations = open(directory);
    const called = (uri: string, address = '198.51.100.9') =>
      registrations.trunkOf({
        requestUri: { uri, displayName: '', user: /sip:(\w+)@/.exec(uri)?.[1] ?? '', host: '127.0.0.1' },
        source: { protocol: 'udp', address, port: 5060 },
      })?.sid;
    await clock.advanceAsync(0);
    const params = requests.map(({ contact }) => (typeof contact === 'object' ? contact.uriParams : ''));
    expect(new Set(params).size).toBe(2);
    expect(params[0]).toMatch(/^;line=[0-9a-f]{32}$/);
    expect(params.map((line = '') => called(`sip:acct@127.0.0.1:5060${line}`))).toEqual(['TK1', 'TK2']);
    expect(called(`sip:acct@127.0.0.1:5060;transport=udp${params[1] ?? ''};x=1`)).toBe('TK2');
    // Without it: the user that was registered, from where the REGISTER was answered, and from nowhere else.
    expect(called('sip:acct@127.0.0.1', '192.0.2.53')).toBe('TK1');
    expect([called('sip:acct@127.0.0.1'), called('sip:other@127.0.0.1', '192.0.2.53')]).toEqual([undefined, undefined]);
    expect(called(`sip:acct@127.0.0.1;line=${'0'.repeat(32)}`)).toBeUndefined();
    // The same after a restart, where nobody can guess it.
    const again = open(directory);
    await clock.advanceAsync(0);
    expect(requests[2]?.contact).toMatchObject({ uriParams: params[0] });
    await Promise.all([registrations.stop(), again.stop()]);
    expect(called('sip:acct@127.0.0.1', '192.0.2.53')).toBeUndefined();
  });

  it('is taken back at the end', async () => {
    const directory = new FakeTrunks(registering());
    const registrations = open(directory);
    await clock.advanceAsync(0);
    await registrations.stop();
    expect(expires()).toEqual(['600', '0']);
    expect(directory.listeners).toBe(0);
  });
});
