import { openApplication } from '../fixtures/application.ts';
import { subscribeHub } from '../fixtures/hub-events.ts';
import { readStored } from '../fixtures/nats-events.ts';
import { PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';

const RING_ALICE = '<Dial answerOnBridge="true" timeout="60"><Client>alice</Client></Dial>';

test('BR-9 kill -9 of the mediasoup worker ends its calls with a definite event; new calls work at once', async ({
  server,
  agent,
  pstn,
  events,
  application,
}) => {
  const seen = await events();
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  application.answer(() => RING_ALICE);
  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);

  const { children } = await server.state();
  for (const pid of children.mediaWorkers) process.kill(pid, 'SIGKILL');
  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] === undefined);
  expect(ended.data['cause']).toBe('media-worker-died');
  await peer.event('CALL_CLOSED');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  await seen.waitFor('node.media-worker-died');

  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await peer.hangup();
});

test('EV-6 kill -9 of nats-server during a call leaves the call up, and no event is lost', async ({
  server,
  agent,
  pstn,
  application,
}) => {
  const { gateway, account } = await server.state();
  const seen = await subscribeHub(gateway.ws, await server.token('watcher'), 'calls.>');
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  application.answer(() => RING_ALICE);
  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await seen.waitFor('call.merged');

  const { children } = await server.state();
  expect(children.nats).toBeDefined();
  process.kill(children.nats ?? -1, 'SIGKILL');
  await peer.sendDigit('4');
  await alice.waitToHear(PSTN_TONE);
  await peer.hangup();

  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] === undefined, 30_000);
  const callSid = String(ended.data['callSid']);
  const mine = seen.seen().filter((event) => event.subject.includes(`.calls.${callSid}.`));
  // Measurements (call.quality) and the log of requests (call.exchange) carry no sequence: they are no steps of the call.
  const sequences = mine.map((event) => event.sequence).filter((sequence) => sequence !== undefined);
  expect(sequences).toEqual(sequences.map((_, index) => index));
  expect(mine.some((event) => event.type === 'call.digit')).toBe(true);
  // The stream holds each once, in that order: a durable consumer of a backend gets them too.
  const { nats } = await server.state();
  const stored = await readStored(nats.url, account, callSid);
  const steps = (events: readonly { readonly id: string; readonly type: string }[]): string[] =>
    events.filter(({ type }) => !['call.quality', 'call.exchange'].includes(type)).map(({ id }) => id);
  expect(steps(stored)).toEqual(steps(mine));
  await seen.close();
});

test('BR-8 a browser that loses its socket for 10 s while ringing, and while talking, takes the call up again', async ({
  server,
  agent,
  pstn,
  application,
}) => {
  const alice = await agent({ identity: 'alice', interruptible: true });
  const peer = await pstn();
  application.answer(() => RING_ALICE);
  const status = alice.page.getByTestId('registration-status');
  await peer.dial(await pstnUri(server, application.number));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await alice.loseSocket(10_000);
  await expect(status).toHaveAttribute('data-state', 'registered', { timeout: 15_000 });
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);

  await alice.loseSocket(10_000);
  await expect(status).toHaveAttribute('data-state', 'registered', { timeout: 15_000 });
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await alice.waitToHear(PSTN_TONE);
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
});

test('CR-3 an application server that is down: the caller hears why, an event and a log line say what to mend', async ({
  server,
  pstn,
  events,
}) => {
  const seen = await events();
  const application = await openApplication(server, '+15550136', () => '');
  await application.close();
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  const failed = await seen.waitFor('call.instructions-failed');
  expect(failed.data['url']).toContain(application.url);
  expect(String(failed.data['hint']).length).toBeGreaterThan(20);
  await peer.event('CALL_ESTABLISHED');
  await peer.event('CALL_CLOSED', 20_000);
  const [line = ''] = server.process
    .output()
    .split('\n')
    .filter((text) => text.includes('"level":50') && text.includes(application.url));
  expect(line).toContain(String(failed.data['hint']).slice(0, 20));
});
