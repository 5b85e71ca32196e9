import type { Page } from '@playwright/test';
import twilio from 'twilio';
import type { Twilio } from 'twilio';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import { startSecond } from '../fixtures/second-node.ts';
import type { RunState, TestServer } from '../fixtures/server.ts';
import { expect, test } from '../fixtures/test.ts';

const TENANT = 'Console Customer';
type Operated = RunState & { readonly node: string; readonly operatorKey: string };

/** An account that may have one outgoing call at a time, and how it asks for calls. */
async function openTenant(server: TestServer): Promise<{
  readonly client: Twilio;
  readonly setStatus: (status: string) => Promise<void>;
}> {
  const { sid, authToken } = await (await restClient(server)).api.accounts.create({ friendlyName: TENANT });
  const { pageUrl, operatorKey } = (await server.state()) as Operated;
  const operate = async (method: string, path: string, json: object): Promise<void> => {
    const headers = { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' };
    const answer = await fetch(new URL(path, pageUrl), { method, headers, body: JSON.stringify(json) });
    expect(answer.status).toBe(200);
  };
  await operate('PUT', `/v1/accounts/${sid}/limits`, { concurrentCalls: 1 });
  const client = new twilio.Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
  client.api.baseUrl = new URL(pageUrl).origin;
  return { client, setStatus: (status) => operate('POST', `/v1/cluster/tenants/${sid}`, { status }) };
}

const rowOf = (page: Page, table: string, text: string) => page.getByTestId(`${table}-row`).filter({ hasText: text });
const cellOf = (page: Page, table: string, text: string, title: string) =>
  rowOf(page, table, text).locator(`[data-title="${title}"]`);

test('an operator sees the cluster in the browser, suspends a tenant, whose call ends, and drains a node', async ({
  server,
  host,
  pstn,
  application,
  browsers,
}) => {
  const [second, tenant, peer] = await Promise.all([startSecond(host, server), openTenant(server), pstn()]);
  const { node, sip } = (await second.state()) as Operated;
  const { pageUrl, operatorKey } = (await server.state()) as Operated;
  application.answer(() => '<Gather timeout="300"/>');
  const phone = await callWithPhone({ server: sip, number: application.number, toneHz: 440 });
  let isUp = true;
  const browser = await browsers.open({ toneHz: 620, allowed: true });
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  try {
    const order = { to: peer.sipUri, from: 'console', twiml: '<Response><Pause length="120"/></Response>' };
    const calls: string[] = [];
    for (let n = 0; n < 3; n++) calls.push((await tenant.client.calls.create(order)).sid);
    await Promise.all([phone.answered, peer.event('CALL_ESTABLISHED')]);

    const page = await context.newPage();
    await page.goto(`${pageUrl}#cluster`);
    await page.getByTestId('operator-key').fill('not the key');
    await page.getByTestId('operator-submit').click();
    await expect(page.getByTestId('operator-problem')).toContainText('not the key of the running server');
    await page.getByTestId('operator-key').fill(operatorKey);
    await page.keyboard.press('Enter');

    // One call of the tenant is up, two wait for it to end.
    await expect(page.getByTestId('figure-waiting')).toHaveText('2');
    await expect(page.getByTestId('figure-nodes')).toHaveText('2');
    await expect(page.getByTestId('queue-sentence')).toContainText(/^2 calls wait, the longest for \d+ s\./);
    await expect(cellOf(page, 'queue', TENANT, 'Waiting')).toHaveText('2');
    await expect(cellOf(page, 'tenants', TENANT, 'Calls')).toHaveText('1');
    await expect(cellOf(page, 'tenants', TENANT, 'Fullest limit')).toContainText('1 of 1');
    await expect(cellOf(page, 'nodes', node, 'Call legs')).toContainText(/^[12] of 200$/);
    await expect(page.getByTestId('forecast-plot')).toBeVisible();
    await expect(page.getByTestId('console-trunks')).toContainText('Gateways');

    await rowOf(page, 'tenants', TENANT).getByTestId('tenant-status').click();
    await expect(page.getByTestId('confirm')).toContainText('Its 1 call');
    await page.getByTestId('confirm-yes').click();
    await peer.event('CALL_CLOSED');
    await expect(cellOf(page, 'tenants', TENANT, 'Status')).toHaveText('suspended');
    await expect(cellOf(page, 'tenants', TENANT, 'Calls')).toHaveText('0');
    await expect(cellOf(page, 'tenants', TENANT, 'Queued'), 'none of what waits is dialled').toHaveText('2');
    await rowOf(page, 'tenants', TENANT).getByTestId('tenant-status').click();
    await peer.event('CALL_ESTABLISHED');
    for (const sid of calls.slice(1).reverse()) await tenant.client.calls(sid).update({ status: 'completed' });

    await rowOf(page, 'nodes', node).getByTestId('drain').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('confirm')).toContainText(`Drain ${node}?`);
    await page.getByTestId('confirm-yes').click();
    await expect(cellOf(page, 'nodes', node, 'State')).toHaveText('draining');
    await expect(page.getByTestId('figure-nodes')).toHaveText('1');
    isUp = false;
    await phone.hangup();
    expect(await second.process.exited).toBe(0);
    await expect(rowOf(page, 'nodes', node)).toHaveCount(0);
  } finally {
    if (isUp) await phone.hangup();
    await context.close();
    await second.stop();
    await tenant.setStatus('suspended');
  }
});
