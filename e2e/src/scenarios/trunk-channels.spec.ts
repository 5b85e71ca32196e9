import { hookswitch, openApplication } from '../fixtures/application.ts';
import { openAccount, restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { startSecond } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';

const NUMBER = '+15550181';
const CHANNELS = 3;

/** Calls at once to each of the servers. @returns those that got a channel; the others were refused with 503 */
async function callAll(servers: readonly TestServer[], each: number): Promise<RtpPhone[]> {
  const sips = (await Promise.all(servers.map((server) => server.state()))).map(({ sip }) => sip);
  const targets = sips.flatMap((sip) => Array.from({ length: each }, () => sip));
  const phones = await Promise.all(targets.map((sip) => callWithPhone({ server: sip, number: NUMBER, toneHz: 500 })));
  const outcomes = await Promise.allSettled(phones.map(({ answered }) => answered));
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('503');
  const taken = phones.filter((_, at) => outcomes[at]?.status === 'fulfilled');
  await Promise.all(phones.filter((phone) => !taken.includes(phone)).map((phone) => phone.hangup()));
  return taken;
}

test('MT-6 two nodes never have more calls on a trunk than its carrier allows, whichever way they go', async ({
  host,
  pstn,
}) => {
  test.setTimeout(120_000);
  const first = await startServer(serverOptions(host));
  const second = await startSecond(host, first);
  const application = await openApplication(first, NUMBER, () => '<Gather timeout="300"/>');
  const phones: RtpPhone[] = [];
  try {
    await hookswitch(first, 'trunks', 'update', 'demo', '--channels', String(CHANNELS));
    const client = await restClient(first);
    const carrier = await pstn();
    // A node that has just come is known to the other one within a second or two.
    await expect
      .poll(async () => {
        for (const phone of phones.splice(0)) await phone.hangup();
        phones.push(...(await callAll([first, second], CHANNELS)));
        return phones.length;
      })
      .toBe(CHANNELS);
    const dial = async (): Promise<string> => {
      const { sid } = await client.calls.create({
        ...{ to: '+15550123', from: NUMBER },
        twiml: '<Response><Gather timeout="300"/></Response>',
      });
      const status = async (): Promise<string> => (await client.calls(sid).fetch()).status;
      await expect.poll(status, { timeout: 15_000 }).toMatch(/failed|in-progress/);
      return await status();
    };
    expect(await dial()).toBe('failed');
    expect(carrier.events().map(({ type }) => type)).not.toContain('CALL_INCOMING');
    await phones.pop()?.hangup();
    await expect.poll(dial, { timeout: 20_000 }).toBe('in-progress');
    // Two callers and one that was called: it is full again, on both nodes.
    expect(await callAll([first, second], 2)).toEqual([]);
  } finally {
    await Promise.all(phones.map((phone) => phone.hangup()));
    await application.close();
    await second.stop();
    await first.stop();
  }
});

test('MT-6 a trunk that is shared: a tenant is called by it and calls by it within its share, and nobody gets what is reserved', async ({
  host,
  pstn,
}) => {
  const server = await startServer(serverOptions(host));
  const number = '+15550182';
  try {
    const owner = await restClient(server);
    const tenant = await openAccount(server, 'tenant');
    const client = await restClient(server, tenant);
    const carrier = await pstn();
    const voiceUrl = 'http://127.0.0.1:9/none';
    await client.incomingPhoneNumbers.create({ phoneNumber: number, voiceUrl });
    await owner.incomingPhoneNumbers.create({ phoneNumber: '+15550183', voiceUrl });
    const placed: string[] = [];
    const dial = async (by: typeof client): Promise<string> => {
      const { sid } = await by.calls.create({
        ...{ to: '+15550123', from: by === client ? number : '+15550183' },
        twiml: '<Response><Gather timeout="300"/></Response>',
      });
      placed.push(sid);
      const status = async (): Promise<string> => (await by.calls(sid).fetch()).status;
      await expect.poll(status, { timeout: 15_000 }).toMatch(/failed|in-progress/);
      return await status();
    };
    expect(await dial(client), 'the trunk is its owner’s alone').toBe('failed');
    const shares = ['--sharing', 'subaccounts', '--channels', '4', '--shares', `${tenant.account}=2/2`];
    await hookswitch(server, 'trunks', 'update', 'demo', ...shares);
    await expect.poll(() => dial(owner)).toBe('in-progress');
    expect(await dial(owner)).toBe('in-progress');
    expect(await dial(owner), 'two of four are reserved').toBe('failed');
    expect([await dial(client), await dial(client), await dial(client)]).toEqual([
      'in-progress',
      'in-progress',
      'failed',
    ]);
    expect(carrier.events().filter(({ type }) => type === 'CALL_ESTABLISHED')).toHaveLength(4);
    // Called by it, too: a channel has to be free for that.
    await client.calls(placed.at(-2) ?? '').update({ status: 'completed' });
    const { sip } = await server.state();
    await expect
      .poll(async () => {
        const phone = await callWithPhone({ server: sip, number, toneHz: 500 });
        await phone.answered.catch(() => undefined);
        await phone.hangup();
        return (await client.calls.list({ to: number })).length;
      })
      .toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});
