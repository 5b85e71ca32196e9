import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { gatewayKey } from './gateway.ts';
import type { Trunk } from './ports.ts';
import { MAX_ATTEMPTS, selectAttempts } from './selection.ts';

const select = (
  trunks: readonly Trunk[],
  more: { number?: string; down?: readonly string[]; full?: readonly string[]; seed?: number } = {},
) =>
  selectAttempts({
    trunks,
    number: more.number ?? '+4930123',
    isDown: (_trunk, { host }) => more.down?.includes(host) === true,
    hasChannel: ({ sid }) => more.full?.includes(sid) !== true,
    random: seededRandom(more.seed ?? 1),
  });
const hosts = (...args: Parameters<typeof select>) => select(...args).attempts.map(({ gateway }) => gateway.host);

const two = aTrunk({ sid: 'TK1', gateways: [aGateway('b', { priority: 2 }), aGateway('a', { priority: 1 })] });
const other = aTrunk({ sid: 'TK2', name: 'other', gateways: [aGateway('c')] });

describe('selection of gateways', () => {
  it('gateways of a trunk by priority, trunks in order', () => {
    expect(hosts([two, other])).toEqual(['a', 'b', 'c']);
  });
  it('the longest prefix that begins the number goes first; a trunk for other numbers is left out', () => {
    const german = aTrunk({ sid: 'TK3', gateways: [aGateway('de')], prefixes: ['+49'] });
    const berlin = aTrunk({ sid: 'TK4', gateways: [aGateway('berlin')], prefixes: ['+44', '4930'] });
    const british = aTrunk({ sid: 'TK5', name: 'uk', gateways: [aGateway('uk')], prefixes: ['+44'] });
    expect(hosts([other, german, berlin, british])).toEqual(['berlin', 'de', 'c']);
    expect(select([british]).passedOver).toEqual([{ trunk: british, why: 'serves other numbers' }]);
  });
  it('MT-6 of trunks for the same prefix the priority decides, then the cost, then the age', () => {
    const trunk = (sid: string, more: Partial<Trunk>) => aTrunk({ sid, gateways: [aGateway(sid)], ...more });
    const dear = trunk('dear', { cost: 30 });
    const cheap = trunk('cheap', { cost: 5 });
    const first = trunk('first', { priority: 0, cost: 90, prefixes: ['+49'] });
    const last = trunk('last', { priority: 9 });
    expect(hosts([last, dear, cheap, first])).toEqual(['first', 'cheap', 'dear', 'last']);
    expect(hosts([dear, trunk('younger', { cost: 30 })])).toEqual(['dear', 'younger']);
  });
  it('what is down comes last, over all trunks, but comes', () => {
    expect(hosts([two, other], { down: ['a'] })).toEqual(['b', 'c', 'a']);
    expect(hosts([two, other], { down: ['a', 'b', 'c'] })).toEqual(['a', 'b', 'c']);
  });
  it('a full trunk and one without gateways are left out, with the reason', () => {
    const inbound = aTrunk({ sid: 'TK6', gateways: [] });
    const { attempts, passedOver } = select([two, other, inbound], { full: ['TK1'] });
    expect(attempts.map(({ gateway }) => gateway.host)).toEqual(['c']);
    expect(passedOver.map(({ why }) => why)).toEqual(['all its channels are in use', 'takes no calls']);
  });
  it('equals share by weight', () => {
    const trunk = aTrunk({ gateways: [aGateway('heavy', { weight: 300 }), aGateway('light', { weight: 100 })] });
    const random = seededRandom(7);
    let heavy = 0;
    for (let i = 0; i < 4000; i++) {
      const query = { trunks: [trunk], number: '+1', isDown: () => false, hasChannel: () => true, random };
      if (selectAttempts(query).attempts[0]?.gateway.host === 'heavy') heavy++;
    }
    expect(heavy / 4000).toBeGreaterThan(0.72);
    expect(heavy / 4000).toBeLessThan(0.78);
  });
  it('each usable gateway once, priorities in order, at most eight: whatever the configuration', () => {
    const gateway = fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      weight: fc.integer({ min: 1, max: 65_535 }),
    });
    const trunks = fc.array(fc.array(gateway, { maxLength: 6 }), { maxLength: 4 });
    fc.assert(
      fc.property(trunks, fc.integer(), (list, seed) => {
        const all = list.map((gateways, t) =>
          aTrunk({
            sid: `TK${String(t)}`,
            gateways: gateways.map((facts, g) => aGateway(`${String(t)}.${String(g)}`, facts)),
          }),
        );
        const { attempts } = select(all, { seed });
        const keys = attempts.map(({ trunk, gateway: of }) => gatewayKey(trunk, of));
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys.length).toBe(Math.min(MAX_ATTEMPTS, list.flat().length));
        for (const [i, { trunk, gateway: of }] of attempts.entries()) {
          const before = attempts[i - 1];
          if (before?.trunk.sid === trunk.sid) expect(before.gateway.priority).toBeLessThanOrEqual(of.priority);
        }
      }),
    );
  });
});
