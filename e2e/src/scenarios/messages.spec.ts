import { expect, test } from '../fixtures/test.ts';
import type { Agent } from '../fixtures/agent.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';

const RING_ALICE = '<Dial answerOnBridge="true" timeout="60"><Client>alice</Client></Dial>';

/** What the test uses of the page's call. */
interface PageCall {
  readonly callSid: string;
  sendMessage(content: unknown): Promise<unknown>;
  on(event: 'message', listener: (message: unknown) => void): void;
}
interface Page {
  readonly hookswitch: { readonly device: { readonly activeCall: PageCall } };
  heard?: unknown[];
}

/** The CallSid of the agent's leg; from now on messages are kept. */
const listen = ({ page }: Agent): Promise<string> =>
  page.evaluate(() => {
    const own = window as unknown as Page;
    const heard: unknown[] = [];
    own.heard = heard;
    const call = own.hookswitch.device.activeCall;
    call.on('message', (message) => heard.push(message));
    return call.callSid;
  });
const heard = ({ page }: Agent): Promise<unknown[]> => page.evaluate(() => (window as unknown as Page).heard ?? []);
/** The answer, or the error as text. */
const send = ({ page }: Agent, content: unknown): Promise<unknown> =>
  page.evaluate(
    (value) =>
      (window as unknown as Page).hookswitch.device.activeCall
        .sendMessage(value)
        .catch((error: unknown) => String(error)),
    content,
  );

test('EV-7 a page sends a message into its call, the application answers, and sends one by REST', async ({
  server,
  application,
  agent,
  events,
}) => {
  const { sip } = await server.state();
  const { account, authToken } = await server.credentials();
  const seen = await events();
  const alice = await agent({ identity: 'alice' });
  application.answer(({ path, params }) => {
    if (path === '/voice') return RING_ALICE;
    if (path !== '/message') return '';
    if (params['Content'] === '"broken"') return { type: 'text/html', body: '<h1>Oops</h1>' };
    return { type: 'application/json', body: JSON.stringify({ got: params['Content'] }) };
  });
  const caller = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  const callSid = await listen(alice);

  const rest = async (resource: string, form: Record<string, string>): Promise<Record<string, unknown>> => {
    const { pageUrl } = await server.state();
    const answer = await fetch(`${pageUrl}2010-04-01/Accounts/${account}/Calls/${callSid}/${resource}.json`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
    expect(answer.status).toBe(201);
    return (await answer.json()) as Record<string, unknown>;
  };
  const { sid: subscription } = await rest('UserDefinedMessageSubscriptions', {
    Callback: `${application.url}/message`,
  });

  const answer = (await send(alice, { ask: 'balance' })) as Record<string, unknown>;
  expect(answer['answer']).toEqual({ got: '{"ask":"balance"}' });
  const request = await application.waitForRequest(({ path }) => path === '/message');
  expect(request.params).toMatchObject({
    AccountSid: account,
    CallSid: callSid,
    SubscriptionSid: subscription,
    Identity: 'alice',
    Sid: answer['messageSid'],
  });
  expect(request.headers['x-twilio-signature']).toBeTruthy();
  expect(await send(alice, 'broken')).toContain('the application answered text/html, which is no JSON');
  expect(await send(alice, 'x'.repeat(10_000))).toContain('at most 10000 bytes');

  const sent = await rest('UserDefinedMessages', { Content: '{"screen":"order 17"}' });
  await expect(async () => {
    expect(await heard(alice)).toEqual([{ messageSid: sent['sid'], content: { screen: 'order 17' } }]);
  }).toPass({ timeout: 5000 });
  const published = await seen.waitFor('call.message', ({ data }) => data['sender'] === 'application');
  expect(published.data).toMatchObject({ callSid, identity: 'alice', content: { screen: 'order 17' } });
  expect(published.data['applicationSid']).toMatch(/^AP/);

  await caller.hangup();
});
