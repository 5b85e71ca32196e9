import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import { WebSocket } from 'ws';
import type { Agent } from '../fixtures/agent.ts';
import type { Baresip } from '../fixtures/baresip.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { AGENT_TONE, PSTN_TONE, SECOND_AGENT_TONE, expect, test } from '../fixtures/test.ts';
import type { TestServer } from '../fixtures/server.ts';
import { signToken } from '../fixtures/token.ts';
import { readWav, tonePresence } from '../fixtures/tone.ts';

/** Whom baresip answers for, and a number of the account. */
const [CUSTOMER, OWN] = ['+15550123', '+15550100'];

interface Made {
  readonly sid: string;
  readonly token: string;
  readonly status: string;
  readonly callSid: string | null;
}

/** The REST API as a backend of the account uses it. */
async function backend(server: TestServer): Promise<{
  readonly offer: (change?: object) => Promise<Made>;
  readonly read: (sid: string) => Promise<Made>;
  readonly cancel: (sid: string) => Promise<number>;
}> {
  const { account, authToken } = await server.credentials();
  const base = `${new URL((await server.state()).pageUrl).origin}/v1/accounts/${account}/bridge-requests`;
  const headers = {
    authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const wish = { identity: 'alice', to: CUSTOMER, from: OWN, data: { text: 'please call me back' }, ttl: 600 };
  return {
    offer: async (change = {}) => {
      const response = await fetch(base, { method: 'POST', headers, body: JSON.stringify({ ...wish, ...change }) });
      expect(response.status).toBe(201);
      return (await response.json()) as Made;
    },
    read: async (sid) => (await (await fetch(`${base}/${sid}`, { headers })).json()) as Made,
    cancel: async (sid) => {
      const { authorization } = headers;
      return (await fetch(`${base}/${sid}`, { method: 'DELETE', headers: { authorization } })).status;
    },
  };
}

/** The customer has heard the agent for so long. */
async function expectHeard(pstn: Baresip, hz: number, seconds: number): Promise<void> {
  const [file = 'no recording'] = await pstn.recordings();
  const present = tonePresence(await readWav(file), hz);
  expect(present.filter(Boolean).length * 0.02).toBeGreaterThan(seconds);
}

/** From now on the page answers with the token that an event of the application's own brings. */
async function answerOnEvent({ page }: Agent, topic: string): Promise<void> {
  await page.evaluate(async (name) => {
    interface Subscription {
      on(event: 'subscribed', listener: () => void): void;
    }
    interface Page {
      readonly hookswitch: {
        readonly hub: { subscribe(topic: string, listener: (event: { data: unknown }) => void): Subscription };
        readonly device: { answerBridgeRequest(token: string, options: { readonly to: string }): unknown };
      };
    }
    const { hub, device } = (window as unknown as Page).hookswitch;
    const subscription = hub.subscribe(name, ({ data }) => {
      const { bridgeToken, from } = data as { readonly bridgeToken: string; readonly from: string };
      device.answerBridgeRequest(bridgeToken, { to: from });
    });
    await new Promise<void>((resolve) => {
      subscription.on('subscribed', resolve);
    });
  }, topic);
}

const card = ({ page }: Agent) => page.getByTestId('bridge-request-card');

test('BR-10 an event is accepted: the customer is called and merged with the agent, and both hear each other', async ({
  server,
  agent,
  pstn,
  events,
}) => {
  const [desk, mobile] = [
    await agent({ identity: 'alice' }),
    await agent({ identity: 'alice', toneHz: SECOND_AGENT_TONE }),
  ];
  const seen = await events();
  const customer = await pstn();
  const { offer, read, cancel } = await backend(server);
  const made = await offer();
  const told = await seen.waitFor('client.bridge-request');
  expect(told.data).toMatchObject({ identity: 'alice', requestSid: made.sid, data: { text: 'please call me back' } });
  for (const device of [desk, mobile]) {
    await expect(card(device)).toContainText('please call me back');
    await expect(card(device)).toContainText(CUSTOMER);
  }
  await desk.page.getByTestId('bridge-request-accept').click();
  await customer.event('CALL_ESTABLISHED');
  await desk.waitToHear(PSTN_TONE);
  await expect(desk.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await expect(card(mobile)).toHaveCount(0);
  const closed = await seen.waitFor('client.bridge-request-closed');
  expect(closed.data).toMatchObject({ requestSid: made.sid, status: 'accepted' });
  const merged = await seen.waitFor('call.merged', ({ data }) => data['callSid'] === closed.data['callSid']);
  const second = await seen.waitFor('call.initiated', ({ data }) => data['callSid'] === merged.data['peerCallSid']);
  expect(second.data).toMatchObject({ from: OWN, to: CUSTOMER, parentCallSid: closed.data['callSid'] });
  expect(await read(made.sid)).toMatchObject({ status: 'accepted', callSid: closed.data['callSid'] });
  expect(await cancel(made.sid)).toBe(409);
  await desk.page.waitForTimeout(1200);
  await customer.hangup();
  await expect(desk.page.getByTestId('call-status')).toHaveCount(0);
  await expectHeard(customer, AGENT_TONE, 1);
});

test('BR-10 an application event carries the token, and the application of the request decides the call', async ({
  server,
  agent,
  pstn,
  application,
}) => {
  const alice = await agent({ identity: 'alice' });
  const customer = await pstn();
  const asked: Record<string, string>[] = [];
  application.answer(({ params }) => {
    asked.push(params);
    return `<Dial answerOnBridge="true" callerId="${OWN}"><Number>${params['To'] ?? ''}</Number></Dial>`;
  });
  const rest = await restClient(server);
  const { sid: applicationSid } = await rest.applications.create({ voiceUrl: `${application.url}/voice` });
  const { offer } = await backend(server);
  const made = await offer({ announce: false, applicationSid });
  await answerOnEvent(alice, 'app.messages.alice');
  await expect(card(alice)).toHaveCount(0);
  const { account, authToken } = await server.credentials();
  const published = await fetch(`${new URL((await server.state()).pageUrl).origin}/v1/accounts/${account}/events`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ topic: 'app.messages.alice', data: { from: CUSTOMER, bridgeToken: made.token } }),
  });
  expect(published.ok, await published.text()).toBe(true);
  await alice.waitToHear(PSTN_TONE);
  expect(asked[0]).toMatchObject({
    From: 'client:alice',
    To: CUSTOMER,
    ApplicationSid: applicationSid,
    BridgeRequestSid: made.sid,
    BridgeRequestData: '{"text":"please call me back"}',
  });
  await customer.hangup();
  await rest.applications(applicationSid).remove();
});

