import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { connect } from 'nats';
import { eventLine } from './event-line.ts';
import { findRunningServer } from './run-state.ts';

const ACCOUNT = `AC${'0'.repeat(32)}`;
const NATS_SERVER = process.env['HOOKSWITCH_NATS_SERVER'] ?? '/usr/sbin/nats-server';
const folder = mkdtempSync(join(tmpdir(), 'nats-subscriber-'));
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill();
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

const event = {
  specversion: '1.0',
  id: 'e1',
  type: 'call.ended',
  time: '2026-01-01T00:00:00.000Z',
  subject: 'CA1',
  sequence: 7,
  data: { callSid: 'CA1', from: '+15550199', to: '+15550100', status: 'completed', durationSeconds: 3 },
};
const LINE = '2026-01-01T00:00:00.000Z  CA1  #7  call.ended  from=+15550199  to=+15550100  status=completed';

async function startNats(): Promise<string> {
  const child = spawn(NATS_SERVER, ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    const found = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line);
    if (found?.[1] !== undefined) listening.resolve(`nats://127.0.0.1:${found[1]}`);
  });
  child.once('exit', () => {
    listening.reject(new Error('nats-server ended before it listened'));
  });
  return listening.promise;
}

it('prints the events of calls as they come from the bus', async () => {
  const url = await startNats();
  const child = spawn(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url)), url, ACCOUNT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe(`listening on hs.ev.${ACCOUNT}.calls.> at ${new URL(url).host}`);

  const publisher = await connect({ servers: url });
  publisher.publish(`hs.ev.AC${'1'.repeat(32)}.calls.CA1.ended`, '{"type":"of another account"}');
  publisher.publish(`hs.ev.${ACCOUNT}.calls.CA1.ended`, JSON.stringify(event));
  expect((await lines.next()).value).toBe(LINE);
  await publisher.drain();
});

it('shows payloads that are no events as they are', () => {
  expect(eventLine(JSON.stringify(event))).toBe(LINE);
  expect(eventLine('{')).toBe('not an event: {');
  expect(eventLine('{}')).toBe('-  -  #-  -');
});

it('finds no server where none left its file', () => {
  expect(findRunningServer(folder)).toBeUndefined();
});
