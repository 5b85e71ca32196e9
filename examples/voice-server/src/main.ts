import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A text-to-speech service: POST /v1/speech { input, voice, language } -> audio/wav. Settings: PORT, VOICE_KEY. */
const key = process.env['VOICE_KEY'];
if (key === undefined) throw new Error('set VOICE_KEY, the secret that callers have to show');
const run = promisify(execFile);

interface Wanted {
  readonly input: string;
  readonly voice: string;
}

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => {
      const contentType = status === 200 ? 'audio/wav' : 'application/json';
      response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
    },
    (error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    },
  );
});

async function answer(request: IncomingMessage): Promise<[status: number, body: Buffer]> {
  const refuse = (status: number, error: string): [number, Buffer] => [status, Buffer.from(JSON.stringify({ error }))];
  if (request.headers.authorization !== `Bearer ${String(key)}`) return refuse(401, 'wrong key');
  if (request.method !== 'POST' || request.url !== '/v1/speech') return refuse(404, 'POST /v1/speech');
  const wanted = parse(await textOf(request));
  if (wanted === undefined) return refuse(400, 'send {"input":"...","voice":"..."} with up to 4096 characters');
  console.log(`${wanted.voice}: ${wanted.input}`);
  return [200, await speak(wanted)];
}

/** A body of more than 64 KiB is not read. */
async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 65_536) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): Wanted | undefined {
  try {
    const { input, voice } = JSON.parse(text) as Record<string, unknown>;
    // The voice becomes an argument of a program: only what a name is made of.
    const ok =
      typeof input === 'string' &&
      input.length <= 4096 &&
      typeof voice === 'string' &&
      /^[a-z][\w+-]{0,20}$/.test(voice);
    return ok ? { input, voice } : undefined;
  } catch {
    return undefined;
  }
}

/** English by flite, whose voices are slt and rms; every other name is one of espeak-ng. */
async function speak({ input, voice }: Wanted): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'voice-server-'));
  const [text, wav] = [join(directory, 'text'), join(directory, 'wav')];
  try {
    await writeFile(text, `${input}\n`);
    const english = voice === 'slt' || voice === 'rms';
    if (english) await run('flite', ['-voice', voice, '-f', text, '-o', wav], { timeout: 10_000 });
    else await run('espeak-ng', ['-v', voice, '-f', text, '-w', wav], { timeout: 10_000 });
    return await readFile(wav);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

server.listen(Number(process.env['PORT'] ?? 5080), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}/v1/speech`);
});
