import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { systemClock } from '../../kernel/index.ts';
import { TELEPHONE } from '../resources/forms.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import { audioOf, testLayer } from '../testing/layers.ts';
import { NatsBodies } from './bodies.nats.ts';
import { NatsCatalog } from './catalog.nats.ts';
import { NatsFlights } from './flights.nats.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const PROGRAM = fileURLToPath(new URL('../testing/storing-process.ts', import.meta.url));
/** Of the source, and of what is made of it: 23 parts each. */
const BYTES = 3_000_000;

let nats: TestNats;
let origin: CountingOrigin;
beforeAll(async () => {
  nats = await startTestNats();
  origin = await startOrigin();
}, 60_000);
afterAll(async () => {
  await origin.close();
  await nats.close();
});

/** Messages of parts of bodies. */
async function parts(): Promise<number> {
  const { state } = await nats.bus.jsm.streams.info('OBJ_hs-media', { subjects_filter: '$O.hs-media.C.>' });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Before NATS: lets so many parts of bodies through, and nothing that comes after them. */
async function holdAfterParts(
  natsUrl: string,
  most: number,
): Promise<{ readonly url: string; readonly holding: Promise<void>; close(): Promise<void> }> {
  const target = new URL(natsUrl);
  const port = Number(target.port);
  const holding = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  const mark = 'PUB $O.hs-media.C.';
  const server = createServer((client) => {
    const upstream = connect(port, target.hostname);
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    upstream.pipe(client);
    let [seen, tail, isHeld] = [0, '', false];
    client.on('data', (chunk: Buffer) => {
      if (isHeld) return;
      const text = tail + chunk.toString('latin1');
      for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) {
        seen += 1;
        if (seen <= most) continue;
        isHeld = true;
        upstream.write(chunk.subarray(0, Math.max(0, at - tail.length)));
        holding.resolve();
        return;
      }
      tail = text.slice(1 - mark.length);
      upstream.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.href,
    holding: holding.promise,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a process that is killed while it stores', () => {
  it.each([1, 30])(
    'MC-6 leaves no broken body behind (kill -9 after part %i)',
    async (after) => {
      const body = `${String(after)} `.repeat(BYTES / String(after).length).slice(0, BYTES);
      const path = `/kill-${String(after)}`;
      origin.serve(path, (_request, response) => response.writeHead(200, { 'cache-control': 'max-age=600' }).end(body));
      const bodies = await NatsBodies.open(nats.bus);
      const before = await parts();
      const held = await holdAfterParts(nats.nats.url, after);
      const child = spawn(process.execPath, [PROGRAM, held.url, origin.url + path, ACCOUNT], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let said = '';
      child.stdout.on('data', (text: Buffer) => (said += text.toString()));
      const exited = once(child, 'exit');
      await Promise.race([held.holding, exited]);
      child.kill('SIGKILL');
      await exited;
      await held.close();
      expect([child.signalCode, said], 'killed before it had stored').toEqual(['SIGKILL', '']);
      await eventually(async () => {
        expect((await parts()) - before, 'parts of its two bodies').toBe(after);
      });
      expect(after).toBeLessThan(2 * Math.ceil(BYTES / 131_072));

      // What is in the store is whole; what the catalogue names is there.
      const catalog = await NatsCatalog.open(nats.bus);
      for (const { name, bytes } of await bodies.list()) expect((await bodies.get(name))?.length).toBe(bytes);
      for (const { record } of await catalog.list(ACCOUNT)) {
        const names = record.kind === 'source' ? record.variants.map(({ object }) => object) : [];
        for (const name of names) expect(await bodies.get(name)).toBeDefined();
      }
      // The next one that asks has it, from wherever.
      const flights = await NatsFlights.open({ bus: nats.bus, node: 'next', isAlive: (node) => node !== 'killed' });
      const { layer } = testLayer({ clock: systemClock, stores: { catalog, bodies, flights } });
      const source = { kind: 'url', url: origin.url + path } as const;
      expect((await audioOf(await layer.get({ accountSid: ACCOUNT, source, form: TELEPHONE }))) === body).toBe(true);
      await layer.settled();
      // And what the dead one left is swept when it is old.
      await bodies.sweep(-60_000);
      const stored = (await bodies.list()).reduce((sum, { bytes }) => sum + Math.ceil(bytes / 131_072), 0);
      expect(await parts()).toBe(stored);
      catalog.close();
      flights.close();
    },
    60_000,
  );
});
