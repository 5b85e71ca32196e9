import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import { WebSocket } from 'ws';
import { hookswitch } from '../fixtures/application.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { PSTN_TONE, expect, test } from '../fixtures/test.ts';
import { signToken } from '../fixtures/token.ts';

const RING_ALICE = '<Dial answerOnBridge="true" timeout="60"><Client>alice</Client></Dial>';

interface Refusal {
  readonly what: string;
  readonly wish: Parameters<typeof signToken>[1];
  readonly banner: string;
}

const REFUSALS: readonly Refusal[] = [
  { what: 'an expired token', wish: { identity: 'alice', ttl: -10 }, banner: 'tokenExpired' },
  {
    what: 'a token that names another account',
    wish: { identity: 'alice', account: `AC${'0'.repeat(32)}` },
    banner: 'tokenForeign',
  },
];

for (const { what, wish, banner } of REFUSALS) {
  test(`BR-1 ${what} is refused: the page says so and offers to sign in again`, async ({ agent, server }) => {
    const token = signToken(await server.credentials(), wish);
    const alice = await agent({ identity: undefined });
    const { page } = alice;
    await page.getByTestId('login-by-token').check({ force: true });
    await page.getByTestId('login-token').fill(token);
    await page.getByTestId('login-submit').click();
    const shown = page.getByTestId('error-banner');
    await expect(shown).toHaveAttribute('data-error', banner);
    await expect(page.getByTestId('registration-status')).not.toHaveAttribute('data-state', 'registered');
    await shown.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByTestId('login-by-identity').check({ force: true });
    await page.getByTestId('login-identity').fill('alice');
    await page.getByTestId('login-submit').click();
    await expect(page.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
    await expect(shown).toHaveCount(0);
  });
}

test('BR-1 the same identity of another account neither rings nor sees an event', async ({
  agent,
  server,
  application,
}) => {
  const { sip, gateway } = await server.state();
  const account = (await hookswitch(server, 'accounts', 'create', '--name', 'Stranger')) as { sid: string };
  const key = (await hookswitch(server, 'keys', 'create', '--name', 'k', '--account', account.sid)) as {
    sid: string;
    secret: string;
  };
  const foreign = { account: account.sid, authToken: '', apiKey: key.sid, apiSecret: key.secret };
  const token = signToken(foreign, { identity: 'alice', subscribe: ['calls.>', 'clients.>', 'numbers.>', 'app.>'] });
  const got: ServerFrame[] = [];
  const socket = new WebSocket(gateway.ws, HUB_SUBPROTOCOL);
  const ready = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'connect', id: 1, token }));
      for (const [id, topic] of ['calls.>', 'clients.>', 'numbers.>'].entries())
        socket.send(JSON.stringify({ type: 'subscribe', id: 10 + id, topic }));
      const body = { type: 'register', device: 'stranger' };
      socket.send(JSON.stringify({ type: 'extension', id: 2, extension: 'softphone', body }));
    });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as ServerFrame;
      got.push(frame);
      if (frame.type === 'result') resolve();
      if (frame.type === 'error') reject(new Error(frame.message));
    });
  });
  await ready;
  application.answer(() => RING_ALICE);
  const alice = await agent({ identity: 'alice' });
  const caller = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await caller.hangup();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  const own = got.filter((frame) => frame.type === 'event').map(({ event }) => event);
  // Its own registration is all there is.
  expect(own.map(({ type, accountsid }) => [type, accountsid])).toEqual([['client.registered', account.sid]]);
  expect(got.filter((frame) => frame.type === 'extension')).toEqual([]);
  socket.close();
});

test('BR-1 a token is renewed while the page is connected, without a new connection', async ({ agent, server }) => {
  const credentials = await server.credentials();
  // The server announces the end 60 s before: of the first one after a few seconds.
  const lives = [64, 3600];
  let asked = 0;
  const alice = await agent({
    identity: 'alice',
    prepare: async (page) => {
      await page.route('**/demo/token*', (route) => {
        const token = signToken(credentials, { identity: 'alice', ttl: lives[Math.min(asked++, 1)] ?? 0 });
        return route.fulfill({ json: { token } });
      });
    },
  });
  const info = (): Promise<{ connection: string; expiresAt: number }> =>
    alice.page.evaluate(() => {
      interface Softphone {
        readonly hookswitch: { readonly hub: { readonly info: { connection: string; expiresAt: number } } };
      }
      return (window as unknown as Softphone).hookswitch.hub.info;
    });
  const { connection } = await info();
  await expect.poll(async () => (await info()).expiresAt - Date.now()).toBeGreaterThan(3_000_000);
  expect((await info()).connection).toBe(connection);
  // Once for the connection, once to renew it; the list of traces may have asked for one of its own.
  expect(asked).toBeGreaterThanOrEqual(2);
  expect(asked).toBeLessThanOrEqual(3);
});

test('BR-1 offline: the page says so after a moment, comes back when asked to, and rings', async ({
  agent,
  server,
  application,
}) => {
  const { sip } = await server.state();
  application.answer(() => RING_ALICE);
  const alice = await agent({ identity: 'alice', interruptible: true });
  const banner = alice.page.locator('[data-testid=error-banner][data-error=offline]');
  const back = alice.loseSocket(4000);
  await expect(banner).toBeVisible();
  await expect(alice.page.getByTestId('dial-call')).toBeDisabled();
  // Rings as soon as it is back: the registration is kept meanwhile.
  const caller = await callWithProbe({ server: sip, number: application.number });
  await back;
  // It comes back by itself as well, after a while that grows with every attempt.
  await banner.getByRole('button', { name: 'Try now' }).click();
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible({ timeout: 15_000 });
  await expect(banner).toHaveCount(0);
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await caller.hangup();
});

test('BR-4 a refused microphone: the page says so, the call can be answered elsewhere, and is not lost', async ({
  agent,
  server,
  application,
}) => {
  const { sip } = await server.state();
  application.answer(({ path }) =>
    path === '/voice' ? '<Dial action="/done"><Client>alice</Client></Dial>' : '<Hangup/>',
  );
  const alice = await agent({ identity: 'alice', microphone: false });
  const caller = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await expect(alice.page.getByTestId('error-banner')).toHaveAttribute('data-error', 'microphoneRefused');
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await alice.page.getByTestId('reject').click();
  const done = await application.waitForRequest(({ path }) => path === '/done');
  expect(done.params['DialCallStatus']).toBe('busy');
  await caller.byeReceived;
  await caller.hangup();
});

test('BR-5 a second tab of the same agent rings too, and stops when the first one answers', async ({
  agent,
  server,
  application,
}) => {
  const { sip, pageUrl } = await server.state();
  application.answer(() => RING_ALICE);
  const first = await agent({ identity: 'alice' });
  const second = await first.page.context().newPage();
  await second.goto(`${pageUrl}?identity=alice&processing=off`);
  await expect(second.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
  const caller = await callWithProbe({ server: sip, number: application.number });
  await expect(second.getByTestId('incoming-card')).toBeVisible();
  await first.page.getByTestId('answer').click();
  await expect(second.getByTestId('incoming-card')).toHaveCount(0);
  await expect(second.getByTestId('recent-call')).toContainText('answered on another device');
  await first.waitToHear(PSTN_TONE);
  // The tab that is not in the call is closed: the call does not care.
  await second.close({ runBeforeUnload: true });
  await first.waitToHear(PSTN_TONE);
  await caller.hangup();
});
