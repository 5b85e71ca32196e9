import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConferenceMediaEvent } from '../../calls/ports.ts';
import { settle } from '../../kernel/clock.fake.ts';
import type { FakeRoom } from '../testing/media.fake.ts';
import { NOTHING, World } from '../testing/world.fake.ts';

const SETTINGS = { muted: false, held: false, audience: undefined };
const CONFERENCE = 'CF1';

let near: World;
let far: World;
let told: ConferenceMediaEvent[];

beforeEach(() => {
  near = new World();
  far = new World({ rpc: near.network.node('node-b') });
  told = [];
  near.host.conferences.open(CONFERENCE, (event) => told.push(event));
});
afterEach(async () => {
  near.host.conferences.close(CONFERENCE);
  await settle();
  const places = near.media.mixers.reduce((sum, mixer) => sum + mixer.size, 0);
  expect([near.host.conferences, near.host.ties, far.host.ties]).toMatchObject([{ size: 0 }, { size: 0 }, { size: 0 }]);
  expect(places).toBe(0);
  expect(await far.residue()).toMatchObject({ legs: 0, media: NOTHING.media });
  expect(await near.residue()).toMatchObject({ legs: 0, media: NOTHING.media });
});

async function answered(world: World): Promise<string> {
  const { root } = await world.caller();
  world.legs.answer(root);
  await settle();
  return root;
}

/** Who is connected with whom in the room of this call. */
function connections(world: World, id: string): string[] {
  const room = world.media.rooms.find((each: FakeRoom) => each.id === id && each.ended === undefined);
  return [...(room?.connected ?? [])];
}

describe('audio of conferences', () => {
  it('CR-5 a leg of this node is connected with its place in the mix, in the room of its own call', async () => {
    const one = await answered(near);
    near.host.conferences.add(CONFERENCE, { callSid: one, node: 'node-a' }, { ...SETTINGS, muted: true });
    await settle();
    expect(connections(near, one)).toEqual([`${one} ${one}`]);
    const place = near.media.mixer(CONFERENCE).legs.get(one)!;
    expect(place.settings).toMatchObject({ muted: true });
    near.host.conferences.set(CONFERENCE, one, { muted: false, audience: 'CA9' });
    expect(place.settings).toEqual({ muted: false, held: false, audience: 'CA9' });
    place.events.emit('talking', { talking: true });
    expect(told).toEqual([{ kind: 'talking', callSid: one, talking: true }]);
    near.host.conferences.remove(CONFERENCE, one);
    expect([connections(near, one), near.media.mixer(CONFERENCE).size]).toEqual([[], 0]);
    near.legs.end(one, { cause: 'hangup-api', message: 'over' });
  });

  it('CR-5 a leg that ends leaves the mix by itself', async () => {
    const one = await answered(near);
    near.host.conferences.add(CONFERENCE, { callSid: one, node: 'node-a' }, SETTINGS);
    await settle();
    near.legs.end(one, { cause: 'hangup-api', message: 'over' });
    await settle();
    expect(near.media.mixer(CONFERENCE).size).toBe(0);
  });

  it('CR-5 a leg of another node is tied to a port here, and each end knows the other', async () => {
    const one = await answered(far);
    near.host.conferences.add(CONFERENCE, { callSid: one, node: 'node-b' }, SETTINGS);
    await settle();
    const [here, there] = [near.media.leg(one), far.media.leg(`${one}-tie`)];
    expect(here.updates).toMatchObject([{ ...there.local, codec: 'PCMU', direction: 'sendrecv' }]);
    expect(there.updates).toMatchObject([{ ...here.local, codec: 'PCMU', direction: 'sendrecv' }]);
    expect([connections(near, CONFERENCE), connections(far, one)]).toEqual([[`${one} ${one}`], [`${one} ${one}-tie`]]);
    near.host.conferences.remove(CONFERENCE, one);
    await settle();
    expect([here.closed, there.closed, connections(far, one)]).toEqual([true, true, []]);
    far.legs.end(one, { cause: 'hangup-api', message: 'over' });
  });

  it('CR-5 a leg that cannot be had is told as failed, and nothing of it stays', async () => {
    const gone = near.sid();
    near.host.conferences.add(CONFERENCE, { callSid: gone, node: 'node-a' }, SETTINGS);
    near.host.conferences.add(CONFERENCE, { callSid: 'CA7', node: 'node-b' }, SETTINGS);
    near.host.conferences.add(CONFERENCE, { callSid: 'CA8', node: 'node-x' }, SETTINGS);
    await settle();
    await settle();
    expect(told.map((event) => event.kind)).toEqual(['failed', 'failed', 'failed']);
    expect(near.media.legs.get('CA7')?.closed).toBe(true);
  });

  it('CR-5 a beep plays to the mix and its end is told', async () => {
    near.host.conferences.play(CONFERENCE, 'p1', { kind: 'beep', which: 'enter' });
    near.media.mixer(CONFERENCE).plays[0]!.end('finished');
    await settle();
    expect(told).toEqual([{ kind: 'play-ended', playId: 'p1', ok: true }]);
  });
});

describe('ties between calls', () => {
  it('CR-5 two calls, on one node or two, hear each other until either end is taken off', async () => {
    for (const [world, node] of [
      [near, 'node-a'],
      [far, 'node-b'],
    ] as const) {
      const [member, agent] = [await answered(near), await answered(world)];
      await near.host.ties.connect(member, { callSid: agent, node });
      expect([connections(near, member), connections(world, agent)]).toEqual([
        [`${member} ${member}-tie`],
        [`${agent} ${agent}-tie`],
      ]);
      near.host.ties.disconnect(member);
      expect(near.media.leg(`${member}-tie`).closed).toBe(true);
      world.legs.end(agent, { cause: 'hangup-api', message: 'over' });
      near.legs.end(member, { cause: 'hangup-api', message: 'over' });
      await settle();
      expect(world.media.leg(`${agent}-tie`).closed).toBe(true);
    }
  });

  it('CR-5 a tie to a call that is gone is refused, and leaves no port behind', async () => {
    const member = await answered(near);
    await expect(near.host.ties.connect(member, { callSid: 'CA9', node: 'node-b' })).rejects.toThrow(/no audio here/);
    expect(near.host.ties).toMatchObject({ size: 0 });
    expect(connections(near, member)).toEqual([]);
    near.legs.end(member, { cause: 'hangup-api', message: 'over' });
  });
});
