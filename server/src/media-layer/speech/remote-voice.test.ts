import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog, systemClock } from '../../kernel/index.ts';
import { decodeWav } from '../../media/index.ts';
import type { Voices } from '../resources/ports.ts';
import { audioOf, testLayer } from '../testing/layers.ts';
import { fairVoices } from './fair-voices.ts';
import { createHttpVoice } from './http-voice.undici.ts';
import { remoteVoices } from './remote-voice.ts';
import { readVoiceConfig, voiceCall } from './voice-config.ts';

const [ACCOUNT, OTHER] = [`AC${'a'.repeat(32)}`, `AC${'b'.repeat(32)}`];
const secrets = { env: (name: string) => `secret of ${name}`, file: (path: string) => `content of ${path}\n` };
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function service(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

function open(settings: Record<string, unknown>, clock = systemClock) {
  const text = JSON.stringify({ body: { text: '{text}' }, ...settings });
  const remote = createHttpVoice({ ...readVoiceConfig(text, secrets), clock });
  opened.push(() => remote.close());
  return remote;
}

/** An offline voice that counts. */
function counted(): Voices & { readonly spoken: string[] } {
  const spoken: string[] = [];
  return {
    spoken,
    fingerprint: ({ text }) => Promise.resolve(`offline ${text}`),
    speak: ({ text }) => {
      spoken.push(text);
      return Promise.resolve({ body: Buffer.from(`offline: ${text}`), contentType: 'audio/wav' });
    },
  };
}

describe('the configuration of a remote voice', () => {
  it('MC-4 fills URL, JSON and XML each with its own escapes, and maps voices', () => {
    const settings = {
      url: 'https://voice.test/{language}/{voice}?t={text}',
      body: { a: ['{text}', 1, null], v: '{voice}' },
    };
    const voices = { 'Polly.Hans': 'H', 'de/male': 'dm', de: 'd', woman: 'w', female: 'f', '*': 'any' };
    const call = (more: object, request: object) =>
      voiceCall(readVoiceConfig(JSON.stringify({ ...settings, voices, ...more }), secrets).config, {
        text: 'a "b" & {voice}',
        ...request,
      });
    const json = call({}, { voice: 'polly.hans' });
    expect(JSON.parse(json.body)).toEqual({ a: ['a "b" & {voice}', 1, null], v: 'H' });
    expect(json.url).toBe('https://voice.test/de-DE/H?t=a%20%22b%22%20%26%20%7Bvoice%7D');
    expect(json.headers).toMatchObject({ 'content-type': 'application/json', accept: /audio\/wav/ });
    const xml = call(
      { body: '<v n="{voice}">{ssml}</v>', headers: { 'Content-Type': 'application/ssml+xml' } },
      { ssml: 'a<break/>b' },
    );
    expect(xml.body).toBe('<v n="f"><speak>a<break/>b</speak></v>');
    expect(xml.headers['content-type']).toBe('application/ssml+xml');
    const voiceOf = (request: object) => (JSON.parse(call({}, request).body) as { v: string }).v;
    expect(
      [{ language: 'de-AT', voice: 'man' }, { language: 'de-AT' }, { voice: 'woman' }, { voice: 'man' }].map(voiceOf),
    ).toEqual(['dm', 'd', 'w', 'any']);
    expect(() => call({ voices: { de: 'd' } }, { language: 'fr-FR' })).toThrow(/no remote voice .* fr-FR/);
  });

  it('MC-4 secrets come from environment and files, and are no part of the version; everything that shapes the sound is', () => {
    const base = {
      url: 'https://voice.test/',
      body: '{text}',
      headers: { Key: '${env:K}', other: 'x ${file:/run/k}' },
    };
    const read = (more: object) => readVoiceConfig(JSON.stringify({ ...base, ...more }), secrets);
    expect(read({}).config.headers).toEqual({ key: 'secret of K', other: 'x content of /run/k' });
    expect(read({ headers: {} }).version).toBe(read({}).version);
    const others = [
      { version: '2' },
      { body: '{ssml}' },
      { voices: { '*': 'b' } },
      { url: 'https://other.test/' },
      { accept: ['audio/ogg'] },
    ];
    expect(new Set([read({}), ...others.map(read)].map(({ version }) => version)).size).toBe(6);
    expect(() => read({ timeoutMs: 1 })).toThrow(/timeoutMs/);
    expect(() => read({ url: 'file:///etc/passwd' })).toThrow(/url/);
  });
});

describe('a voice behind HTTP', () => {
  it.each([
    ['refuses the secret', [401, 'audio/wav', ''], 'engine', /check the secret/],
    ['has no such path', [404, 'audio/wav', ''], 'engine', /404/],
    ['fails', [500, 'audio/wav', ''], 'engine', /500/],
    ['redirects', [302, 'audio/wav', ''], 'engine', /302/],
    ['is overloaded', [429, 'audio/wav', ''], 'busy', /429/],
    ['does not take the text', [422, 'audio/wav', ''], 'bad-text', /does not take/],
    ['sends a page', [200, 'text/html', '<html>'], 'engine', /text\/html/],
    ['sends too much', [200, 'audio/wav', 'x'.repeat(5000)], 'too-large', /2000 bytes/],
  ] as const)('MC-4 a service that %s is told as what it is', async (_name, [status, type, body], reason, message) => {
    const url = await service((_request, response) => {
      response.writeHead(status, { 'content-type': type, location: '/elsewhere' }).end(body);
    });
    await expect(open({ url, maxBytes: 2000 }).speak({ text: 'a' })).rejects.toMatchObject({ reason, message });
  });

  it('MC-4 a service that is not there, or does not answer in time, is left', async () => {
    await expect(open({ url: 'http://127.0.0.1:1/' }).speak({ text: 'a' })).rejects.toMatchObject({ reason: 'engine' });
    const clock = new FakeClock();
    const asked = Promise.withResolvers<undefined>();
    const url = await service((_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/wav' }).write('R');
      asked.resolve(undefined);
    });
    const spoken = open({ url, timeoutMs: 4000 }, clock).speak({ text: 'a' });
    const outcome = expect(spoken).rejects.toMatchObject({ reason: 'engine', message: /in 4000 ms/ });
    await asked.promise;
    clock.advance(4000);
    await outcome;
    expect(clock.pendingTimers).toBe(0);
  });

  it('MC-4 audio may be a member of JSON, and raw audio is what the operator says it is', async () => {
    const url = await service((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"audio":"aGVsbG8="}');
    });
    const settings = { url, audioMember: 'audio', contentType: 'audio/basic' };
    const { body, contentType } = await open(settings).speak({ text: 'a' });
    expect([Buffer.from(body).toString(), contentType]).toEqual(['hello', 'audio/basic']);
    await expect(open({ url, audioMember: 'sound' }).speak({ text: 'a' })).rejects.toMatchObject({
      message: /"sound"/,
    });
  });
});

