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
    const dial = async (): Promise<() => Promise<string>> => {
      const { sid } = await client.calls.create({
        ...{ to: '+15550123', from: NUMBER },
        twiml: '<Response><Gather timeout="300"/></Response>',
      });
      return async () => (await client.calls(sid).fetch()).status;
    };
    const waiting = await dial();
    expect(carrier.events().map(({ type }) => type)).not.toContain('CALL_INCOMING');
    expect(await waiting()).toBe('queued');
    await phones.pop()?.hangup();
    await expect.poll(waiting, { timeout: 20_000 }).toBe('in-progress');
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
    const dial = async (by: typeof client): Promise<string> => {
      const { sid } = await by.calls.create({
        ...{ to: '+15550123', from: by === client ? number : '+15550183' },
        twiml: '<Response><Gather timeout="300"/></Response>',
      });
      return sid;
    };
    const statusOf = async (by: typeof client, sid: string): Promise<string> => (await by.calls(sid).fetch()).status;
    const dialled = async (by: typeof client): Promise<string> => {
      const sid = await dial(by);
      await expect.poll(() => statusOf(by, sid), { timeout: 15_000 }).toMatch(/failed|in-progress/);
      return await statusOf(by, sid);
    };
    expect(await dialled(client), 'the trunk is its owner’s alone').toBe('failed');
    const shares = ['--sharing', 'subaccounts', '--channels', '4', '--shares', `${tenant.account}=2/2`];
    await hookswitch(server, 'trunks', 'update', 'demo', ...shares);
    expect([await dialled(owner), await dialled(owner)]).toEqual(['in-progress', 'in-progress']);
    const third = await dial(owner);
    const first = await dial(client);
    await expect.poll(() => statusOf(client, first)).toBe('in-progress');
    expect(await dialled(client)).toBe('in-progress');
    const waits = await dial(client);
    expect(await statusOf(owner, third), 'two of four are reserved').toBe('queued');
    await client.calls(first).update({ status: 'completed' });
    await expect.poll(() => statusOf(client, waits)).toBe('in-progress');
    expect(await statusOf(owner, third), 'two of four are reserved').toBe('queued');
    await owner.calls(third).update({ status: 'canceled' });
    expect(carrier.events().filter(({ type }) => type === 'CALL_ESTABLISHED')).toHaveLength(5);
    // Called by it, too: a channel has to be free for that.
    await client.calls(waits).update({ status: 'completed' });
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

test('MT-6 calls that were asked for wait while their trunk is full: all are made, none fails, never more at a time than the carrier allows', async ({
  host,
  pstn,
}) => {
  const server = await startServer(serverOptions(host));
  const calls = 7;
  try {
    await hookswitch(server, 'trunks', 'update', 'demo', '--channels', '2');
    const client = await restClient(server);
    const carrier = await pstn();
    await client.incomingPhoneNumbers.create({ phoneNumber: NUMBER, voiceUrl: 'http://127.0.0.1:9/none' });
    const twiml = '<Response><Pause length="1"/></Response>';
    const place = () => client.calls.create({ to: '+15550123', from: NUMBER, twiml });
    const placed = await Promise.all(Array.from({ length: calls }, place));
    const statuses = async () => {
      const records = await Promise.all(placed.map(({ sid }) => client.calls(sid).fetch()));
      return records.map(({ status }) => status);
    };
    await expect.poll(statuses, { timeout: 60_000 }).toEqual(placed.map(() => 'completed'));
    let [live, most] = [0, 0];
    for (const { type } of carrier.events()) {
      if (type === 'CALL_ESTABLISHED') most = Math.max(most, ++live);
      if (type === 'CALL_CLOSED') live--;
    }
    expect(most).toBe(2);
    expect(carrier.events().filter(({ type }) => type === 'CALL_ESTABLISHED')).toHaveLength(calls);
  } finally {
    await server.stop();
  }
});
