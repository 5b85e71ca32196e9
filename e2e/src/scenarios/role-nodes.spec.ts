import { hookswitch, openApplication } from '../fixtures/application.ts';
import { subscribeHub } from '../fixtures/hub-events.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { membersOf } from '../fixtures/second-node.ts';
import type { Member } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { RunState } from '../fixtures/server.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';

const NUMBER = '+15550185';

test('MT-8 gateways and media nodes are made as processes of this machine, serve, are drained, and end with their owner', async ({
  host,
}) => {
  test.setTimeout(180_000);
  const server = await startServer({
    ...serverOptions(host),
    args: ['--allocator', 'local', '--gateway-nodes', '1-2', '--media-nodes', '1-1'],
  });
  const of = async (role: string): Promise<Member[]> =>
    (await membersOf(server)).filter(({ roles }) => roles.length === 1 && roles[0] === role);
  const ports: number[] = [];
  try {
    await expect
      .poll(async () => [(await of('gateway')).length, (await of('media')).length], { timeout: 60_000 })
      .toEqual([1, 1]);
    const [gateway, media] = [(await of('gateway'))[0], (await of('media'))[0]];
    const seen = await subscribeHub(gateway?.addresses['hub'] ?? '', await server.token('watcher'), 'calls.>');
    await seen.close();
    expect((await fetch(new URL('/readyz', media?.addresses['media']))).status).toBe(200);

    // Below the minimum again: another one is made in its place.
    const drained = await hookswitch(server, 'cluster', 'drain', gateway?.node ?? '', '--deadline', '20');
    expect(drained).toMatchObject({ node: gateway?.node, state: 'draining' });
    await expect
      .poll(async () => (await of('gateway')).map(({ node }) => node), { timeout: 90_000 })
      .toEqual([expect.not.stringMatching(new RegExp(`^${gateway?.node ?? ''}$`))]);
    const again = (await of('gateway'))[0];
    for (const { addresses } of [again, media].filter((each) => each !== undefined)) {
      const health = addresses['media'] ?? addresses['hub']?.replace(/^ws/, 'http') ?? '';
      expect((await fetch(new URL('/readyz', health))).status).toBe(200);
      ports.push(Number(new URL(health).port));
    }
  } finally {
    await server.stop();
  }
  for (const port of ports) {
    await expect(fetch(`http://127.0.0.1:${port}/readyz`), 'ended with its owner').rejects.toThrow();
  }
});

test('MT-4 a process that is ended with SIGTERM lets the nodes it made finish their calls, and makes no more', async ({
  host,
}) => {
  test.setTimeout(120_000);
  const server = await startServer({
    ...serverOptions(host),
    args: ['--allocator', 'local', '--call-nodes', '2-3', '--allocator-cooldown', '20'],
  });
  const application = await openApplication(server, NUMBER, () => '<Gather timeout="300"/>');
  let phone: RtpPhone | undefined;
  try {
    const { node, pid } = (await server.state()) as RunState & { node: string };
    const made = async (): Promise<Member[]> =>
      (await membersOf(server)).filter((each) => each.roles.includes('call') && each.node !== node);
    const sipOf = async (): Promise<string> => (await made())[0]?.addresses['sip'] ?? '';
    await expect.poll(sipOf, { timeout: 60_000 }).toMatch(/:\d+$/);
    const [address = '', port = ''] = (await sipOf()).split(':');
    phone = await callWithPhone({ server: { host: address, port: Number(port) }, number: NUMBER, toneHz: 440 });
    await phone.answered;

    process.kill(pid, 'SIGTERM');
    await server.process.waitFor(/draining \(no new calls; live ones have 25 s/);
    // Its own calls are over: it waits for that of the other, which can still be changed.
    await phone.reinvite('sendrecv');
    expect(await made()).toHaveLength(1);
    await phone.hangup();
    phone = undefined;
    expect(await server.process.exited).toBe(0);
    expect(server.process.output()).not.toMatch(/"level":50/);
  } finally {
    await phone?.hangup();
    await application.close();
    await server.stop();
  }
});