test('BR-10 a token that is used, expired, taken back, of another identity or of another account is refused', async ({
  server,
}) => {
  const { offer, read, cancel } = await backend(server);
  const { wsUrl, alice, bob, stranger } = await whoAsks(server);
  const [open, expired, canceled] = [await offer(), await offer({ ttl: 1 }), await offer()];
  expect(await answer(wsUrl, bob, open.token)).toEqual([201, 'the bridge request is for another identity']);
  expect(await answer(wsUrl, stranger, open.token)).toEqual([201, 'there is no such bridge request']);
  expect(await cancel(canceled.sid)).toBe(204);
  expect(await answer(wsUrl, alice, canceled.token)).toEqual([202, 'the bridge request was taken back']);
  expect(await read(open.sid)).toMatchObject({ status: 'pending' });
  const answers = await Promise.all([answer(wsUrl, alice, open.token), answer(wsUrl, alice, open.token)]);
  expect(answers).toContainEqual([209, 'the bridge request was already answered']);
  expect(answers).toContainEqual('answered');
  expect(await answer(wsUrl, alice, open.token)).toEqual([209, 'the bridge request was already answered']);
  await expect.poll(async () => (await read(expired.sid)).status, { timeout: 15_000 }).toBe('expired');
  expect(await answer(wsUrl, alice, expired.token)).toEqual([202, 'the bridge request has expired']);
});

/** Access tokens: two identities of the account, and one of a sub-account with a name that is taken here. */
async function whoAsks(
  server: TestServer,
): Promise<{ readonly wsUrl: string; readonly alice: string; readonly bob: string; readonly stranger: string }> {
  const credentials = await server.credentials();
  const { pageUrl, gateway } = await server.state();
  const { account, authToken } = credentials;
  const post = async (path: string, [user, password]: readonly [string, string]): Promise<Record<string, string>> => {
    const response = await fetch(`${new URL(pageUrl).origin}/2010-04-01/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'FriendlyName=Other',
    });
    expect(response.ok).toBe(true);
    return (await response.json()) as Record<string, string>;
  };
  const { sid = '', auth_token: theirToken = '' } = await post('Accounts.json', [account, authToken]);
  const key = await post(`Accounts/${sid}/Keys.json`, [sid, theirToken]);
  const theirs = { ...credentials, account: sid, apiKey: key['sid'] ?? '', apiSecret: key['secret'] ?? '' };
  return {
    wsUrl: gateway.ws,
    alice: signToken(credentials, { identity: 'alice' }),
    bob: signToken(credentials, { identity: 'bob' }),
    stranger: signToken(theirs, { identity: 'alice' }),
  };
}

/** Answers a bridge request as a device does, and hangs up. @returns the refusal's code and message, if it is one */
async function answer(url: string, accessToken: string, bridgeToken: string): Promise<[number, string] | 'answered'> {
  const socket = new WebSocket(url, HUB_SUBPROTOCOL);
  const body = {
    type: 'connect',
    params: {},
    bridgeToken,
    rtpCapabilities: {
      codecs: [{ kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, channels: 1, preferredPayloadType: 0 }],
      headerExtensions: [],
    },
  };
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => {
        socket.send(JSON.stringify({ type: 'connect', id: 1, token: accessToken }));
        socket.send(JSON.stringify({ type: 'extension', id: 2, extension: 'softphone', body }));
      });
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString('utf8')) as ServerFrame;
        if (frame.type === 'error') resolve([frame.code, frame.message]);
        if (frame.type !== 'result') return;
        const { callSid } = frame.body as { readonly callSid: string };
        const hangup = { type: 'hangup', callSid };
        socket.send(JSON.stringify({ type: 'extension', id: 3, extension: 'softphone', body: hangup }));
        resolve('answered');
      });
    });
  } finally {
    socket.close();
  }
}
