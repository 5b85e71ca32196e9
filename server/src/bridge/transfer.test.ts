import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../kernel/clock.fake.ts';
import type { ReceivedRefer } from '../sip/index.ts';
import type { FakeIncoming } from './testing/sip.fake.ts';
import { aTrunk } from './testing/trunks.fake.ts';
import { ACCOUNT, NOTHING, World } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.trunks.set(aTrunk({ transfers: 'allow' }));
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

/** A REFER that notes what it was told. */
function aRefer(uri: string, replaces?: string): { refer: ReceivedRefer; told: string[] } {
  const told: string[] = [];
  const [, user = '', host = ''] = /^\w+:(?:([^@]*)@)?(.*)$/.exec(uri) ?? [];
  const refer: ReceivedRefer = {
    target: { uri, displayName: '', user, host },
    referredBy: undefined,
    invite: { target: uri, ...(replaces === undefined ? {} : { replaces }) },
    subscribed: true,
    accept: () => void told.push('202'),
    reject: (status, options) => void told.push(`${String(status)} ${options?.sipReason?.text ?? ''}`.trim()),
    progress: (status) => void told.push(`NOTIFY ${String(status)}`),
  };
  return { refer, told };
}

async function answered(): Promise<{ sip: FakeIncoming; root: string }> {
  const { sip, root } = await world.caller();
  world.legs.answer(root);
  return { sip, root };
}

const requests = () => world.router.events.filter((event) => event.kind === 'refer-requested');

describe('a REFER of a far end', () => {
  it.each([
    ['tel:+1-555-0142', { kind: 'number', number: '+1-555-0142' }],
    ['sip:+15550142@192.0.2.100', { kind: 'number', number: '+15550142' }],
    ['sip:+15550142@carrier.example', { kind: 'number', number: '+15550142' }],
    ['sip:bob@192.0.2.100', { kind: 'outside', sipStatus: 404 }],
    ['sip:bob@carrier.example', { kind: 'outside', sipStatus: 403 }],
    ['sip:192.0.2.100', { kind: 'outside', sipStatus: 404 }],
  ])('to %s is %j', async (uri, way) => {
    const { sip } = await answered();
    sip.listener.onRefer?.(aRefer(uri).refer);
    expect(requests()).toMatchObject([{ target: { uri, way }, trusted: true }]);
    sip.bye();
  });

  it('with Replaces of a call that is none of ours: 481', async () => {
    const { sip } = await answered();
    sip.listener.onRefer?.(aRefer('sip:x@192.0.2.100', 'a;to-tag=b;from-tag=c').refer);
    expect(requests()).toMatchObject([{ target: { way: { kind: 'outside', sipStatus: 481 } } }]);
    sip.bye();
  });

  it('before the answer, or after the end: 480', async () => {
    const { sip, root } = await world.caller();
    const { refer, told } = aRefer('sip:+15550142@192.0.2.100');
    sip.listener.onRefer?.(refer);
    world.legs.answer(root);
    sip.bye();
    sip.listener.onRefer?.(refer);
    expect(told).toEqual(['480', '480']);
    expect(requests()).toEqual([]);
  });

  it('is answered after the end of its leg too; once the call is over it has failed', async () => {
    const { root, child, sip } = await world.talking();
    const [first, second] = [aRefer('sip:+15550142@192.0.2.100'), aRefer('sip:+15550143@192.0.2.100')];
    for (const { refer } of [first, second]) sip.listener.onRefer?.(refer);
    const [one] = requests();
    world.legs.answerRefer(one?.referId ?? '', { kind: 'accepted' });
    world.legs.lead(child);
    sip.listener.onEnded?.({ by: 'remote', cause: 'bye' });
    world.legs.answerRefer(one?.referId ?? '', { kind: 'progress', sipStatus: 200 });
    world.legs.answerRefer(one?.referId ?? '', { kind: 'progress', sipStatus: 486 });
    expect(world.router.words(child)).not.toContain('ended');
    expect(first.told).toEqual(['202', 'NOTIFY 200']);
    expect(second.told).toEqual([]);
    world.legs.end(child, { cause: 'hangup-api', message: 'over' });
    expect(second.told).toEqual(['487', 'NOTIFY 487']);
    expect(world.router.words(root).at(-1)).toBe('ended hangup-caller remote');
  });
});

