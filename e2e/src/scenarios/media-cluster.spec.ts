import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mediaUseSchema } from '@hookswitch/shared';
import type { MediaUse } from '@hookswitch/shared';
import { openApplication } from '../fixtures/application.ts';
import { startSecond } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';
import { toneWav } from '../fixtures/tone.ts';

/** Counts who asks for what; a prompt is a second of a tone, and comes late enough that everybody asks before it is there. */
async function openOrigin(): Promise<{ url: string; asked: (path: string) => number; close: () => Promise<void> }> {
  const paths: string[] = [];
  const wav = toneWav(440, 1);
  const http = createServer((request, response) => {
    paths.push(request.url ?? '');
    setTimeout(() => response.writeHead(200, { 'cache-control': 'max-age=600' }).end(wav), 300);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked: (path) => paths.filter((each) => each === path).length,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

interface Account {
  readonly account: string;
  readonly authToken: string;
}
const authorization = ({ account, authToken }: Account): { authorization: string } => ({
  authorization: `Basic ${btoa(`${account}:${authToken}`)}`,
});

/** What the cluster did and has, by the word of one of its nodes. */
async function use(node: TestServer, account: Account): Promise<MediaUse> {
  const response = await fetch(new URL('/v1/media', (await node.state()).pageUrl), { headers: authorization(account) });
  return mediaUseSchema.parse(await response.json());
}

async function ask(node: TestServer, account: Account, url: string): Promise<string | null> {
  const { pageUrl } = await node.state();
  const response = await fetch(new URL(`/media/v1/resource?url=${encodeURIComponent(url)}`, pageUrl), {
    headers: authorization(account),
  });
  if ((await response.arrayBuffer()).byteLength !== 8000) throw new Error(`answered ${response.status}`);
  return response.headers.get('content-location');
}

/** A call hears sound. */
async function hears(node: TestServer, number: string, from = '+15550199'): Promise<void> {
  const probe = await callWithProbe({ server: (await node.state()).sip, number, from });
  await probe.firstSound;
  await probe.hangup();
}

/** Every call of these hears its prompt: one of four, of which each media process has its share. */
const PROMPTS = ['/a', '/b', '/c', '/d'];

test('MC-5 MC-10 MT-8 1,000 requests to three processes and 50 calls make one fetch and one conversion; where a node has no media layer, or its media process is killed, another plays', async ({
  host,
}) => {
  test.setTimeout(120_000);
  const first = await startServer(serverOptions(host));
  const [other, media, bare] = await Promise.all([
    startSecond(host, first, ['--roles', 'media']),
    startSecond(host, first, ['--roles', 'media']),
    startSecond(host, first, ['--roles', 'gateway,call']),
  ]);
  const nodes = [first, other, media];
  const origin = await openOrigin();
  const number = '+15550180';
  const play = (path: string): string => `<Play loop="0">${origin.url}${path}</Play>`;
  const application = await openApplication(first, number, () => play('/campaign'));
  try {
    const account = await first.credentials();
    const requests = Array.from({ length: 1000 }, (_, n) => ask(nodes[n % 3]!, account, `${origin.url}/campaign`));
    const callers = [first, bare];
    const calls = Array.from({ length: 50 }, (_, n) => hears(callers[n % 2]!, number));
    const addresses = await Promise.all(requests);
    await Promise.all(calls);
    expect(new Set(addresses).size, 'immutable addresses').toBe(1);
    expect(origin.asked('/campaign'), 'requests to the origin').toBe(1);
    for (const node of nodes) {
      const summed = async (): Promise<unknown> => {
        const { processes, conversions, failures, hits, misses } = (await use(node, account)).done;
        return { processes, conversions, failures, answered: hits + misses >= 1000 };
      };
      // On a busy machine one may not answer in time, and is left out.
      const everything = { processes: 3, conversions: 1, failures: 0, answered: true };
      await expect.poll(summed, { timeout: 30_000 }).toEqual(everything);
    }

    // Nothing of the layer is on a node without it.
    const { pageUrl } = await bare.state();
    expect((await fetch(new URL('/v1/media', pageUrl), { headers: authorization(account) })).status).toBe(404);
    const playAll = async (): Promise<void> => {
      application.answer(({ params }) => play(PROMPTS[Number(params['From']?.slice(-1))] ?? ''));
      await Promise.all(PROMPTS.map((_, n) => hears(bare, number, `+1555019${n}`)));
    };
    await playAll();
    // Who waits for a prompt has it before it is stored.
    const kept = async (): Promise<unknown> => (await use(first, account)).kept;
    await expect.poll(kept).toMatchObject({ sources: 5, renditions: 1 });
    process.kill((await media.state()).pid, 'SIGKILL');
    await media.process.exited;
    // What it made is in the cluster's store: neither fetched nor converted again.
    await playAll();
    expect(PROMPTS.map(origin.asked)).toEqual([1, 1, 1, 1]);
  } finally {
    await application.close();
    await origin.close();
    await Promise.all([other, media, bare].map((node) => node.stop()));
    await first.stop();
  }
});
