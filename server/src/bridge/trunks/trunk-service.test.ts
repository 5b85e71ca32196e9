import { expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, seededRandom, silentLog } from '../../kernel/index.ts';
import { FakeTrunks, aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { trunkMetrics } from './metrics.ts';
import { TrunkService } from './trunk-service.ts';

it('the gauges of a gateway and of a trunk go with them, though a call is still up', async () => {
  const metrics = createMetrics();
  const clock = new FakeClock();
  const gateways = [aGateway('a.example'), aGateway('b.example')];
  const trunk = aTrunk({ sid: 'TK1', gateways });
  const directory = new FakeTrunks(trunk, aTrunk({ sid: 'TK2', gateways }));
  const parts = { directory, clock, random: seededRandom(1), log: silentLog, events: { emit: () => undefined } };
  const service = new TrunkService({ ...parts, metrics: trunkMetrics(metrics) });
  const request = () => Promise.reject(new Error('no trunk registers'));
  service.start({ ping: () => Promise.resolve(200), request });
  const lease = await service.acquire(trunk, { accountSid: trunk.accountSid, direction: 'in' });
  const shown = async (trunkSid: string): Promise<string[]> =>
    (await metrics.expose()).body
      .split('\n')
      .filter((line) => /^hookswitch_trunk_(gateway_up|channels|registered)/.test(line) && line.includes(trunkSid));
  expect(await shown('TK1')).toHaveLength(3);
  directory.set({ ...trunk, gateways: gateways.slice(1) }, aTrunk({ sid: 'TK2', gateways }));
  expect((await shown('TK1')).filter((line) => line.includes('a.example'))).toEqual([]);
  directory.set(aTrunk({ sid: 'TK2', gateways }));
  lease?.release();
  expect(await shown('TK1')).toEqual([]);
  expect(await shown('TK2')).toHaveLength(2);
  service.close();
});

it('MT-6 a channel that was reserved is its call’s, on the trunk that it was taken of; what is not used is given back', async () => {
  const [first, second] = [
    aTrunk({ sid: 'TK1', priority: 1, channels: { total: 1 } }),
    aTrunk({ sid: 'TK2', priority: 2, channels: { total: 1 } }),
  ];
  const directory = new FakeTrunks(second, first);
  const clock = new FakeClock();
  const parts = { directory, clock, random: seededRandom(1), log: silentLog, events: { emit: () => undefined } };
  const service = new TrunkService({ ...parts, metrics: trunkMetrics(createMetrics()) });
  const call = (callSid: string) => ({ accountSid: first.accountSid, callSid, number: '+15550100' });
  const out = { accountSid: first.accountSid, direction: 'out' } as const;
  const [one, two] = [await service.reserve(call('CA1')), await service.reserve(call('CA2'))];
  expect([one, two]).not.toContain(undefined);
  expect(await service.reserve(call('CA3'))).toBeUndefined();
  const trunksFor = (callSid: string) =>
    service.select(first.accountSid, '+15550100', callSid).attempts.map(({ trunk }) => trunk.sid);
  expect([trunksFor('CA1'), trunksFor('CA2'), trunksFor('CA3')]).toEqual([['TK1'], ['TK2'], []]);
  expect(await service.acquire(second, { ...out, callSid: 'CA1' })).toBeUndefined();
  const lease = await service.acquire(first, { ...out, callSid: 'CA1' });
  expect(lease).toBeDefined();
  // Taken over: it is not given back twice, and not before the call is over.
  one?.();
  expect(service.channelsInUse).toBe(2);
  lease?.release();
  two?.();
  two?.();
  expect(service.channelsInUse).toBe(0);
});
