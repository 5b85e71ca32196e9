import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApplication } from '../fixtures/application.ts';
import { descendants, processFacts, stillRunning } from '../fixtures/process-facts.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { PSTN_TONE, expect, serverOptions, test } from '../fixtures/test.ts';

const RING_ALICE = '<Dial answerOnBridge="true" timeout="60"><Client>alice</Client></Dial>';
/** What a server is made of besides itself. */
const CHILDREN = [/nats-server/, /postgres/, /mediasoup-worker/, /demo-app/];

async function metric(server: TestServer, name: string): Promise<number> {
  const { health } = await server.state();
  const text = await (await fetch(new URL('/metrics', health))).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('BR-9 Ctrl-C during a call: the caller gets BYE, the browser is told, no process is left', async ({
  host,
  agent,
}) => {
  const server = await startServer(serverOptions(host));
  try {
    const { sip, pid } = await server.state();
    const application = await openApplication(server, '+15550160', () => RING_ALICE);
    const alice = await agent({ identity: 'alice', server });
    const caller = await callWithProbe({ server: sip, number: application.number });
    await alice.page.getByTestId('answer').click();
    await alice.waitToHear(PSTN_TONE);
    const children = await descendants(pid);
    for (const kind of CHILDREN)
      expect(
        children.some(({ command }) => kind.test(command)),
        String(kind),
      ).toBe(true);

    process.kill(pid, 'SIGINT');
    await caller.byeReceived;
    await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
    await expect(alice.page.getByTestId('recent-call')).toContainText('shutting down');
    expect(await server.process.exited).toBe(0);
    expect(await stillRunning(children)).toEqual([]);
    await caller.hangup();
    await application.close();
  } finally {
    await server.stop();
  }
});

test('BR-9 kill -9 of the server leaves no process behind, and the next start on its data works', async ({
  host,
  agent,
}) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hookswitch-e2e-'));
  let server = await startServer({ ...serverOptions(host), dataDir });
  try {
    const first = await server.state();
    const application = await openApplication(server, '+15550161', () => RING_ALICE);
    const children = await descendants(first.pid);
    expect(children.length).toBeGreaterThanOrEqual(CHILDREN.length);
    process.kill(first.pid, 'SIGKILL');
    await server.process.exited;
    // At once: the new one waits for what the old one's children still hold.
    server = await startServer({ ...serverOptions(host), dataDir });
    await expect.poll(() => stillRunning(children), { timeout: 15_000 }).toEqual([]);

    const { sip, account } = await server.state();
    expect(account).toBe(first.account);
    const alice = await agent({ identity: 'alice', server });
    const caller = await callWithProbe({ server: sip, number: application.number });
    await alice.page.getByTestId('answer').click();
    await alice.waitToHear(PSTN_TONE);
    await caller.hangup();
    await application.close();
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('twenty calls leave nothing behind: no call, no UDP port, no descriptor, no listener', async ({
  server,
  agent,
  application,
}) => {
  const { sip, pid } = await server.state();
  const alice = await agent({ identity: 'alice' });
  application.answer(() => RING_ALICE);
  const answered = async (): Promise<void> => {
    const caller = await callWithProbe({ server: sip, number: application.number });
    await alice.page.getByTestId('answer').click();
    await alice.waitToHear(PSTN_TONE);
    await caller.hangup();
    await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  };
  const short = async (): Promise<void> => {
    const caller = await callWithProbe({ server: sip, number: application.number });
    await caller.final;
    await caller.hangup();
  };
  const idle = (): Promise<number> => metric(server, 'hookswitch_calls');
  const five = (): Promise<unknown> => Promise.all(Array.from({ length: 5 }, short));
  const spoken = (): string => '<Say>Hello</Say><Pause length="10"/>';
  // Each kind before counting: connections to the application and caches stay.
  await answered();
  application.answer(spoken);
  await five();
  await expect.poll(idle).toBe(0);
  const before = await processFacts(pid);
  for (let round = 0; round < 4; round++) await five();
  application.answer(() => '<Reject/>');
  await short();
  application.answer(() => RING_ALICE);
  await answered();
  await expect.poll(idle).toBe(0);
  await expect.poll(async () => (await processFacts(pid)).udpSockets).toBe(before.udpSockets);
  // Idle HTTP connections to the application server are kept for some seconds.
  const further = async (): Promise<number> => (await processFacts(pid)).descriptors - before.descriptors;
  await expect.poll(further, { timeout: 15_000 }).toBeLessThanOrEqual(4);
  expect(server.process.output()).not.toContain('MaxListenersExceeded');
});
