import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { FakeTrunks, aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { TrunkHealth } from './trunk-health.ts';
import type { GatewayChange } from './trunk-health.ts';
import type { Trunk } from './ports.ts';

/** Health of some trunks whose gateways answer what `answers` says, by host. */
class Bench {
  readonly clock = new FakeClock();
  readonly directory: FakeTrunks;
  readonly health: TrunkHealth;
  readonly pinged: string[] = [];
  readonly answers = new Map<string, number>();
  readonly changes: string[] = [];

  constructor(...trunks: Trunk[]) {
    this.directory = new FakeTrunks(...trunks);
    this.health = new TrunkHealth({
      directory: this.directory,
      clock: this.clock,
      random: seededRandom(1),
      log: silentLog,
      ping: (target) => {
        this.pinged.push(target);
        const [, status] = [...this.answers].find(([host]) => target.includes(host)) ?? [];
        return Promise.resolve(status ?? 200);
      },
    });
    this.health.on('changed', ({ gateway, up, usable }: GatewayChange) => {
      this.changes.push(`${gateway.host} ${up ? 'up' : 'down'}, ${String(usable)} usable`);
    });
  }
}

let bench: Bench;
const [a, b] = [aGateway('a.example', { port: null }), aGateway('2001:db8::b', { transport: 'tls' })];
const trunk = aTrunk({ gateways: [a, b], optionsIntervalS: 60 });

afterEach(() => {
  bench.health.close();
  expect(bench.clock.pendingTimers).toBe(0);
  expect(bench.directory.listeners).toBe(0);
});

describe('trunk health', () => {
  it('pings every gateway soon, then at the interval, where it is', async () => {
    bench = new Bench(trunk);
    await bench.clock.advanceAsync(2000);
    expect(bench.pinged.sort()).toEqual(['sip:[2001:db8::b]:5060;transport=tls', 'sip:a.example']);
    await bench.clock.advanceAsync(60_000);
    expect(bench.pinged).toHaveLength(4);
  });

  it('down after three lost pings, up after two answers; each told once, with what is left', async () => {
    bench = new Bench(trunk);
    bench.answers.set('a.example', 408);
    await bench.clock.advanceAsync(13_000);
    expect(bench.changes).toEqual(['a.example down, 1 usable']);
    expect(bench.health.isDown(trunk, a)).toBe(true);
    expect(bench.health.counts()).toEqual({ up: 1, suspect: 0, down: 1, trial: 0 });
    bench.answers.set('2001', 503);
    await bench.clock.advanceAsync(75_000);
    expect(bench.changes.at(-1)).toBe('2001:db8::b down, 0 usable');
    bench.answers.clear();
    await bench.clock.advanceAsync(700_000);
    expect(bench.changes.slice(2).sort()).toEqual(['2001:db8::b up, 1 usable', 'a.example up, 2 usable']);
  });

  it('without pings failed calls bring it down, and after a while one may try', async () => {
    const quiet = aTrunk({ gateways: [a] });
    bench = new Bench(quiet);
    for (let i = 0; i < 3; i++) bench.health.report(quiet, a, { bad: 'a call got 503' });
    expect(bench.changes).toEqual(['a.example down, 0 usable']);
    await bench.clock.advanceAsync(30_000);
    expect(bench.health.stateOf(quiet, a)).toBe('trial');
    expect(bench.health.isDown(quiet, a)).toBe(false);
    bench.health.report(quiet, a, { good: true });
    expect(bench.changes.at(-1)).toBe('a.example up, 1 usable');
    expect(bench.pinged).toEqual([]);
  });

  it('follows the configuration: a gateway that stays keeps its state, one that goes is forgotten', async () => {
    bench = new Bench(trunk);
    bench.answers.set('a.example', 408);
    await bench.clock.advanceAsync(13_000);
    bench.directory.set(aTrunk({ ...trunk, gateways: [a, aGateway('c.example')], name: 'renamed' }));
    expect(bench.health.stateOf(trunk, a)).toBe('down');
    await bench.clock.advanceAsync(2000);
    expect(bench.pinged.at(-1)).toBe('sip:c.example:5060');
    bench.directory.set();
    const before = bench.pinged.length;
    await bench.clock.advanceAsync(600_000);
    expect(bench.pinged).toHaveLength(before);
    expect(bench.health.isDown(trunk, a)).toBe(false);
  });

  it('an answer that comes after the gateway was removed, or after the close, does nothing', async () => {
    bench = new Bench(trunk);
    bench.answers.set('example', 503);
    bench.clock.advance(2000);
    bench.directory.set();
    await bench.clock.advanceAsync(0);
    expect(bench.changes).toEqual([]);
    expect(bench.clock.pendingTimers).toBe(0);
  });
});