describe('the leg that leads', () => {
  it('ends the others with it; who led before does not', async () => {
    const { root, child, device } = await world.talking();
    world.legs.lead(child);
    world.legs.end(root, { cause: 'hangup-callee', message: 'the call was transferred' });
    expect(world.router.words(child)).toEqual(['ringing', 'answered']);
    const target = await world.dialNumber(child);
    world.agent.last.answered();
    world.legs.merge(child, target);
    for (const leg of [child, target]) world.media.leg(leg).flow();
    expect(world.router.words(child)).toContain('merged');
    await device.ask({ type: 'hangup', callSid: child });
    expect(world.router.words(target).at(-1)).toBe('ended hangup-caller local');
  });
});

describe('asking a far end to go elsewhere', () => {
  it('is for SIP peers that have answered', async () => {
    const { root, child, sip } = await world.talking();
    world.legs.refer(root, 'sip:desk@pbx.example');
    world.legs.refer(child, 'sip:desk@pbx.example');
    await settle();
    const outcomes = world.router.events.flatMap((event) => (event.kind === 'referred' ? [event] : []));
    expect(outcomes).toMatchObject([
      { callSid: child, outcome: { kind: 'refused', sipStatus: 501 } },
      { callSid: root, outcome: { kind: 'done', sipStatus: 200 } },
    ]);
    sip.bye();
  });
});

describe('two calls joined', () => {
  const join = async (root: string, callSid: string): Promise<string> => {
    const tied = world.sid();
    const call = { accountSid: ACCOUNT, from: '+1', to: '+2', timeoutMs: 1000 };
    world.legs.place({ callSid: tied, parentCallSid: root, target: { kind: 'leg', callSid }, ...call });
    await settle();
    return tied;
  };

  it('each hears the other one through our own ports, keys included; the one in between is hung up', async () => {
    const one = await answered();
    const two = await answered();
    const tied = await join(one.root, two.root);
    expect(two.sip.did).toEqual(['200', 'BYE']);
    expect(two.sip.lastReason).toMatchObject({ text: 'The call was transferred' });
    expect(world.router.words(two.root)).toEqual(['answered', 'replaced']);
    expect(world.router.words(tied)).toEqual(['answered']);
    const [here, there] = [world.media.leg(tied), world.media.leg(two.root)];
    expect(here.updates.at(-1)).toMatchObject({ port: there.inside.port, direction: 'sendrecv' });
    expect(there.updates.at(-1)).toMatchObject({ port: here.inside.port, direction: 'sendrecv' });
    world.legs.sendDigits(tied, '1w2');
    expect(world.router.words(two.root).slice(2)).toEqual(['digit 1', 'digit 2']);
    world.legs.end(tied, { cause: 'hangup-caller', message: 'the caller hung up' });
    expect(world.router.words(two.root).at(-1)).toBe('ended hangup-caller remote');
    one.sip.bye();
  });

  it('the other one hangs up: the tie ends at both of its ends', async () => {
    const one = await answered();
    const two = await answered();
    const tied = await join(one.root, two.root);
    world.legs.end(two.root, { cause: 'hangup-callee', message: 'the callee hung up' });
    expect(world.router.words(tied).at(-1)).toBe('ended hangup-callee remote');
    one.sip.bye();
  });

  it.each(['is gone', 'has no SIP peer', 'is not answered'])('one that %s cannot be joined', async (why) => {
    const one = await answered();
    const { root, child, sip } = await world.talking();
    const ringing = await world.caller();
    const other = { 'is gone': 'CA9', 'has no SIP peer': child, 'is not answered': ringing.root }[why] ?? '';
    const tied = await join(one.root, other);
    expect(world.router.words(tied)).toEqual(['ended unreachable local']);
    expect(world.router.words(root)).not.toContain('replaced');
    for (const call of [one.sip, sip]) call.bye();
    ringing.sip.listener.onCancelled?.(undefined);
  });
});
