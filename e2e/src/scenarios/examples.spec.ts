import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Agent } from '../fixtures/agent.ts';
import { startExample } from '../fixtures/example.ts';
import type { Example } from '../fixtures/example.ts';
import { phoneHears, phoneHearsNo, phoneHearsSound, phoneInCall } from '../fixtures/hearing.ts';
import { start } from '../fixtures/processes.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { REPOSITORY, startServer } from '../fixtures/server.ts';
import {
  AGENT_TONE,
  PSTN_TONE,
  SECOND_AGENT_TONE,
  expect,
  pstnUri,
  serverOptions,
  test as base,
} from '../fixtures/test.ts';
import { amplitudeAt, readWav, tonePresence } from '../fixtures/tone.ts';

/** Each example is started as a program of its own and called. */
const CALLER_TONE = 420;
const OTHER_TONE = 780;
/** Before a recording. */
const BEEP = 1000;

interface Fixtures {
  /** Starts an example; it ends with the test. */
  example: (name: string, options?: Parameters<typeof startExample>[2]) => Promise<Example>;
  /** Calls a number; the phone hangs up with the test. */
  dialIn: (number: string, toneHz?: number) => Promise<RtpPhone>;
}

const test = base.extend<Fixtures>({
  example: async ({ server }, use, info) => {
    const started: Example[] = [];
    await use(async (name, options) => {
      const example = await startExample(server, name, options);
      started.push(example);
      return example;
    });
    for (const one of started) {
      if (info.status !== info.expectedStatus) await writeFile(info.outputPath('example.log'), one.process.output());
      await one.stop();
    }
  },
  dialIn: async ({ server }, use) => {
    const phones: RtpPhone[] = [];
    await use(async (number, toneHz = CALLER_TONE) => {
      const phone = await phoneInCall(server, number, toneHz);
      phones.push(phone);
      return phone;
    });
    // One that the test hung up has closed its sockets.
    for (const phone of phones) await phone.hangup().catch(() => undefined);
  },
});

/** Resolves when a phone has said its tone for so long. */
const talk = async ({ media }: RtpPhone, seconds: number): Promise<void> => {
  const from = media.sent;
  await expect.poll(() => media.sent - from, { intervals: [50] }).toBeGreaterThan(seconds * 50);
};

const answer = async ({ page }: Agent): Promise<void> => {
  await page.getByTestId('answer').click();
};

test('CR-1 examples/ivr: nothing pressed, a wrong key, then a person, by the one command', async ({
  example,
  dialIn,
  agent,
}) => {
  const ivr = await example('ivr', { command: true, env: { IVR_PATIENCE: '1' } });
  const alice = await agent({ identity: 'alice' });
  const caller = await dialIn(ivr.number);
  await ivr.process.waitFor(/\/menu\?reading=2/);
  await phoneHearsSound(caller);
  await caller.media.press('7');
  await ivr.process.waitFor(/\/chosen .*Digits=7/);
  await expect.poll(() => ivr.count(/^\/menu /)).toBe(2);
  await phoneHearsSound(caller);
  await caller.media.press('0');
  await answer(alice);
  await phoneHears(caller, AGENT_TONE);
  await alice.waitToHear(CALLER_TONE);
  await alice.page.getByTestId('hangup').click();
  await ivr.process.waitFor(/\/talked .*DialCallStatus=completed/);
});

