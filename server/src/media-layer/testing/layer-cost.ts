/**
 * What the media layer costs, as a program: `node layer-cost.ts '{"rounds":5,"hits":20000,"memoryObjects":100000}'` prints one
 * line of JSON when it has measured. Stores are in memory, origin, HTTP and conversions are real.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fastify } from 'fastify';
import { Agent, request } from 'undici';
import { silentLog, systemClock } from '../../kernel/index.ts';
import { HotBodies } from '../cache/hot-bodies.ts';
import { HotCatalog } from '../cache/hot-catalog.ts';
import { MemoryCatalog } from '../cache/catalog.memory.ts';
import type { Catalog, CatalogEntry, CatalogKey, CatalogRecord } from '../cache/ports.ts';
import { compareHitRatios } from '../cache/zipf-trace.ts';
import { NodeTokens } from '../http/node-tokens.ts';
import { mediaRoutes } from '../http/media.fastify.ts';
import { createConverter } from '../processing/converter.child.ts';
import { TELEPHONE } from '../resources/forms.ts';
import { startOrigin } from './counting-origin.ts';
import { testLayer } from './layers.ts';

interface Plan {
  readonly rounds: number;
  readonly hits: number;
  readonly conversions: number;
  readonly memoryObjects: number;
  readonly traceRequests: number;
}

const ACCOUNT = `AC${'a'.repeat(32)}`;
/** Linux tells the times of children in hundredths of a second. */
const TICK_MS = 10;
const run = promisify(execFile);
const now = (): number => systemClock.monotonic();
const plan = JSON.parse(process.argv[2] ?? '') as Plan;
const directory = await mkdtemp(join(tmpdir(), 'hookswitch-layer-cost-'));
const file = join(directory, 'thirty-seconds.mp3');
const source = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100:duration=30'];
execFileSync('ffmpeg', ['-loglevel', 'error', ...source, '-ac', '2', '-b:a', '128k', file]);
const mp3 = await readFile(file);

const origin = await startOrigin();
const converter = createConverter();
const { layer, addresses } = testLayer({ clock: systemClock, converter });
const tokens = new NodeTokens(new Uint8Array(32), systemClock);
const app = fastify({ forceCloseConnections: true });
const callers = {
  accountOf: (header: string | undefined) => tokens.accountOf((header ?? '').slice('Bearer '.length)),
};
await app.register(mediaRoutes({ layer, addresses, callers, log: silentLog }));
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const agent = new Agent({ connections: 4 });

/** The same sound under other bytes: nobody has heard it before. */
function unheard(path: string): void {
  const served = Buffer.concat([mp3, Buffer.from(path)]);
  origin.serve(path, (_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=3600' }).end(served);
  });
}
/** The same from an origin that sends a megabyte a second. */
function slow(path: string): void {
  const served = Buffer.concat([mp3, Buffer.from(path)]);
  origin.serve(path, (_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-length': served.length });
    const begun = now();
    const send = (from: number): void => {
      const to = Math.min(served.length, Math.floor((now() - begun + 10) * 1000));
      response.write(served.subarray(from, to));
      if (to === served.length) response.end();
      else
        systemClock.setTimer(10, () => {
          send(to);
        });
    };
    send(0);
  });
}

const of = (path: string) => ({
  ...{ accountSid: ACCOUNT, form: TELEPHONE },
  source: { kind: 'url', url: origin.url + path } as const,
});

/** Milliseconds until the first frame, and until all of it is there. */
async function heard(path: string): Promise<{ readonly first: number; readonly whole: number }> {
  const begun = now();
  const query = `url=${encodeURIComponent(origin.url + path)}`;
  const headers = { authorization: `Bearer ${tokens.issue(ACCOUNT)}` };
  const { body } = await request(`${url}/media/v1/resource?${query}`, { dispatcher: agent, headers });
  let [bytes, first] = [0, 0];
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (first === 0 && bytes >= 160) first = now() - begun;
  }
  return { first, whole: now() - begun };
}

async function originTime(path: string): Promise<number> {
  const begun = now();
  await (await fetch(origin.url + path)).arrayBuffer();
  return now() - begun;
}

async function whole(parts: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const part of parts) bytes += part.length;
  return bytes;
}

