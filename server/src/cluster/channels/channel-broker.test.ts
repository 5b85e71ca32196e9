import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { Emitter, silentLog } from '../../kernel/index.ts';
import type { Member, MembershipEvents } from '../membership/ports.ts';
import { ChannelBroker } from './channel-broker.ts';
import { ChannelDesk } from './channel-desk.ts';
import { sumOf } from './channel-policy.ts';
import type { ChannelAsk, ChannelGrant, ChannelLimits, Direction, HeldChannels } from './ports.ts';

const of = (direction: Direction) => ({ accountSid: 'AC1', direction });
const incoming = of('in');
const outgoing = of('out');

/** Several nodes with desks, and one broker at a time, in one process; messages can be lost. */
class World {
  readonly clock = new FakeClock();
  readonly desks = new Map<string, ChannelDesk>();
  readonly limits: Record<string, ChannelLimits> = {};
  lossy = false;
  /** Nobody who counts can be asked for channels. */
  away = false;
  #fence = 0;
  #broker: ChannelBroker | undefined;
  #duty = new AbortController();
  #lost = 0;
  readonly #members = new Map<string, { member: Member; events: Emitter<MembershipEvents> }>();
  readonly #brokerEvents = new Emitter<MembershipEvents>(() => undefined);

  join(node: string): ChannelDesk {
    const member: Member = {
      ...{ kind: 'node', node, fence: 1, roles: ['call'], addresses: {}, startedAt: 1, renewals: 0, tasks: [] },
    };
    const events = new Emitter<MembershipEvents>(() => undefined);
    this.#members.set(node, { member, events });
    const desk = new ChannelDesk({
      cluster: { node, members: () => this.#all(), on: (event, listener) => events.on(event, listener) },
      broker: { ask: (request) => this.#ask(request), used: (trunks) => this.#used(trunks) },
      log: silentLog,
    });
    this.desks.set(node, desk);
    for (const each of this.#members.values()) each.events.emit('joined', member);
    return desk;
  }

  leave(node: string): void {
    const gone = this.#members.get(node);
    if (gone === undefined) return;
    this.#members.delete(node);
    this.desks.get(node)?.close();
    this.desks.delete(node);
    const left = { member: gone.member, reason: 'expired' as const };
    this.#brokerEvents.emit('left', left);
    for (const each of this.#members.values()) each.events.emit('left', left);
  }

  /** The broker's node dies, and another one takes over. */
  newBroker(): void {
    this.#duty.abort(new Error('over'));
    this.#broker?.close();
    this.#duty = new AbortController();
    this.#broker = new ChannelBroker(
      {
        cluster: { members: () => this.#all(), on: (event, listener) => this.#brokerEvents.on(event, listener) },
        nodes: { held: (node, fence) => this.#held(node, fence) },
        limitsOf: (trunk) => this.limits[trunk],
        clock: this.clock,
        log: silentLog,
      },
      { fence: ++this.#fence, signal: this.#duty.signal },
    );
  }

  #all(): Member[] {
    return [...this.#members.values()].map(({ member }) => member);
  }

  async #held(node: string, fence: number): Promise<HeldChannels> {
    await settle();
    const desk = this.desks.get(node);
    if (desk === undefined) throw new Error('gone');
    return desk.hand(fence);
  }

  async #used(trunks: readonly string[]): Promise<HeldChannels> {
    await settle();
    if (this.#broker === undefined) throw new Error('there is no broker');
    return await this.#broker.used(trunks);
  }

  async #ask(request: ChannelAsk): Promise<ChannelGrant> {
    const broker = this.#broker;
    await settle();
    if (broker === undefined || this.away) throw new Error('there is no broker');
    const reply = await broker.ask(request);
    if (this.lossy && this.#lost++ % 3 === 0) throw new Error('the answer is lost');
    await settle();
    return reply;
  }
}

it('MT-6 a channel that was given back while nobody counted is free again to those who only look', async () => {
  const world = new World();
  world.limits['t'] = { total: 1 };
  const [a, b] = [world.join('a'), world.join('b')];
  world.newBroker();
  const back = await a.take('t', outgoing, { total: 1 });
  expect(sumOf((await b.used(['t']))['t'] ?? {}).out).toBe(1);
  world.away = true;
  back?.();
  await settle();
  world.away = false;
  expect(sumOf((await b.used(['t']))['t'] ?? {}).out, 'not told').toBe(1);
  world.clock.advance(5001);
  expect(sumOf((await b.used(['t']))['t'] ?? {}).out).toBe(0);
});

it('MT-6 a node alone decides by itself; with another one the broker does, and nothing is taken while there is none', async () => {
  const world = new World();
  world.limits['t'] = { total: 3, in: 2 };
  const limits = world.limits['t'];
  const a = world.join('a');
  expect(await a.used(['t', 'u'])).toEqual({ t: {}, u: {} });
  const given = [await a.take('t', incoming, limits), await a.take('t', incoming, limits)];
  expect(await a.take('t', incoming, limits)).toBeUndefined();
  const b = world.join('b');
  expect(await b.take('t', outgoing, limits)).toBeUndefined();
  world.newBroker();
  const out = await b.take('t', outgoing, limits);
  expect(out).toBeDefined();
  expect(await b.take('t', outgoing, limits)).toBeUndefined();
  expect(await a.used(['t'])).toEqual({ t: { [incoming.accountSid]: { in: 2, out: 1 } } });
  given[0]?.();
  given[0]?.();
  await settle();
  await settle();
  expect(await b.take('t', outgoing, limits)).toBeDefined();
  expect(await a.take('t', outgoing, limits)).toBeUndefined();
  expect([a.size, b.size]).toEqual([1, 2]);
});

it('MT-6 MT-9 a node that dies gives its channels back; many calls at once are one request', async () => {
  const world = new World();
  const limits = (world.limits['t'] = { out: 50 });
  const [a, b] = [world.join('a'), world.join('b')];
  world.newBroker();
  const all = await Promise.all(Array.from({ length: 80 }, () => a.take('t', outgoing, limits)));
  expect(all.filter((give) => give !== undefined)).toHaveLength(50);
  expect(await b.take('t', outgoing, limits)).toBeUndefined();
  world.leave('a');
  expect(await b.take('t', outgoing, limits)).toBeDefined();
  world.join('c');
  expect(await b.take('gone', outgoing, limits)).toBeUndefined();
});

it('MT-6 never above the limit of a trunk over the cluster, through deaths of nodes and brokers and lost answers', async () => {
  const names = ['a', 'b', 'c'] as const;
  const step = fc.record({
    what: fc.constantFrom('take', 'take', 'take', 'give', 'give', 'broker', 'leave', 'join', 'settle', 'loss', 'time'),
    node: fc.constantFrom(...names),
    direction: fc.constantFrom('in' as const, 'out' as const),
    accountSid: fc.constantFrom('AC1', 'AC2'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const world = new World();
      const limits = (world.limits['t'] = { total: 4, in: 3, out: 3 });
      world.join('a');
      world.newBroker();
      const calls: { node: string; direction: 'in' | 'out'; give: () => void }[] = [];
      const busy: Promise<void>[] = [];
      const check = (): void => {
        const count = (direction: 'in' | 'out'): number => calls.filter((call) => call.direction === direction).length;
        expect(calls.length).toBeLessThanOrEqual(limits.total);
        expect(count('in')).toBeLessThanOrEqual(limits.in);
        expect(count('out')).toBeLessThanOrEqual(limits.out);
      };
      for (const { what, node, direction, accountSid } of steps) {
        const desk = world.desks.get(node);
        if (what === 'take' && desk !== undefined) {
          const took = desk.take('t', { accountSid, direction }, limits).then((give) => {
            if (give === undefined || world.desks.get(node) !== desk) return;
            calls.push({ node, direction, give });
            check();
          });
          busy.push(took);
        } else if (what === 'give') calls.shift()?.give();
        else if (what === 'broker') world.newBroker();
        else if (what === 'join' && desk === undefined) world.join(node);
        else if (what === 'leave' && world.desks.size > 1) {
          world.leave(node);
          for (let at = calls.length - 1; at >= 0; at--) if (calls[at]?.node === node) calls.splice(at, 1);
        } else if (what === 'loss') world.lossy = !world.lossy;
        else if (what === 'time') world.clock.advance(1500);
        if (what === 'settle') await settle();
      }
      world.lossy = false;
      await Promise.all(busy);
      // Nothing is lost for good: what was given back can be had again.
      for (const call of calls.splice(0)) call.give();
      for (let n = 0; n < 20; n++) await settle();
      world.clock.advance(1500);
      const [desk] = world.desks.values();
      expect(await desk?.take('t', incoming, limits)).toBeDefined();
    }),
    { numRuns: 1000 },
  );
});
