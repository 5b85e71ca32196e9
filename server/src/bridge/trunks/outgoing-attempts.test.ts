import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { FakeTrunks, aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { ACCOUNT, FakeBus } from '../testing/world.fake.ts';
import { trunkMetrics } from './metrics.ts';
import { OutgoingAttempts } from './outgoing-attempts.ts';
import type { SipDestination } from './outgoing-attempts.ts';
import type { ChannelSource, Trunk } from './ports.ts';
import { TrunkService } from './trunk-service.ts';

const OUT = { accountSid: 'AC1', direction: 'out' } as const;
const failure = (status: number, received = true) => ({ status, reason: 'x', received, contacts: [] });

function bench(trunks: readonly Trunk[], timeoutMs = 20_000, channels?: ChannelSource) {
  const clock = new FakeClock();
  const bus = new FakeBus(clock);
  const directory = new FakeTrunks(...trunks);
  const parts = { directory, clock, random: seededRandom(1), log: silentLog, events: bus, channels };
  const service = new TrunkService({ ...parts, metrics: trunkMetrics() });
  const destinations: SipDestination[] = trunks.flatMap((trunk) =>
    trunk.gateways.map((gateway) => ({
      invite: { target: `sip:1@${gateway.host}`, from: { uri: 'sip:2@x' } },
      codecs: ['PCMU'],
      srtp: 'off',
      signallingAddress: undefined,
      attempt: { trunk, gateway },
    })),
  );
  const target = { kind: 'number', number: '+1', sendDigits: undefined } as const;
  const sids = { callSid: 'CA2', parentCallSid: 'CA1', accountSid: ACCOUNT };
  const request = { ...sids, target, from: '+15550100', to: '+4930123', timeoutMs };
  const attempts = new OutgoingAttempts({ destinations, request, trunks: service, clock, events: bus, log: silentLog });
  return { clock, bus, service, attempts };
}

const one = aTrunk({ sid: 'TK1', gateways: [aGateway('a'), aGateway('b')] });
const two = aTrunk({ sid: 'TK2', gateways: [aGateway('c')] });

describe('attempts of one outgoing leg', () => {
  it('share the ringing time; only the last may be silent for long', async () => {
    const { clock, attempts } = bench([one, two]);
    expect(await attempts.next()).toMatchObject({ number: 1, limits: { timeoutMs: 20_000, firstResponseMs: 4000 } });
    clock.advance(4000);
    expect(await attempts.failed(failure(408, false), false)).toMatchObject({
      invite: { target: 'sip:1@b' },
      limits: { timeoutMs: 16_000, firstResponseMs: 4000 },
    });
    clock.advance(1000);
    const last = await attempts.failed(failure(503), false);
    expect(last?.limits).toEqual({ timeoutMs: 15_000 });
    expect(await attempts.failed(failure(503), false)).toBeUndefined();
  });

  it('end with the ringing time, which is no fault of another gateway', async () => {
    const { clock, attempts, bus } = bench([one], 5000);
    await attempts.next();
    clock.advance(5000);
    expect(await attempts.failed(failure(408, false), true)).toBeUndefined();
    expect(bus.of('call.attempt-failed')).toMatchObject([
      { message: expect.stringContaining('ringing is over') as string },
    ]);
  });

  it('are not begun with less than a second left', async () => {
    const { clock, attempts } = bench([one], 5000);
    await attempts.next();
    clock.advance(4500);
    expect(await attempts.failed(failure(503), false)).toBeUndefined();
  });

  it('MT-6 hold the channel of the trunk that is tried, and no other', async () => {
    const { service, attempts } = bench([one, two]);
    await attempts.next();
    expect(service.channelsInUse).toBe(1);
    await attempts.failed(failure(503), false);
    await attempts.failed(failure(503), false);
    expect(service.channelsInUse).toBe(1);
    expect(await service.acquire({ ...one, channels: { total: 1 } }, OUT)).toBeDefined();
    attempts.close();
    attempts.close();
    expect(service.channelsInUse).toBe(1);
    expect(await attempts.next()).toBeUndefined();
  });

  it('MT-6 give a channel back that comes when the leg is over', async () => {
    let give = (): void => undefined;
    const [limited, given] = [aTrunk({ ...one, channels: { out: 1 } }), { back: 0 }];
    const take = () =>
      new Promise<() => void>((resolve) => {
        give = () => {
          resolve(() => given.back++);
        };
      });
    const { service, attempts } = bench([limited], 20_000, { take });
    const next = attempts.next();
    attempts.close();
    give();
    expect(await next).toBeUndefined();
    expect([service.channelsInUse, given.back]).toEqual([0, 1]);
  });

  it('pass over a trunk that has filled up meanwhile', async () => {
    const full = aTrunk({ ...one, channels: { out: 1 } });
    const { service, attempts } = bench([full, two]);
    await service.acquire(full, OUT);
    expect(await attempts.next()).toMatchObject({ invite: { target: 'sip:1@c' }, number: 1 });
  });

  it('are told one by one, with what is tried next', async () => {
    const { attempts, bus } = bench([one]);
    await attempts.next();
    await attempts.failed(failure(503), false);
    await attempts.failed(failure(486), false);
    expect(bus.of('call.attempt-failed')).toMatchObject([
      {
        callSid: 'CA2',
        parentCallSid: 'CA1',
        direction: 'outbound-dial',
        gateway: 'a:5060/udp',
        nextGateway: 'b:5060/udp',
      },
      { gateway: 'b:5060/udp', attempt: 2, sipStatus: 486 },
    ]);
    expect(bus.of('call.attempt-failed')[1]).not.toHaveProperty('nextGateway');
  });
});