describe('with offline voices behind it', () => {
  it('MC-4 an offline voice stands in, is not kept in its place, and the remote voice is heard again', async () => {
    let [works, asked] = [false, 0];
    const url = await service((_request, response) => {
      asked++;
      response.writeHead(works ? 200 : 503, { 'content-type': 'audio/wav' }).end('remote');
    });
    const [clock, offline] = [new FakeClock(), counted()];
    const remote = open({ url }, clock);
    const { layer } = testLayer({ clock, voices: remoteVoices({ remote, offline, clock, log: silentLog }) });
    const say = async (): Promise<[string, boolean]> => {
      const answer = await layer.get({
        accountSid: ACCOUNT,
        source: { kind: 'speech', text: 'hi' },
        form: { codec: 'pcmu', rate: 8000 },
      });
      const heard = await audioOf(answer);
      await layer.settled();
      return [heard, answer.address !== undefined];
    };
    expect(await say()).toEqual(['offline: hi', false]);
    // While it rests, the text is the offline voice's own, and kept.
    expect(await say()).toEqual(['offline: hi', true]);
    expect(await say()).toEqual(['offline: hi', true]);
    expect([offline.spoken.length, asked]).toEqual([2, 1]);
    works = true;
    clock.advance(10_000);
    expect(await say()).toEqual(['remote', true]);
    expect(await say()).toEqual(['remote', true]);
    expect([offline.spoken.length, asked]).toEqual([2, 2]);
  });

  it('MC-4 without them the error is that of the service, and the code is that of the call’s notification', async () => {
    const url = await service((_request, response) => response.writeHead(503).end());
    const voices = remoteVoices({ remote: open({ url }), offline: undefined, clock: systemClock, log: silentLog });
    const { layer } = testLayer({ clock: systemClock, voices });
    const source = { kind: 'speech', text: 'hi' } as const;
    await expect(layer.get({ accountSid: ACCOUNT, source, form: { codec: 'pcmu', rate: 8000 } })).rejects.toMatchObject(
      { reason: 'engine', code: 12_400, message: /503/ },
    );
  });
});

