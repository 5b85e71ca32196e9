import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * An application server in a process of its own, for load: which document it answers is in the path, `/voice` and `/more` go by the
 * number that was called. Prints `{port}`, then answers lines on stdin: `times` with when each call of `/voice` was asked for, by
 * caller (milliseconds since the Unix epoch, with a fraction), and `counts` with how many requests each path had. `quit` ends it.
 */
const BY_NUMBER: Readonly<Record<string, string>> = {
  // Answers and plays; the caller hangs up.
  '1': '<Play>/tone.wav</Play>',
  // A menu that nobody uses, and another document; the caller hangs up.
  '2': '<Gather numDigits="1" timeout="1" action="/key"><Play>/tone.wav</Play></Gather><Redirect>/more</Redirect>',
  // The application ends the call.
  '3': '<Play>/short.wav</Play><Redirect>/more</Redirect>',
  '4': '<Reject/>',
  // Dials a conference of everybody.
  '5': '<Dial><Conference startConferenceOnEnter="true" beep="false" waitUrl="">everybody</Conference></Dial>',
};
/** Is never answered. */
const HANGS = '6';
const MORE: Readonly<Record<string, string>> = { '2': '<Play>/tone.wav</Play>', '3': '<Hangup/>' };

const times = new Map<string, number>();
const counts: Record<string, number> = {};
const TONE = wav(20);
const SHORT = wav(0.2);

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const path = new URL(request.url ?? '/', 'http://application').pathname;
  counts[path] = (counts[path] ?? 0) + 1;
  if (path.endsWith('.wav')) {
    response.writeHead(200, { 'content-type': 'audio/wav', 'cache-control': 'max-age=86400' });
    response.end(path === '/tone.wav' ? TONE : SHORT);
    return;
  }
  if (path === '/status') {
    response.writeHead(204).end();
    return;
  }
  const params = new URLSearchParams(body);
  const kind = (params.get('To') ?? '').slice(-1);
  if (path === '/voice') times.set(params.get('From') ?? '', performance.timeOrigin + performance.now());
  if (kind === HANGS) return;
  const verbs = (path === '/voice' ? BY_NUMBER : MORE)[kind] ?? '<Hangup/>';
  response.writeHead(200, { 'content-type': 'text/xml' }).end(`<Response>${verbs}</Response>`);
}

/** A tone of 440 Hz, mu-law. */
function wav(seconds: number): Buffer {
  const bytes = Math.round(seconds * 8000);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(7, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(8000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  const samples = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) samples[i] = muLaw(Math.sin((2 * Math.PI * 440 * i) / 8000) * 16_000);
  return Buffer.concat([header, samples]);
}

/** ITU-T G.711, table 2a. */
function muLaw(linear: number): number {
  const sign = linear < 0 ? 0x80 : 0;
  const magnitude = Math.min(32_635, Math.abs(linear)) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 255;
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    answer(request, Buffer.concat(chunks).toString('utf8'), response);
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  if (line === 'times') {
    console.log(JSON.stringify(Object.fromEntries(times)));
    times.clear();
  }
  if (line === 'counts') console.log(JSON.stringify(counts));
}
process.exit(0);
