import twilio from 'twilio';
import { hookswitch } from '../fixtures/application.ts';
import { openAccount } from '../fixtures/rest-client.ts';
import { expect, test } from '../fixtures/test.ts';

const TWIML = '<Response><Hangup/></Response>';
const LIVE = ['queued', 'ringing', 'in-progress'];

interface Shown {
  readonly sid: string;
  readonly status: string;
  readonly queue_position: number | null;
  readonly estimated_start: string | null;
  readonly queue_time: string | null;
}

test('MT-7 calls that wait: where they stand, taken back, given up when they expire, and how long they waited', async ({
  server,
}) => {
  const { account, authToken } = await openAccount(server, 'waits');
  const client = new twilio.Twilio(account, authToken, { accountSid: account, autoRetry: false });
  client.api.baseUrl = new URL((await server.state()).pageUrl).origin;
  const atATime = (calls: number): Promise<unknown> =>
    hookswitch(server, 'limits', 'set', '--concurrent-calls', String(calls), '--account', account);
  const uri = `${client.api.baseUrl}/2010-04-01/Accounts/${account}/Calls`;
  const asked = async (options: Parameters<typeof client.request>[0]): Promise<Shown> =>
    ((await client.request(options)) as { body: Shown }).body;
  const shown = (sid: string): Promise<Shown> => asked({ method: 'get', uri: `${uri}/${sid}.json` });
  const make = () => client.calls.create({ to: 'client:nobody', from: 'client:somebody', twiml: TWIML });
  await atATime(0);

  const [first, second, third] = [await make(), await make(), await make()];
  expect(first.status).toBe('queued');
  const places = async (): Promise<(number | null)[]> =>
    await Promise.all([first, second, third].map(async ({ sid }) => (await shown(sid)).queue_position));
  await expect.poll(places).toEqual([1, 2, 3]);
  // None has started: nobody knows when one will.
  expect((await shown(first.sid)).estimated_start).toBeNull();

  expect((await client.calls(second.sid).update({ status: 'canceled' })).status).toBe('canceled');
  await expect.poll(places).toEqual([1, null, 2]);

  const data = { To: 'client:nobody', From: 'client:somebody', Twiml: TWIML, QueueExpiry: '1' };
  const brief = await asked({ method: 'post', uri: `${uri}.json`, data });
  await expect.poll(async () => (await client.calls(brief.sid).fetch()).status).toBe('canceled');

  const start = new Date(Date.now() + 3_600_000);
  const later = { ...data, QueueExpiry: undefined, QueueStartAt: start.toISOString() };
  const scheduled = await asked({ method: 'post', uri: `${uri}.json`, data: later });
  await expect
    .poll(async () => Date.parse((await shown(scheduled.sid)).estimated_start ?? ''))
    .toBe(Math.floor(start.getTime() / 1000) * 1000);

  await atATime(5);
  const isOver = async (): Promise<boolean[]> =>
    await Promise.all([first, third].map(async ({ sid }) => !LIVE.includes((await client.calls(sid).fetch()).status)));
  await expect.poll(isOver).toEqual([true, true]);
  const over = await client.calls(first.sid).fetch();
  // It waited for longer than the call that expired.
  expect(Number(over.queueTime)).toBeGreaterThan(1000);
  expect(await shown(first.sid)).toMatchObject({ queue_position: null, estimated_start: null });
  expect((await client.calls(scheduled.sid).update({ status: 'canceled' })).status).toBe('canceled');
});