it('MC-9 one account’s flood of texts does not delay another’s', async () => {
  const gates: (() => void)[] = [];
  const spoken: string[] = [];
  const voices: Voices = {
    fingerprint: ({ text }) => Promise.resolve(text),
    speak: async ({ text }, accountSid) => {
      spoken.push(accountSid);
      if (accountSid === ACCOUNT) await new Promise<void>((go) => gates.push(go));
      return { body: Buffer.from(text), contentType: 'audio/wav' };
    },
  };
  const fair = fairVoices({ voices, atOnce: 3, waiting: 10 });
  const flood = Array.from({ length: 40 }, () =>
    fair.speak({ text: 'a' }, ACCOUNT, '').catch((error: unknown) => error),
  );
  // The flood's own texts never end meanwhile: the other account's would hang if they waited for one of them.
  for (let at = 0; at < 20; at++) await fair.speak({ text: 'b' }, OTHER, '');
  expect(spoken.filter((of) => of === ACCOUNT).length).toBe(2);
  const refused = await Promise.all(flood.slice(12));
  expect(refused.every((error) => (error as { reason?: string }).reason === 'busy')).toBe(true);
  for (let at = 0; at < 12; at++) {
    while (gates.length === 0) await new Promise((resolve) => setImmediate(resolve));
    gates.shift()?.();
  }
  await Promise.all(flood);
});

it('MC-4 the example of the documentation speaks', async () => {
  const root = new URL('../../../../examples/voice-server/', import.meta.url);
  const env = { ...process.env, PORT: '0', VOICE_KEY: 'a-key' };
  const child = spawn(process.execPath, [new URL('src/main.ts', root).pathname], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  opened.push(async () => {
    child.kill();
    await ended;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = line.replace('listening on ', '');
  const text = readFileSync(new URL('voice.json', root), 'utf8').replace('http://127.0.0.1:5080/v1/speech', url);
  const speak = async (
    key: string,
    request: { text: string; voice?: string; language?: string },
  ): Promise<Uint8Array> => {
    const remote = createHttpVoice({ ...readVoiceConfig(text, { ...secrets, env: () => key }), clock: systemClock });
    opened.push(() => remote.close());
    return (await remote.speak(request)).body;
  };
  const [english, man, german] = await Promise.all([
    speak('a-key', { text: 'one two' }),
    speak('a-key', { text: 'one two', voice: 'man' }),
    speak('a-key', { text: 'one two', language: 'de-DE' }),
  ]);
  for (const wav of [english, man, german]) expect(decodeWav(wav).length).toBeGreaterThan(2000);
  expect(english).not.toEqual(man);
  expect(english).not.toEqual(german);
  await expect(speak('wrong', { text: 'one' })).rejects.toMatchObject({ reason: 'engine', message: /401/ });
}, 60_000);
