import { describe, expect, it } from 'vitest';
import { ACCOUNT, GroupWorld } from '../testing/group-world.fake.ts';

const ENQUEUE = (attributes = 'action="/after"', inside = 'help'): string =>
  `<Enqueue ${attributes}>${inside}</Enqueue><Pause length="9"/>`;
const DIAL = (attributes = '', dial = 'action="/done"'): string =>
  `<Dial ${dial}><Queue ${attributes}>help</Queue></Dial><Pause length="9"/>`;

function words(world: GroupWorld): string[] {
  return world.events('queue.').map(({ type, data }) => {
    const { callSid = '' } = data as { callSid?: string };
    return [type.slice('queue.'.length), callSid.slice(-1), data['reason']]
      .filter((word) => word !== '' && word !== undefined)
      .join(' ');
  });
}

async function queueSid(world: GroupWorld): Promise<string> {
  const reply = await world.node().control.request({ accountSid: ACCOUNT, do: 'list' });
  if (!reply.ok || !('queues' in reply)) throw new Error('no list');
  return reply.queues[0]!.queueSid;
}

describe('queues of calls', () => {
  it('CR-5 a caller waits with music until an agent dials the queue; both are told when they part', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="5"/>', 'http://app.test/after').twiml('<Pause length="5"/>', 'http://app.test/done');
    const caller = await world.call(ENQUEUE());
    const { legs } = world.node().world;
    expect(legs.commands.at(-1)).toBe('play:music other');
    world.clock.advance(7000);
    await world.settle();
    const agent = await world.call(DIAL());
    expect(world.node().ties.tied.get(caller)).toEqual({ callSid: agent, node: 'a' });
    expect(words(world)).toEqual(['created', 'member-joined 1', 'member-left 1 dequeued', 'member-bridged 1']);
    world.clock.advance(12_000);
    await world.hangUp(agent);
    const [after] = world.requests('http://app.test/after');
    expect(after).toMatchObject({ CallSid: caller, QueueResult: 'bridged', QueueTime: '7' });
    expect(world.requests('http://app.test/done')).toMatchObject([
      { CallSid: agent, DialCallStatus: 'completed', DialCallSid: caller, DialCallDuration: '12', DialBridged: 'true' },
    ]);
    expect(world.node().ties.tied.size).toBe(0);
    await world.hangUp(caller);
    expect([world.node().queues.size, world.node().queues.calls, world.clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  it('CR-5 the wait URL is told position, time and size, anew each time', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="10"/>', 'http://app.test/wait');
    const one = await world.call(ENQUEUE('waitUrl="/wait"'));
    const two = await world.call(ENQUEUE('waitUrl="/wait"'));
    const asked = (): Readonly<Record<string, string>>[] => world.requests('http://app.test/wait');
    expect(asked().map((params) => [params['CallSid'], params['QueuePosition'], params['CurrentQueueSize']])).toEqual([
      [one, '1', '1'],
      [two, '2', '2'],
    ]);
    expect(asked()[0]).toMatchObject({ QueueTime: '0', AvgQueueTime: '0', MaxQueueSize: '1000' });
    expect(asked()[0]?.['QueueSid']).toMatch(/^QU/);
    world.clock.advance(4000);
    await world.settle();
    await world.hangUp(one);
    world.clock.advance(6000);
    await world.settle();
    expect(asked().at(-1)).toMatchObject({ CallSid: two, QueuePosition: '1', CurrentQueueSize: '1', QueueTime: '10' });
    expect(words(world).at(-1)).toBe('member-left 1 hung-up');
  });

  it('CR-5 Leave in the wait document takes the call out and asks the action URL', async () => {
    const world = new GroupWorld();
    world
      .twiml('<Pause length="3"/><Leave/>', 'http://app.test/wait')
      .twiml('<Pause length="5"/>', 'http://app.test/after');
    await world.call(ENQUEUE('waitUrl="/wait" action="/after"'));
    world.clock.advance(3000);
    await world.settle();
    expect(world.requests('http://app.test/after')).toMatchObject([{ QueueResult: 'leave', QueueTime: '3' }]);
    expect(words(world).at(-1)).toBe('member-left 1 left');
  });

  it('CR-5 Hangup in the wait document ends the call', async () => {
    const world = new GroupWorld();
    world.twiml('<Hangup/>', 'http://app.test/wait');
    await world.call(ENQUEUE('waitUrl="/wait"'));
    expect(world.node().world.legs.commands.at(-1)).toBe('end:hangup-api other');
    expect(world.node().world.router.activeCalls()).toEqual([]);
  });

  it('CR-5 a verb that a wait document may not use is skipped with a warning', async () => {
    const world = new GroupWorld();
    world.twiml('<Dial>+15550123</Dial><Pause length="3"/>', 'http://app.test/wait');
    await world.call(ENQUEUE('waitUrl="/wait"'));
    const warnings = world.node().world.events.filter(({ type }) => type === 'call.warning');
    expect(warnings.map(({ data }) => (data as { message: string }).message)).toEqual([
      expect.stringContaining('<Dial> cannot run here'),
    ]);
    expect(world.node().world.legs.placed).toEqual([]);
  });

  it('CR-5 the whisper runs for the caller before the two are connected, and names the agent', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="2"/>', 'http://app.test/whisper');
    const caller = await world.call(ENQUEUE());
    const agent = await world.call(DIAL('url="/whisper"'));
    expect(world.requests('http://app.test/whisper')).toMatchObject([
      { CallSid: caller, DequeingCallSid: agent, QueueTime: '0' },
    ]);
    expect(world.node().ties.tied.size).toBe(0);
    world.clock.advance(2000);
    await world.settle();
    expect(world.node().ties.tied.size).toBe(1);
  });

  it('CR-5 an agent that hangs up during the whisper leaves the caller first in the queue', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="20"/>', 'http://app.test/whisper');
    const caller = await world.call(ENQUEUE());
    const agent = await world.call(DIAL('url="/whisper"'));
    await world.hangUp(agent);
    expect(world.node().world.legs.commands.at(-1)).toBe('play:music other');
    const second = await world.call(DIAL());
    expect(world.node().ties.tied.get(caller)?.callSid).toBe(second);
  });

  it('CR-5 an agent waits for a caller as long as its timeout says', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="5"/>', 'http://app.test/done');
    await world.call(DIAL('', 'action="/done" timeout="7"'));
    world.clock.advance(7000);
    await world.settle();
    expect(world.requests('http://app.test/done')).toMatchObject([
      { DialCallStatus: 'no-answer', DialBridged: 'false' },
    ]);
    const agent = await world.call(DIAL());
    const caller = await world.call(ENQUEUE());
    expect(world.node().ties.tied.get(caller)?.callSid).toBe(agent);
  });

  it('CR-5 a full queue goes on with the action URL', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="5"/>', 'http://app.test/after');
    await world.call(ENQUEUE('maxQueueSize="1"'));
    await world.call(ENQUEUE('action="/after" maxQueueSize="1"'));
    const [after] = world.requests('http://app.test/after');
    expect(after).toMatchObject({ QueueResult: 'queue-full' });
    expect(after).not.toHaveProperty('QueueSid');
  });

  it('CR-5 REST dequeues the front or one call; its document goes on, and the action URL is told', async () => {
    const world = new GroupWorld();
    for (const path of ['after', 'redirected']) world.twiml('<Pause length="5"/>', `http://app.test/${path}`);
    const one = await world.call(ENQUEUE());
    const two = await world.call(ENQUEUE());
    const { control } = world.node();
    const request = { accountSid: ACCOUNT, queueSid: await queueSid(world), do: 'dequeue', method: 'POST' } as const;
    const url = 'http://app.test/redirected';
    expect(await control.request({ ...request, member: two, url })).toMatchObject({ ok: true, callSid: two });
    expect(await control.request({ ...request, member: 'Front', url })).toMatchObject({ ok: true, callSid: one });
    expect(await control.request({ ...request, member: 'Front', url })).toEqual({
      ok: false,
      reason: 'no-such-member',
    });
    await world.settle();
    expect(world.requests(url).map((params) => params['CallSid'])).toEqual([two, one]);
    expect(world.requests('http://app.test/after').map((params) => params['QueueResult'])).toEqual([
      'redirected',
      'redirected',
    ]);
  });

  it('CR-5 REST makes, reads, resizes and deletes a queue; one in which somebody waits is not deleted', async () => {
    const world = new GroupWorld(['a', 'b']);
    const { control } = world.node('b');
    const made = await control.request({ accountSid: ACCOUNT, do: 'create', name: 'help', maxSize: 3 });
    if (!made.ok || !('queue' in made)) throw new Error('not made');
    const { queueSid: sid } = made.queue;
    expect(await control.request({ accountSid: ACCOUNT, do: 'create', name: 'help' })).toEqual({
      ok: false,
      reason: 'name-taken',
    });
    await world.call(ENQUEUE(), 'a');
    world.clock.advance(5000);
    const read = await control.request({ accountSid: ACCOUNT, do: 'read', queueSid: sid });
    expect(read).toMatchObject({
      queue: { currentSize: 1, maxSize: 3, averageWaitSeconds: 5, members: [{ position: 1 }] },
    });
    await control.request({ accountSid: ACCOUNT, do: 'resize', queueSid: sid, maxSize: 1 });
    const refused = await world.call(ENQUEUE('action="/after"'), 'b');
    expect(world.requests('http://app.test/after')).toMatchObject([{ CallSid: refused, QueueResult: 'queue-full' }]);
    const remove = { accountSid: ACCOUNT, do: 'delete', queueSid: sid } as const;
    expect(await control.request(remove)).toEqual({ ok: false, reason: 'not-empty' });
    await world.hangUp('CA00000000000000000000000000000001', 'a');
    expect(await control.request(remove)).toMatchObject({ ok: true });
    expect(await control.request(remove)).toEqual({ ok: false, reason: 'no-such-queue' });
    expect(words(world).filter((word) => !word.startsWith('member'))).toEqual(['updated', 'created', 'deleted']);
  });

  it('CR-5 a queue gets another name by REST: who waits stays, and the next callers and agents find it by that alone', async () => {
    const world = new GroupWorld(['a', 'b']);
    const { control } = world.node('b');
    const of = { accountSid: ACCOUNT };
    const made = await control.request({ ...of, do: 'create', name: 'help' });
    if (!made.ok || !('queue' in made)) throw new Error('not made');
    const { queueSid } = made.queue;
    await control.request({ ...of, do: 'create', name: 'sales' });
    expect(await control.request({ ...of, do: 'rename', queueSid, name: 'sales' })).toEqual({
      ok: false,
      reason: 'name-taken',
    });
    const caller = await world.call(ENQUEUE(), 'a');
    expect(await control.request({ ...of, do: 'rename', queueSid, name: 'support' })).toMatchObject({
      ok: true,
      queue: { queueSid, friendlyName: 'support', currentSize: 1 },
    });
    const agent = await world.call('<Dial><Queue>support</Queue></Dial>', 'b');
    expect(world.events('queue.member-bridged').map(({ data }) => data)).toMatchObject([
      { queueSid, friendlyName: 'support', callSid: caller, agentCallSid: agent },
    ]);
    // What is empty again is nobody's under its new name, and the old one is free.
    await world.hangUp(caller, 'a');
    expect(await control.request({ ...of, do: 'rename', queueSid, name: 'care' })).toMatchObject({
      ok: true,
      queue: { queueSid, friendlyName: 'care', currentSize: 0 },
    });
    expect(await control.request({ ...of, do: 'create', name: 'help' })).toMatchObject({ ok: true });
    expect(await control.request({ ...of, do: 'delete', queueSid })).toMatchObject({ ok: true });
    expect(words(world).filter((word) => word === 'updated')).toHaveLength(2);
  });

  it('CR-5 callers and agents of three nodes: each caller is dequeued once, in order', async () => {
    const nodes = ['a', 'b', 'c'];
    const world = new GroupWorld(nodes);
    const callers: string[] = [];
    for (let at = 0; at < 12; at++) {
      callers.push(await world.call(ENQUEUE(), nodes[at % 3]));
      world.clock.advance(100);
    }
    await Promise.all(Array.from({ length: 12 }, (_, at) => world.call(DIAL(), nodes[(at * 2) % 3])));
    const left = world.events('queue.').filter(({ type }) => type === 'queue.member-left');
    expect(left.map(({ data }) => data['callSid'])).toEqual(callers);
    expect(new Set(left.map(({ data }) => data['dequeuedBy'])).size).toBe(12);
    const ties = [...world.nodes.values()].flatMap((node) => [...node.ties.tied.keys()]);
    expect(ties.sort()).toEqual([...callers].sort());
  });

  it('CR-5 the owner dies: those who wait elsewhere wait on with another node, as long as they have waited', async () => {
    const world = new GroupWorld(['a', 'b', 'c']);
    await world.call(ENQUEUE(), 'a');
    const one = await world.call(ENQUEUE(), 'b');
    world.clock.advance(5000);
    const two = await world.call(ENQUEUE(), 'c');
    await world.die('a');
    world.clock.advance(1000);
    const agent = await world.call(DIAL(), 'c');
    expect(world.node('b').ties.tied.get(one)).toEqual({ callSid: agent, node: 'c' });
    const left = world.events('queue.').filter(({ type }) => type === 'queue.member-left');
    expect(left.at(-1)!.data).toMatchObject({ callSid: one, waitSeconds: 6, currentSize: 1 });
    expect(world.node('c').world.legs.commands.filter((command) => command.startsWith('play:music'))).toHaveLength(1);
    expect(two).not.toBe(one);
  });

  it('CR-5 the node of an agent dies: its caller goes on with its document', async () => {
    const world = new GroupWorld(['a', 'b']);
    world.twiml('<Pause length="5"/>', 'http://app.test/after');
    const caller = await world.call(ENQUEUE(), 'a');
    await world.call(DIAL(), 'b');
    await world.die('b');
    expect(world.requests('http://app.test/after')).toMatchObject([{ CallSid: caller, QueueResult: 'bridged' }]);
  });

  it('CR-5 an agent that cannot be connected leaves the caller in the queue', async () => {
    const world = new GroupWorld();
    world.twiml('<Pause length="5"/>', 'http://app.test/done');
    const caller = await world.call(ENQUEUE());
    world.node().ties.failure = new Error('no port');
    await world.call(DIAL());
    expect(world.requests('http://app.test/done')).toMatchObject([{ DialCallStatus: 'failed' }]);
    world.node().ties.failure = undefined;
    const agent = await world.call(DIAL());
    expect(world.node().ties.tied.get(caller)?.callSid).toBe(agent);
  });

  it('CR-5 a waiting call that is sent elsewhere leaves the queue; the action URL is told', async () => {
    const world = new GroupWorld();
    const one = await world.call(ENQUEUE());
    const document = '<Response><Pause length="5"/></Response>';
    world.node().world.router.update(one, { kind: 'twiml', document });
    await world.settle();
    expect(words(world).at(-1)).toBe('member-left 1 redirected');
    expect(world.requests('http://app.test/after')).toMatchObject([{ QueueResult: 'redirected' }]);
  });
});
