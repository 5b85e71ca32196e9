import { openApplication } from '../fixtures/application.ts';
import type { Application, ApplicationRequest } from '../fixtures/application.ts';
import { subscribeHub } from '../fixtures/hub-events.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { startSecond } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';

/** From the death of a node to the definite end of its calls. */
const WITHIN_MS = 10_000;

/** What a call to each number is doing when its node dies. */
const STATES: Readonly<Record<string, string>> = {
  '+15550170': '<Gather timeout="300"/>',
  '+15550171': '<Dial timeout="300" answerOnBridge="true"><Number>+15550123</Number></Dial>',
  '+15550172': '<Dial><Conference beep="false" waitUrl="">room</Conference></Dial>',
  '+15550173': '<Enqueue waitUrl="">help</Enqueue>',
  '+15550174': '<Record maxLength="300" timeout="0" playBeep="false"/>',
};
const [PAUSE = '', RINGS = '', CONFERENCE = '', , RECORD = ''] = Object.keys(STATES);
const OVER = ['completed', 'busy', 'failed', 'no-answer', 'canceled'];

/** Places a call to each number on one node, and resolves with their sids once each is where it should be. */
async function callAll(
  node: TestServer,
  application: Application,
  phones: RtpPhone[],
): Promise<ReadonlyMap<string, string>> {
  const { sip } = await node.state();
  for (const number of Object.keys(STATES)) {
    const phone = await callWithPhone({ server: sip, number, toneHz: 420 });
    phones.push(phone);
    // Rings for as long as the called party does.
    if (number !== RINGS) await phone.answered;
  }
  const sids = new Map<string, string>();
  for (const number of Object.keys(STATES)) {
    const { params } = await application.waitForRequest((request) => request.params['To'] === number);
    sids.set(number, params['CallSid'] ?? '');
  }
  return sids;
}

test('BR-9 CR-5 a node is killed with calls in every state: each has its end in event, record and status callback within 10 s', async ({
  host,
  pstn,
}) => {
  test.setTimeout(150_000);
  const first = await startServer(serverOptions(host));
  const second = await startSecond(host, first);
  const application = await openApplication(
    first,
    Object.keys(STATES),
    ({ params }) => STATES[params['To'] ?? ''] ?? '',
  );
  const phones: RtpPhone[] = [];
  try {
    const client = await restClient(first);
    await pstn({ autoAnswer: false });
    const { gateway } = await first.state();
    const seen = await subscribeHub(gateway.ws, await first.token('watcher'), 'calls.>');
    const sids = await callAll(second, application, phones);
    const all = [...sids.values()];
    // A participant on the living node: its conference's owner dies, or goes on without the dead one's participant.
    const living = await callWithPhone({ server: (await first.state()).sip, number: CONFERENCE, toneHz: 620 });
    await living.answered;
    const [dialled] = await Promise.all([
      seen.waitFor('call.ringing', ({ data }) => data['parentCallSid'] === sids.get(RINGS)),
      seen.waitFor('recording.started', ({ data }) => data['callSid'] === sids.get(RECORD)),
      expect.poll(async () => (await client.conferences.list({ status: 'in-progress' })).length).toBe(1),
      expect.poll(async () => (await client.queues.list())[0]?.currentSize).toBe(1),
    ]);
    all.push(String(dialled.data['callSid']));

    process.kill((await second.state()).pid, 'SIGKILL');
    const killed = Date.now();
    await Promise.all(all.map((sid) => seen.waitFor('call.ended', ({ data }) => data['callSid'] === sid, WITHIN_MS)));
    await Promise.all(
      [...sids.values()].map((sid) =>
        application.waitForRequest(({ path, params }) => path === '/status' && params['CallSid'] === sid, WITHIN_MS),
      ),
    );
    const statuses = async (): Promise<string[]> =>
      await Promise.all(all.map(async (sid) => (await client.calls(sid).fetch()).status));
    await expect
      .poll(async () => (await statuses()).filter((status) => !OVER.includes(status)), { timeout: WITHIN_MS })
      .toEqual([]);
    expect(Date.now() - killed, 'from the kill to the last end').toBeLessThan(2 * WITHIN_MS);
    for (const sid of all) {
      const ends = seen.seen().filter(({ type, data }) => type === 'call.ended' && data['callSid'] === sid);
      expect(ends.length, `ends of ${sid}`).toBe(1);
    }
    expect((await client.queues.list())[0]?.currentSize, 'who waits').toBe(0);
    await living.hangup();
    await expect.poll(async () => (await client.conferences.list({ status: 'in-progress' })).length).toBe(0);
    await expect.poll(async () => (await client.calls.list({ status: 'in-progress' })).length).toBe(0);
    await seen.close();
  } finally {
    for (const phone of phones) phone.media.close();
    await application.close();
    await second.stop();
    await first.stop();
  }
});

