import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { RequestResult } from '../../sip/index.ts';
import { aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { testTrunk } from './trunk-test.ts';

const body = Buffer.alloc(0);
const answers: Record<string, Promise<RequestResult>> = {
  a: Promise.resolve({
    status: 200,
    reason: 'OK',
    received: true,
    headers: [{ name: 'Server', value: 'Kamailio' }],
    body,
  }),
  b: Promise.resolve({ status: 503, reason: 'Overload', received: true, headers: [], body }),
  c: Promise.resolve({ status: 503, reason: 'connection refused', received: false, headers: [], body }),
  d: new Promise(() => undefined),
};

describe('trial of a trunk', () => {
  it('says of each gateway what came back', async () => {
    const clock = new FakeClock();
    const trunk = aTrunk({ gateways: Object.keys(answers).map((host) => aGateway(host)) });
    const request = ({ target }: { target: string }): Promise<RequestResult> => answers[target.slice(4, 5)]!;
    const trial = testTrunk(trunk, { request }, clock);
    await clock.advanceAsync(4000);
    expect(await trial).toEqual([
      { gateway: 'a:5060/udp', result: 'answers', status: 200, said: '200 OK', software: 'Kamailio', ms: 0 },
      { gateway: 'b:5060/udp', result: 'refuses', status: 503, said: '503 Overload', software: undefined, ms: 0 },
      {
        gateway: 'c:5060/udp',
        result: 'unreachable',
        status: undefined,
        said: 'not sent: connection refused',
        software: undefined,
        ms: 0,
      },
      {
        gateway: 'd:5060/udp',
        result: 'silent',
        status: undefined,
        said: expect.stringContaining('nothing came back') as string,
        software: undefined,
        ms: 4000,
      },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });
});