test('CR-5 examples/call-queue: two callers hear their places; two agents in browsers take one each, then the next', async ({
  example,
  dialIn,
  agent,
  pstn,
  server,
}) => {
  const queue = await example('call-queue');
  const tokenOf = async (identity: string): Promise<string> =>
    await (await fetch(`${queue.url}/token?identity=${identity}`)).text();
  const peer = await pstn();
  await peer.dial(await pstnUri(server, queue.number));
  await queue.process.waitFor(/\/wait .*QueuePosition=1/);
  const second = await dialIn(queue.number);
  await queue.process.waitFor(/\/wait .*QueuePosition=2/);
  await expect.poll(async () => await (await fetch(`${queue.url}/queue`)).text()).toContain('"waiting":2');

  const signIn = async (identity: string, toneHz: number): Promise<Agent> => {
    const [token, one] = await Promise.all([tokenOf(identity), agent({ identity: undefined, toneHz })]);
    await one.page.getByTestId('login-by-token').check({ force: true });
    await one.page.getByTestId('login-token').fill(token);
    await one.page.getByTestId('login-submit').click();
    await expect(one.page.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
    return one;
  };
  const [alice, bob] = await Promise.all([signIn('alice', AGENT_TONE), signIn('bob', SECOND_AGENT_TONE)]);
  const takeNext = async ({ page }: Agent): Promise<void> => {
    await page.getByTestId('dial-input').fill('next');
    await page.getByTestId('dial-call').click();
  };
  await takeNext(alice);
  await alice.waitToHear(PSTN_TONE);
  await takeNext(bob);
  await bob.waitToHear(CALLER_TONE);
  await phoneHears(second, SECOND_AGENT_TONE);
  expect(queue.count(/^\/found /)).toBe(2);

  await peer.hangup();
  await queue.process.waitFor(/\/left .*QueueResult=bridged/);
  // The first agent is asked for the next caller, who comes.
  const third = await dialIn(queue.number, OTHER_TONE);
  await alice.waitToHear(OTHER_TONE);
  await phoneHears(third, AGENT_TONE);
  const [file = 'no recording'] = await peer.recordings();
  expect(tonePresence(await readWav(file), AGENT_TONE).filter(Boolean).length).toBeGreaterThan(10);
});

test('CR-1 CR-5 examples/voicemail: nobody answers, a message is left, listed, fetched and deleted', async ({
  example,
  dialIn,
  server,
}) => {
  const voicemail = await example('voicemail');
  const caller = await dialIn(voicemail.number);
  caller.media.silence(true);
  await voicemail.process.waitFor(/\/dialled .*DialCallStatus=failed/);
  await phoneHears(caller, BEEP);
  await phoneHearsNo(caller, BEEP);
  caller.media.silence(false);
  await talk(caller, 1.5);
  await caller.media.press('#');
  await voicemail.process.waitFor(/message RE\w+ from \+15550199/);
  const messages = (await (await fetch(`${voicemail.url}/messages`)).json()) as { sid: string; seconds: number }[];
  expect(messages).toMatchObject([{ from: '+15550199' }]);
  expect(messages[0]?.seconds).toBeGreaterThanOrEqual(1);
  const address = `${voicemail.url}/messages/${messages[0]?.sid ?? ''}`;
  // What REST shows follows the events within moments.
  await expect.poll(async () => (await fetch(address)).status).toBe(200);
  const audio = await fetch(address);
  expect(audio.headers.get('content-type')).toContain('audio/wav');
  const wav = Buffer.from(await audio.arrayBuffer());
  const samples = Int16Array.from({ length: 4000 }, (_, at) => wav.readInt16LE(44 + (4000 + at) * 2));
  expect(amplitudeAt(samples, 8000, CALLER_TONE)).toBeGreaterThan(0.2);
  const [{ account, authToken }, { pageUrl }] = [await server.credentials(), await server.state()];
  const authorization = `Basic ${btoa(`${account}:${authToken}`)}`;
  const media = await fetch(new URL(`v1/media/recordings/${messages[0]?.sid ?? ''}`, pageUrl), {
    headers: { authorization },
  });
  const signed = new URL(((await media.json()) as { address: string }).address, pageUrl);
  expect(Buffer.compare(Buffer.from(await (await fetch(signed)).arrayBuffer()), wav)).toBe(0);
  expect((await fetch(address, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(signed)).status).toBe(404);
  expect(await (await fetch(`${voicemail.url}/messages`)).json()).toEqual([]);
});

test('CR-5 examples/conference: a wrong PIN, two right ones; the moderator opens, mutes and ends it', async ({
  example,
  dialIn,
}) => {
  const conference = await example('conference');
  const enter = async (phone: RtpPhone, pin: string): Promise<void> => {
    await phoneHearsSound(phone);
    for (const key of `${pin}#`) await phone.media.press(key);
  };
  const participant = await dialIn(conference.number);
  await enter(participant, '1234');
  await conference.process.waitFor(/\/told .*participant-join/);
  const moderator = await dialIn(conference.number, OTHER_TONE);
  await enter(moderator, '5555');
  await conference.process.waitFor(/\/voice\?attempt=2/);
  await enter(moderator, '9876');
  await phoneHears(participant, OTHER_TONE);
  await phoneHears(moderator, CALLER_TONE);
  // What REST shows follows the events within moments.
  const shown = async (): Promise<number> =>
    ((await (await fetch(`${conference.url}/participants`)).json()) as unknown[]).length;
  await expect.poll(shown).toBe(2);
  expect(await (await fetch(`${conference.url}/mute`, { method: 'POST' })).json()).toEqual({ muted: 1 });
  await phoneHearsNo(moderator, CALLER_TONE);
  await moderator.hangup();
  await conference.process.waitFor(/\/over /);
  await phoneHearsSound(participant);
});

test('CR-7 examples/voice-agent: the bot repeats the caller, is interrupted, and hands the call back', async ({
  example,
  dialIn,
}) => {
  const bot = await example('voice-agent');
  const caller = await dialIn(bot.number);
  await bot.process.waitFor(/^start CA/m);
  await talk(caller, 2.5);
  caller.media.silence(true);
  await phoneHears(caller, CALLER_TONE);
  caller.media.silence(false);
  await bot.process.waitFor(/interrupted answer 1/);
  caller.media.silence(true);
  await bot.process.waitFor(/played answer 1/);
  await bot.process.waitFor(/played answer 2/);
  await caller.media.press('#');
  await bot.process.waitFor(/\/done .*StreamEvent=stream-stopped/);
  await phoneHearsSound(caller);
});

test('MC-4 examples/voice-server: calls hear a text by the voice that --voice-config names, spoken once', async ({
  dir,
  host,
}) => {
  const folder = join(REPOSITORY, 'examples/voice-server');
  const env = { VOICE_KEY: 'secret-of-this-test' };
  const voices = start(process.execPath, [join(folder, 'src/main.ts')], {
    env: { ...process.env, ...env, PORT: '0' },
  });
  const [, url = ''] = await voices.waitFor(/listening on (\S+)/);
  const config = JSON.parse(await readFile(join(folder, 'voice.json'), 'utf8')) as object;
  await writeFile(join(dir, 'voice.json'), JSON.stringify({ ...config, url }));
  const documents = createServer((_request, response) => {
    const say = '<Say voice="man">The office is closed today.</Say><Pause length="20"/>';
    response.writeHead(200, { 'content-type': 'text/xml' }).end(`<Response>${say}</Response>`);
  });
  const server = await startServer({ ...serverOptions(host), env, args: ['--voice-config', join(dir, 'voice.json')] });
  try {
    await once(documents.listen(0, '127.0.0.1'), 'listening');
    const { port } = documents.address() as AddressInfo;
    const [{ account, authToken }, { pageUrl }] = [await server.credentials(), await server.state()];
    const number = { PhoneNumber: '+15550112', VoiceUrl: `http://127.0.0.1:${port}/voice` };
    const made = await fetch(new URL(`2010-04-01/Accounts/${account}/IncomingPhoneNumbers.json`, pageUrl), {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${account}:${authToken}`)}` },
      body: new URLSearchParams(number),
    });
    expect(made.status).toBe(201);
    for (let call = 0; call < 2; call++) {
      const phone = await phoneInCall(server, number.PhoneNumber, CALLER_TONE);
      await phoneHearsSound(phone);
      await phone.hangup();
    }
    expect(voices.output().match(/^rms: .*$/gm)).toEqual(['rms: The office is closed today.']);
  } finally {
    documents.close();
    await server.stop();
    await voices.stop();
  }
});

test('CR-4 examples/click-to-call: a page calls the agent, then the customer, and ends the call', async ({
  example,
  agent,
  pstn,
}) => {
  const clickToCall = await example('click-to-call');
  const customer = await pstn();
  const alice = await agent({ identity: 'alice' });
  const page = await alice.page.context().newPage();
  await page.goto(clickToCall.url);
  await page.getByLabel('Customer').fill('+15550123');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByRole('status')).toHaveText('agent: ringing');
  await alice.page.bringToFront();
  await answer(alice);
  await customer.event('CALL_ESTABLISHED');
  await alice.waitToHear(PSTN_TONE);
  await expect(page.getByRole('status')).toHaveText('customer: in-progress');
  await page.getByRole('button', { name: 'End' }).click();
  await customer.event('CALL_CLOSED');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
});