test('BR-9 SS-2 a node is killed with placed calls up: they end within 10 s; what its application set as cookies, another node sends', async ({
  host,
  pstn,
}) => {
  // Each has room for one placed call, and so gets one of two.
  const first = await startServer({ ...serverOptions(host), args: ['--call-capacity', '2'] });
  const second = await startSecond(host, first, ['--call-capacity', '2']);
  const application = await openApplication(first, PAUSE, ({ headers }) => ({
    type: 'text/xml',
    body: '<Response><Reject/></Response>',
    headers: headers.cookie === undefined ? { 'set-cookie': ['visit=one; Path=/', 'cart=3; Max-Age=600'] } : {},
  }));
  const cookiesOfCall = async (node: TestServer, from: string): Promise<string | undefined> => {
    const before = application.requests.length;
    const probe = await callWithProbe({ server: (await node.state()).sip, number: PAUSE, from });
    await probe.final;
    await probe.hangup();
    return application.requests.slice(before).find(({ path }) => path === '/voice')?.headers.cookie;
  };
  try {
    const client = await restClient(first);
    const peer = await pstn();
    const nodes = { first: (await first.state()).pid, second: (await second.state()).pid };
    expect(nodes.first).not.toBe(nodes.second);
    const twiml = '<Response><Pause length="300"/></Response>';
    const statusCallback = `${application.url}/ended`;
    const sids: string[] = [];
    for (const n of [1, 2]) {
      const made = await client.calls.create({ to: '+15550123', from: '+15550100', twiml, statusCallback });
      sids.push(made.sid);
      await peer.event('CALL_ESTABLISHED');
      await expect.poll(async () => (await client.calls(made.sid).fetch()).status, `call ${n}`).toBe('in-progress');
    }
    expect(await cookiesOfCall(second, '+15550101')).toBeUndefined();
    // There may be no room yet: the call before it is on its way out.
    await expect.poll(() => cookiesOfCall(second, '+15550101')).toBe('visit=one; cart=3');
    process.kill(nodes.second, 'SIGKILL');
    const killed = Date.now();
    const statuses = async (): Promise<string[]> =>
      await Promise.all(sids.map(async (sid) => (await client.calls(sid).fetch()).status));
    await expect.poll(async () => (await statuses()).sort(), { timeout: WITHIN_MS }).toEqual(['failed', 'in-progress']);
    const dead = sids[(await statuses()).indexOf('failed')];
    const ofDead = ({ path, params }: ApplicationRequest): boolean => path === '/ended' && params['CallSid'] === dead;
    const ended = await application.waitForRequest(ofDead, WITHIN_MS);
    expect(ended.params).toMatchObject({ CallStatus: 'failed' });
    expect(Date.now() - killed).toBeLessThan(WITHIN_MS);
    expect(await cookiesOfCall(first, '+15550102'), 'another caller').toBeUndefined();
    const same = expect.poll(() => cookiesOfCall(first, '+15550101'), 'the same pairing on the other node');
    await same.toBe('visit=one; cart=3');
    const living = sids.find((sid) => sid !== dead) ?? '';
    expect((await client.calls(living).update({ status: 'completed' })).status).toBe('completed');
  } finally {
    await application.close();
    await second.stop();
    await first.stop();
  }
});
