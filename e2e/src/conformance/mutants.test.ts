import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { WebSocket, WebSocketServer } from 'ws';
import { CHECKS } from './checks/index.ts';
import { runChecks } from './suite.ts';
import type { CheckResult } from './suite.ts';
import { TRANSPORTS } from './target.ts';

type Frame = Record<string, unknown> & { type: string };
/** What a faulty server makes of a frame of a right one: the frames that it sends instead. Made anew for each connection. */
type Mutant = () => (frame: Frame) => Frame[];

const PROGRAM = new URL('../../../server/src/gateway/testing/hub-program.ts', import.meta.url);
let hub: { readonly url: string; readonly token: string; readonly end: () => Promise<void> };
beforeAll(async () => {
  const child = spawn(process.execPath, [fileURLToPath(PROGRAM)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { port, tokens } = JSON.parse(line) as { port: number; tokens: number };
  const query = new URLSearchParams([
    ['identity', 'conformance'],
    ['subscribe', 'app.>'],
    ['subscribe', 'presence.app.>'],
  ]);
  const response = await fetch(`http://127.0.0.1:${tokens}/demo/token?${query}`);
  hub = {
    url: `ws://127.0.0.1:${port}/v1/hub`,
    token: ((await response.json()) as { token: string }).token,
    end: async () => {
      const ended = once(child, 'exit');
      child.stdin.end('quit\n');
      await ended;
    },
  };
});
afterAll(() => hub.end());

/** A proxy that changes what the hub says. */
async function faulty(mutant: Mutant): Promise<{ url: string; close: () => Promise<void> }> {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', (client) => {
    const behind = new WebSocket(hub.url, HUB_SUBPROTOCOL);
    const change = mutant();
    const early: { data: Buffer; binary: boolean }[] = [];
    client.on('message', (data: Buffer, binary) => {
      if (behind.readyState === WebSocket.OPEN) behind.send(data, { binary });
      else early.push({ data, binary });
    });
    behind.on('open', () => {
      for (const { data, binary } of early) behind.send(data, { binary });
    });
    behind.on('message', (data: Buffer) => {
      for (const frame of change(JSON.parse(data.toString('utf8')) as Frame)) client.send(JSON.stringify(frame));
    });
    behind.on('close', (code) => {
      client.close(code >= 4000 || code === 1009 ? code : 1000);
    });
    client.on('close', () => {
      behind.close();
    });
    for (const socket of [client, behind]) socket.on('error', () => undefined);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/v1/hub`,
    close: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

const failed = (results: readonly CheckResult[]): string[] =>
  results
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ check, reason }) => `${check.section} ${check.what}: ${String(reason)}`);
const isOf = (frame: Frame, type: string): boolean => frame.type === type;
const without = (frame: Frame, member: string): Frame =>
  Object.fromEntries(Object.entries(frame).filter(([key]) => key !== member)) as Frame;
/** Changes frames of one type. */
const changed =
  (type: string, change: (frame: Frame) => Frame): Mutant =>
  () =>
  (frame) => [isOf(frame, type) ? change(frame) : frame];
/** Does something to every nth event. */
const everyNth =
  (n: number, act: (frame: Frame) => Frame[]): Mutant =>
  () => {
    let count = 0;
    return (frame) => (isOf(frame, 'event') && ++count % n === 0 ? act(frame) : [frame]);
  };
const swapped: Mutant = () => {
  let held: Frame | undefined;
  return (frame) => {
    if (!isOf(frame, 'event')) return [frame];
    const first = held;
    held = first === undefined ? frame : undefined;
    return first === undefined ? [] : [frame, first];
  };
};

/** Faults of a server, and the section whose clauses have to notice. */
const MUTANTS: readonly (readonly [fault: string, section: string, mutant: Mutant])[] = [
  ['loses every fifth event', '5', everyNth(5, () => [])],
  ['delivers every third event twice', '5', everyNth(3, (frame) => [frame, frame])],
  ['delivers events in pairs that change places', '6', swapped],
  ['calls every subscription recovered', '5.2', changed('subscribed', (frame) => ({ ...frame, recovered: true }))],
  ['leaves out where a rewind starts', '5.3', changed('subscribed', (frame) => without(frame, 'start'))],
  ['numbers its errors wrongly', '2', changed('error', (frame) => ({ ...frame, code: 999 }))],
  ['sends answers without their id', '2', changed('pong', (frame) => without(frame, 'id'))],
  ['answers twice', '2', () => (frame) => (isOf(frame, 'pong') ? [frame, frame] : [frame])],
  ['says nothing at the end', '3', () => (frame) => (isOf(frame, 'disconnect') ? [] : [frame])],
  [
    'gives positions that do not rise',
    '6',
    changed('event', (frame) => ({ ...frame, position: { epoch: 'e', seq: 1 } })),
  ],
  [
    'cuts the data of events',
    '6',
    changed('event', (frame) => ({ ...frame, event: { ...(frame['event'] as object), data: 1 } })),
  ],
  ['counts members wrongly', '5.8', changed('presence', (frame) => ({ ...frame, occupancy: 7 }))],
];

describe('npm run conformance', () => {
  it.each(TRANSPORTS)(
    'EV-6 the hub keeps what its protocol promises: %s',
    async (transport) => {
      const results = await runChecks(CHECKS, hub, { transport });
      expect(failed(results)).toEqual([]);
      expect(results.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(50);
      for (const { outcome, reason } of results) if (outcome === 'skipped') expect(reason).toMatch(/\w/);
    },
    120_000,
  );

  it.each(MUTANTS)(
    'notices a server that %s (section %s)',
    async (_fault, section, mutant) => {
      const server = await faulty(mutant);
      try {
        const checks = CHECKS.filter((one) => `${one.section}.`.startsWith(`${section}.`) && one.slow !== true);
        // Up to the first that notices: what does not come is waited for.
        const noticed: string[] = [];
        for (const one of checks) {
          if (noticed.length > 0) break;
          noticed.push(...failed(await runChecks([one], { ...hub, url: server.url }, { transport: 'native' })));
        }
        expect(noticed).toHaveLength(1);
      } finally {
        await server.close();
      }
    },
    120_000,
  );

  it('skips with a reason what the token does not permit', async () => {
    const claims = {
      iss: `SK${'1'.repeat(32)}`,
      sub: `AC${'a'.repeat(32)}`,
      exp: 2_000_000_000,
      grants: { identity: 'a' },
    };
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
    const checks = CHECKS.filter(({ section }) => section === '6');
    const results = await runChecks(checks, { ...hub, token }, { transport: 'native' });
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['skipped']));
    expect(results[0]?.reason).toMatch(/grants no topic/);
  });

  it('names sections that the document has', () => {
    const document = readFileSync(new URL('../../../docs/spec/hub-protocol.md', import.meta.url), 'utf8');
    for (const { section } of CHECKS) expect(document).toMatch(new RegExp(`^#{2,3} ${section}[. ]`, 'm'));
  });
});
