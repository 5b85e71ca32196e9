import { hookswitch, openApplication } from '../fixtures/application.ts';
import { startIngress } from '../fixtures/kamailio.ts';
import type { Ingress } from '../fixtures/kamailio.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { startSecond } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { RunState, TestServer } from '../fixtures/server.ts';
import { askOptions } from '../fixtures/sip-options.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';

const NUMBER = '+15550180';
const CALLS = 5;
const STRANGER = '127.0.0.9';
const TALK = '<Gather timeout="300"/>';

interface NodeRow {
  readonly node: string;
  readonly state: string;
  readonly channels: number | null;
}

async function nodes(server: TestServer): Promise<readonly NodeRow[]> {
  const { pageUrl, operatorKey } = (await server.state()) as RunState & { operatorKey: string };
  const headers = { authorization: `Bearer ${operatorKey}` };
  const response = await fetch(new URL('/v1/cluster/nodes', pageUrl), { headers });
  return ((await response.json()) as { nodes: NodeRow[] }).nodes;
}

const ready = async (server: TestServer): Promise<number> =>
  (await fetch(new URL('/readyz', (await server.state()).health))).status;

async function talk(sip: RunState['sip'], count: number, phones: RtpPhone[]): Promise<RtpPhone[]> {
  const made: RtpPhone[] = [];
  for (let n = 0; n < count; n++) {
    const phone = await callWithPhone({ server: sip, number: NUMBER, toneHz: 400 + 20 * n });
    made.push(phone);
    phones.push(phone);
  }
  await Promise.all(made.map((phone) => phone.answered));
  return made;
}

test('MT-4 a node with live calls is drained: nothing new, nothing dropped, then it ends; Kamailio follows; SIGTERM drains too', async ({
  host,
}) => {
  test.setTimeout(150_000);
  const first = await startServer(serverOptions(host));
  const second = await startSecond(host, first);
  const application = await openApplication(first, NUMBER, () => TALK);
  const phones: RtpPhone[] = [];
  let ingress: Ingress | undefined;
  const end = async (phone: RtpPhone | undefined): Promise<void> => {
    if (phone === undefined) return;
    phones.splice(phones.indexOf(phone), 1);
    await phone.hangup();
  };
  try {
    const client = await restClient(first);
    const { sip, node, demoApp } = (await second.state()) as RunState & { node: string };
    expect(demoApp, 'the demo application of the first serves both').toBe((await first.state()).demoApp);
    const there = await talk(sip, CALLS, phones);
    const [here] = await talk((await first.state()).sip, 1, phones);
    await expect
      .poll(async () => (await nodes(first)).map(({ state, channels }) => [state, channels]).sort())
      .toEqual([
        ['ready', 1],
        ['ready', CALLS],
      ]);
    expect([await askOptions(sip), await ready(second)]).toEqual([200, 200]);
    ingress = await startIngress(first, host.near);
    await ingress.followed(2);
    // Whoever gets through is a carrier to the nodes.
    expect([await askOptions(sip, STRANGER), await askOptions(ingress.sip, STRANGER)]).toEqual([200, 0]);
    const routed = await talk(ingress.sip, 2, phones);
    const channels = async (): Promise<(number | null)[]> => (await nodes(first)).map((each) => each.channels).sort();
    await expect.poll(channels, 'one each').toEqual([2, CALLS + 1]);

    const drained = await hookswitch(first, 'cluster', 'drain', node, '--deadline', '600');
    expect(drained).toMatchObject({ node, state: 'draining', calls: CALLS + 1 });
    // All of it at once, not at the next look of anybody.
    expect([await askOptions(sip), await ready(second)]).toEqual([503, 503]);
    const refused = await callWithProbe({ server: sip, number: NUMBER });
    expect(await refused.final).toBe(503);
    await refused.hangup();
    const rows = (await hookswitch(first, 'cluster', 'list')) as NodeRow[];
    expect(rows.find((each) => each.node === node)?.state).toBe('draining');
    expect([await askOptions((await first.state()).sip), await ready(first)]).toEqual([200, 200]);

    await ingress.followed(1);
    routed.push(...(await talk(ingress.sip, 2, phones)));
    await expect.poll(channels, 'both to the other').toEqual([4, CALLS + 1]);
    for (const phone of routed) {
      await phone.reinvite('sendrecv');
      await end(phone);
    }

    // Calls go on as if nothing were: they can be changed, and end when their parties end them.
    for (const phone of there) await phone.reinvite('sendrecv');
    const live = async (): Promise<number> => (await client.calls.list({ status: 'in-progress' })).length;
    await expect.poll(live).toBe(CALLS + 1);
    for (const phone of there.slice(1)) await end(phone);
    await expect.poll(live).toBe(2);
    expect(second.process.output()).not.toContain('stopped\n');
    await end(there[0]);
    expect(await second.process.exited).toBe(0);
    await expect.poll(async () => (await nodes(first)).map((each) => each.node)).not.toContain(node);

    // SIGTERM is a drain with the deadline of --drain-seconds.
    process.kill((await first.state()).pid, 'SIGTERM');
    await first.process.waitFor(/draining \(no new calls; live ones have 25 s/);
    // 503 for the carrier too, whether Kamailio has heard of it already or not.
    const late = await callWithProbe({ server: ingress.sip, number: NUMBER });
    expect(await late.final).toBe(503);
    await late.hangup();
    await here?.reinvite('sendrecv');
    await end(here);
    expect(await first.process.exited).toBe(0);
  } finally {
    for (const phone of phones) phone.media.close();
    await application.close();
    await ingress?.stop();
    await second.stop();
    await first.stop();
  }
});
