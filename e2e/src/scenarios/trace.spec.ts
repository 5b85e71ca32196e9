import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import type { Agent } from '../fixtures/agent.ts';
import { REPOSITORY } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';

const run = promisify(execFile);

/** What `hookswitch trace ...` prints. */
async function trace(server: TestServer, ...args: string[]): Promise<string> {
  const main = join(REPOSITORY, 'server/src/main.ts');
  const { stdout } = await run(process.execPath, [main, 'trace', '--data-dir', server.dataDir, ...args]);
  return stdout;
}

async function talk(server: TestServer, alice: Agent, dial: (uri: string) => Promise<unknown>): Promise<void> {
  await dial(await pstnUri(server));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await alice.page.getByTestId('answer').click();
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await alice.waitToHear(PSTN_TONE);
  await alice.page.getByTestId('hangup').click();
}

const entry = (page: Page, kind: string, title: RegExp): ReturnType<Page['locator']> =>
  page.locator(`[data-testid="trace-entry"][data-kind="${kind}"]`).filter({ hasText: title });

test('a call leaves its ladder on the page and on the command line', async ({ server, agent, pstn, dir }) => {
  const alice = await agent({ identity: 'alice', viewport: { width: 360, height: 740 } });
  const peer = await pstn();
  await talk(server, alice, (uri) => peer.dial(uri));
  await peer.event('CALL_CLOSED');
  const { page } = alice;
  const call = page.getByTestId('trace-call').first();
  await expect(call).toContainText('completed');

  // By keyboard alone.
  await call.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('trace-ladder')).toBeVisible();
  await expect(entry(page, 'sip', /INVITE/).first()).toBeVisible();
  await expect(entry(page, 'sip', /200 OK/).first()).toBeVisible();
  await expect(entry(page, 'http', /POST \/voice/)).toHaveCount(1);
  await expect(entry(page, 'event', /client\.accepted/)).toHaveCount(1);
  await expect(entry(page, 'event', /call\.merged/).first()).toBeVisible();
  await expect(entry(page, 'media', /flowing/)).toHaveCount(2);
  await entry(page, 'sip', /INVITE/)
    .first()
    .getByRole('button')
    .focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('trace-detail')).toContainText('Call-ID:');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);

  const downloading = page.waitForEvent('download');
  await page.getByTestId('trace-pcap').click();
  const capture = join(dir, 'page.pcap');
  await (await downloading).saveAs(capture);
  const { stdout: methods } = await run('tshark', ['-r', capture, '-T', 'fields', '-e', 'sip.Method']);
  expect(methods).toContain('INVITE');
  const { stdout: malformed } = await run('tshark', ['-r', capture, '-Y', '_ws.malformed']);
  expect(malformed).toBe('');

  const ladder = await trace(server, '--last', '--width', '140');
  await writeFile(test.info().outputPath('ladder.txt'), ladder);
  expect(ladder).toMatch(/\|-+ INVITE .*-*>\|/);
  expect(ladder).toMatch(/client\.incoming \(leg 2\)/);
  const file = join(dir, 'cli.pcap');
  await trace(server, '--last', '--pcap', file);
  expect(await readFile(file)).toEqual(await readFile(capture));
});

test('who may not see traces does not', async ({ server, agent }) => {
  const { account, apiKey, apiSecret } = await server.credentials();
  const { pageUrl } = await server.state();
  const traces = new URL(`/v1/accounts/${account}/traces`, pageUrl);
  const status = async (authorization?: string): Promise<number> =>
    (await fetch(traces, { headers: authorization === undefined ? {} : { authorization } })).status;
  const main = join(REPOSITORY, 'server/src/main.ts');
  const { stdout } = await run(process.execPath, [
    main,
    ...['token', '--identity', 'bob', '--account', account, '--data-dir', server.dataDir],
  ]);
  const token = stdout.trim();
  expect(await status()).toBe(401);
  expect(await status(`Bearer ${token}`)).toBe(403);
  expect(await status(`Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`)).toBe(200);
  const anybody = await agent({ identity: undefined });
  await anybody.page.getByText('With a token').click();
  await anybody.page.getByTestId('login-token').fill(token);
  await anybody.page.getByTestId('login-submit').click();
  await expect(anybody.page.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
  await expect(anybody.page.getByTestId('call-traces')).toHaveCount(0);
});
