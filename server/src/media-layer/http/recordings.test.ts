import { createHash } from 'node:crypto';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { encodeWav } from '../../media/index.ts';
import { createConverter } from '../processing/converter.child.ts';
import { LayeredRecordings } from '../recordings/layered-recordings.ts';
import { MemoryRecordingStore } from '../recordings/recording-store.memory.ts';
import { Housekeeping } from '../resources/housekeeping.ts';
import { memoryStores, testLayer } from '../testing/layers.ts';
import { keepingRoutes } from './keeping.fastify.ts';
import { mediaRoutes } from './media.fastify.ts';
import { recordingMediaRoutes } from './recordings.fastify.ts';

const [ACCOUNT, OTHER] = [`AC${'a'.repeat(32)}`, `AC${'b'.repeat(32)}`];
const RECORDING = `RE${'1'.repeat(32)}`;
const STARTED = 1_700_000_000_000;
/** Three seconds of a tone at -12 dB. */
const WAV = Buffer.from(
  encodeWav(Int16Array.from({ length: 24_000 }, (_, at) => Math.round(8231 * Math.sin(at * 0.785)))),
);

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function serve() {
  const clock = new FakeClock();
  const stores = memoryStores(clock);
  const housekeeping = new Housekeeping({ ...stores, clock, log: silentLog });
  const recordings = new LayeredRecordings(new MemoryRecordingStore(), housekeeping);
  const made = testLayer({ clock, stores, recordings, converter: createConverter() });
  const callers = {
    accountOf: (header: string | undefined) => (header?.startsWith('AC') === true ? header : undefined),
  };
  const parts = { ...made, housekeeping, recordings, callers, clock, log: silentLog, limitOf: () => 1_000_000 };
  const app = fastify({ forceCloseConnections: true });
  for (const routes of [mediaRoutes, keepingRoutes, recordingMediaRoutes]) await app.register(routes(parts));
  opened.push(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const facts = { accountSid: ACCOUNT, recordingSid: RECORDING, callSid: `CA${'c'.repeat(32)}`, channels: 1 as const };
  await recordings.put(
    { ...facts, bytes: WAV.length, durationMs: 3000, startedAt: STARTED },
    (async function* () {
      yield await Promise.resolve(WAV);
    })(),
  );
  const ask = async (path: string, { as = ACCOUNT, ...headers }: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(url + path, { method, headers: { authorization: as, ...headers } });
    return { response, body: Buffer.from(await response.arrayBuffer()) };
  };
  return { recordings, stores, ask, layer: made.layer };
}

describe('recordings as media', () => {
  it('MC-1 have a signed address with the hash of their content, their length and their age', async () => {
    const { ask } = await serve();
    const { response, body } = await ask(`/v1/media/recordings/${RECORDING}`);
    const hash = createHash('sha256').update(WAV).digest('base64url');
    const info = JSON.parse(body.toString()) as { address: string };
    expect(info).toMatchObject({
      ...{ recordingSid: RECORDING, codec: 'l16', rate: 8000, channels: 1, contentType: 'audio/wav' },
      ...{ bytes: WAV.length, durationSeconds: 3, sha256: hash, startedAt: new Date(STARTED).toISOString() },
    });
    expect(info.address).toMatch(new RegExp(`^/media/v1/recordings/${RECORDING}-${hash}\\.wav\\?account=${ACCOUNT}&`));
    expect(response.headers.get('content-location')).toBe(info.address);

    const heard = await ask(info.address, { as: '' });
    expect([heard.response.status, Buffer.compare(heard.body, WAV)]).toEqual([200, 0]);
    expect(Object.fromEntries(heard.response.headers)).toMatchObject({
      ...{ 'content-type': 'audio/wav', 'content-length': String(WAV.length), etag: `"${hash}"` },
      ...{
        'media-info': 'duration=3.000, codec=l16, rate=8000',
        'repr-digest': expect.stringMatching(/^sha-256=:/) as unknown,
      },
    });
    const part = await ask(info.address, { range: 'bytes=44-47' });
    expect([part.response.status, part.body]).toEqual([206, WAV.subarray(44, 48)]);
    const head = await ask(info.address, {}, 'HEAD');
    expect([head.response.headers.get('content-length'), head.body.length]).toEqual([String(WAV.length), 0]);
    expect((await ask(info.address, { 'if-none-match': `"${hash}"` })).response.status).toBe(304);
    expect((await ask(info.address, { range: `bytes=${String(WAV.length)}-` })).response.status).toBe(416);
  });

  it('MC-6 are of their account alone, and need a signature that is theirs', async () => {
    const { ask } = await serve();
    const { address } = JSON.parse((await ask(`/v1/media/recordings/${RECORDING}`)).body.toString()) as {
      address: string;
    };
    expect((await ask(`/v1/media/recordings/${RECORDING}`, { as: OTHER })).response.status).toBe(404);
    expect((await ask(`/v1/media/recordings/${RECORDING}`, { as: 'nobody' })).response.status).toBe(401);
    expect((await ask(`/media/v1/resource?recording=${RECORDING}`, { as: OTHER })).response.status).toBe(404);
    expect((await ask('/v1/media/recordings/x')).response.status).toBe(404);
    for (const change of [address.replace(ACCOUNT, OTHER), address.replace(/signature=.*/, ''), `${address}x`]) {
      expect((await ask(change)).response.status).toBe(404);
    }
  });

  it('MC-3 MC-6 become audio of any form, counted and kept as all else is; and are gone with all of it when deleted', async () => {
    const { ask, recordings, stores, layer } = await serve();
    const telephone = await ask(`/media/v1/resource?recording=${RECORDING}`);
    const rendition = telephone.response.headers.get('content-location') ?? '';
    expect([telephone.response.status, telephone.body.length]).toEqual([200, 24_000]);
    await layer.settled();
    const json = { accept: 'application/json' };
    expect(JSON.parse((await ask(rendition, json)).body.toString())).toMatchObject({
      ...{ durationSeconds: 3, sourceType: 'audio/wav' },
      peakDb: expect.closeTo(-12, 0) as unknown,
    });
    expect((await ask(`/media/v1/resource?recording=${RECORDING}&codec=opus&rate=48000`)).response.status).toBe(200);
    const { address } = JSON.parse((await ask(`/v1/media/recordings/${RECORDING}`)).body.toString()) as {
      address: string;
    };
    await ask(address);
    await layer.settled();
    const use = JSON.parse((await ask('/v1/media')).body.toString()) as { kept: object };
    expect(use).toMatchObject({
      kept: { sources: 0, renditions: 2, recordings: 1, recordingBytes: WAV.length, recordingSeconds: 3 },
    });
    // The recording itself is in its own store: nothing of it is kept twice.
    expect(await stores.bodies.list()).toHaveLength(2);

    expect(await recordings.remove(ACCOUNT, RECORDING)).toBe(true);
    for (const path of [rendition, address, `/media/v1/resource?recording=${RECORDING}`]) {
      expect((await ask(path)).response.status, path).toBe(404);
    }
    expect(await stores.bodies.list()).toEqual([]);
  });
});