/** Processor time so far, milliseconds: of this process, and of its children that have ended (proc(5), cutime and cstime). */
function processorTime(): { readonly own: number; readonly children: number } {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return { own: (user + system) / 1000, children: (Number(fields[13]) + Number(fields[14])) * TICK_MS };
}

interface Conversions {
  /** Milliseconds of one, by the clock and of processor time. */
  readonly wall: number;
  readonly cpu: number;
}

/** One after the other: by the layer, and by the command line. Its processor time is that of the program alone. */
async function conversions(): Promise<{ readonly ours: Conversions; readonly ffmpeg: Conversions }> {
  const measure = async (work: () => Promise<unknown>, alone: boolean): Promise<Conversions> => {
    const [begun, before] = [now(), processorTime()];
    for (let n = 0; n < plan.conversions; n++) await work();
    const [wall, after] = [now() - begun, processorTime()];
    const cpu = after.children - before.children + (alone ? 0 : after.own - before.own);
    return { wall: wall / plan.conversions, cpu: cpu / plan.conversions };
  };
  const input = { accountSid: ACCOUNT, body: mp3, contentType: 'audio/mpeg', form: TELEPHONE };
  const shape = ['-ac', '1', '-ar', '8000', '-f', 'mulaw', join(directory, 'out')];
  return {
    ours: await measure(() => whole(converter.convert(input)), false),
    ffmpeg: await measure(() => run('ffmpeg', ['-loglevel', 'error', '-y', '-i', file, ...shape]), true),
  };
}

async function hits(): Promise<{ readonly inProcess: number[]; readonly http: number[] }> {
  const [inProcess, http]: [number[], number[]] = [[], []];
  for (let n = 0; n < plan.hits; n++) {
    const begun = now();
    await layer.get(of('/warm'));
    inProcess.push(now() - begun);
  }
  for (let n = 0; n < plan.hits / 10; n++) http.push((await heard('/warm')).whole);
  return { inProcess, http };
}

/** A catalogue that has every record and holds none: what remains is what the process keeps. */
class EveryRecord extends MemoryCatalog {
  override get<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined> {
    const { accountSid, id } = key;
    const names = {
      source: `${id}-source`,
      contentHash: `${id}-hash`,
      object: `${accountSid}/r-${id}`,
      sha256: `${id}-sum`,
    };
    const record = { kind: 'rendition', ...names, codec: 'pcmu', rate: 8000, bytes: 8000, storedAt: 1, usedAt: 1 };
    return Promise.resolve({ key, record, revision: 1 } as unknown as CatalogEntry<K>);
  }
}

/** Bytes of this process for so many cached sounds of a second each, bounds of the product. */
async function memory(): Promise<{ readonly heap: number; readonly audio: number; readonly kept: number }> {
  const used = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  const inner: Catalog = new EveryRecord();
  const [catalog, bodies] = [new HotCatalog(inner), new HotBodies({ log: silentLog })];
  for (let n = 0; n < plan.memoryObjects; n++) {
    const id = `object-${String(n).padStart(36, '0')}`;
    await catalog.get({ accountSid: ACCOUNT, kind: 'rendition', id });
    bodies.put(id, new Uint8Array(8000));
  }
  const found = { heap: used() - before, audio: bodies.bytes, kept: catalog.held };
  catalog.close();
  return found;
}

unheard('/warm');
await heard('/warm');
await layer.settled();
const rounds = [];
for (let round = 0; round < plan.rounds; round++) {
  const path = `/cold-${String(round)}`;
  unheard(path);
  const ofOrigin = await originTime(path);
  const { first, whole } = await heard(path);
  const late = `/late-${String(round)}`;
  slow(late);
  const slowOrigin = await originTime(late);
  const { first: slowFirst } = await heard(late);
  const times = { first, whole, origin: ofOrigin, slowFirst, slowOrigin };
  rounds.push({ ...(await hits()), ...(await conversions()), ...times });
}
const trace = { requests: plan.traceRequests, objects: 10_000, seed: 1 };
const ratios = [100, 500, 2000].map((capacity) => ({ capacity, ...compareHitRatios({ ...trace, capacity }) }));
process.stdout.write(`${JSON.stringify({ rounds, ratios, memory: await memory() })}\n`);
await layer.settled();
await agent.close();
await app.close();
await origin.close();
await rm(directory, { recursive: true });
