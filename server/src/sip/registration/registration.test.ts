import { describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { testAgent } from '../testing/agent.ts';
import { responseText } from '../testing/messages.ts';
import { headerOf } from '../testing/transport.fake.ts';
import { registrationMachine } from './machine.ts';
import type { RegistrationInput, RegistrationState } from './machine.ts';
import { createRegistration } from './registration.ts';
import type { RegistrationOptions, RegistrationStatus } from './registration.ts';

const config = { expires: 600, baseDelayMs: 30_000, maxDelayMs: 1_800_000 };
const accepted = (expires: number) => ({ kind: 'accepted', expires, serviceRoute: [] }) as const;
const refused = (status: number, more: object = {}) => ({ kind: 'refused', status, reason: 'no', ...more }) as const;
const answer = (value: ReturnType<typeof accepted> | ReturnType<typeof refused>, fraction = 0): RegistrationInput => ({
  kind: 'answer',
  answer: value,
  fraction,
});

describe('registrationMachine', () => {
  const step = registrationMachine(config);
  const registering = { name: 'registering', asked: 600, failures: 0, retried: false } as const;

  it.each<[string, RegistrationState, RegistrationInput, string, unknown[]]>([
    ['starts', { name: 'idle' }, { kind: 'start' }, 'registering', [{ kind: 'register', expires: 600 }]],
    [
      'refreshes at half the granted time at the earliest',
      registering,
      answer(accepted(100), 0),
      'registered',
      [
        { kind: 'registered', expires: 100, serviceRoute: [] },
        { kind: 'start-timer', name: 'refresh', delayMs: 50_000 },
      ],
    ],
    [
      'and at 90 % at the latest',
      registering,
      answer(accepted(100), 1),
      'registered',
      [
        { kind: 'registered', expires: 100, serviceRoute: [] },
        { kind: 'start-timer', name: 'refresh', delayMs: 90_000 },
      ],
    ],
    [
      'RFC 3261 section 10.2.8: a 423 is answered with the interval wanted',
      registering,
      answer(refused(423, { minExpires: 1800 })),
      'registering',
      [{ kind: 'register', expires: 1800 }],
    ],
    [
      'once only',
      { ...registering, retried: true },
      answer(refused(423, { minExpires: 1800 })),
      'waiting',
      [
        { kind: 'failed', status: 423, reason: 'no', retryInMs: 15_000 },
        { kind: 'start-timer', name: 'retry', delayMs: 15_000 },
      ],
    ],
    [
      'RFC 5626 section 4.5: the wait doubles',
      { ...registering, failures: 3 },
      answer(refused(408), 1),
      'waiting',
      [
        { kind: 'failed', status: 408, reason: 'no', retryInMs: 240_000 },
        { kind: 'start-timer', name: 'retry', delayMs: 240_000 },
      ],
    ],
    [
      'up to half an hour',
      { ...registering, failures: 30 },
      answer(refused(408), 1),
      'waiting',
      [
        { kind: 'failed', status: 408, reason: 'no', retryInMs: 1_800_000 },
        { kind: 'start-timer', name: 'retry', delayMs: 1_800_000 },
      ],
    ],
    [
      'Retry-After makes it longer, within reason',
      registering,
      answer(refused(503, { retryAfter: 120 })),
      'waiting',
      [
        { kind: 'failed', status: 503, reason: 'no', retryInMs: 120_000 },
        { kind: 'start-timer', name: 'retry', delayMs: 120_000 },
      ],
    ],
    [
      'stops while registered by taking the contact back',
      { name: 'registered', asked: 600 },
      { kind: 'stop' },
      'unregistering',
      [
        { kind: 'stop-timer', name: 'refresh' },
        { kind: 'stop-timer', name: 'retry' },
        { kind: 'register', expires: 0 },
      ],
    ],
    ['nothing starts a stopped one', { name: 'stopped' }, { kind: 'start' }, 'stopped', []],
    ['a late answer means nothing', { name: 'waiting', asked: 1, failures: 1 }, answer(accepted(5)), 'waiting', []],
    [
      'whatever the answer to the removal',
      { name: 'unregistering' },
      answer(refused(500)),
      'stopped',
      [{ kind: 'stopped' }],
    ],
  ])('%s', (...[, state, input, name, effects]) => {
    const next = step(state, input);
    expect(next.state.name).toBe(name);
    expect(next.effects).toEqual(effects);
  });
});

describe('createRegistration', () => {
  function fixture(change: Partial<RegistrationOptions> = {}) {
    const agent = testAgent();
    const heard: RegistrationStatus[] = [];
    const registration = createRegistration({
      userAgent: agent.agent,
      clock: agent.clock,
      random: seededRandom(5),
      log: silentLog,
      registrar: 'sip:127.0.0.2',
      addressOfRecord: 'sip:trunk@127.0.0.2',
      onStatus: (status) => heard.push(status),
      ...change,
    });
    const reply = async (status: string, ...extra: string[]): Promise<string> => {
      const [request = ''] = agent.transport.take();
      agent.transport.deliver(
        responseText(request, status, { toTag: 't', extra }).replace(/^Contact: <sip:peer.*\r\n/m, ''),
      );
      await settle();
      return request;
    };
    return { ...agent, registration, heard, reply };
  }

  it('registers, refreshes with the same Call-ID and a higher CSeq, and takes its contact back', async () => {
    const test = fixture({ contactUser: '+15550100' });
    test.registration.start();
    const first = await test.reply(
      '200 OK',
      'Contact: <sip:other@192.0.2.9>;expires=9, <sip:+15550100@127.0.0.1:5060>;expires=60',
      'Service-Route: <sip:edge.example.com;lr>',
    );
    expect(first.split('\r\n', 1)[0]).toBe('REGISTER sip:127.0.0.2 SIP/2.0');
    expect(headerOf(first, 'Contact')).toBe('<sip:+15550100@127.0.0.1:5060>;expires=600');
    expect(test.registration.status).toEqual({
      state: 'registered',
      expiresAt: test.clock.now() + 60_000,
      serviceRoute: ['<sip:edge.example.com;lr>'],
    });
    await test.clock.advanceAsync(29_000);
    expect(test.transport.sent).toEqual([]);
    await test.clock.advanceAsync(25_000);
    const second = await test.reply('200 OK');
    expect(headerOf(second, 'Call-ID')).toBe(headerOf(first, 'Call-ID'));
    expect(headerOf(second, 'CSeq')).toBe('2 REGISTER');
    const stopped = test.registration.stop();
    expect(headerOf(await test.reply('200 OK'), 'Expires')).toBe('0');
    await stopped;
    expect(test.registration.status).toEqual({ state: 'stopped' });
    expect(test.heard.map(({ state }) => state)).toEqual(['registering', 'registered', 'registered', 'stopped']);
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('RFC 3261 section 10.2: its contact carries what calls to it are recognised by; who has answered is known while it holds', async () => {
    const test = fixture({ contactUriParams: ';line=5f3a' });
    test.registration.start();
    expect(test.registration.registrar).toBeUndefined();
    const contact = '<sip:trunk@127.0.0.1:5060;line=5f3a>';
    const sent = await test.reply('200 OK', `Contact: ${contact};expires=60`);
    expect(headerOf(sent, 'Contact')).toBe(`${contact};expires=600`);
    expect(test.registration.status).toMatchObject({ expiresAt: test.clock.now() + 60_000 });
    expect(test.registration.registrar).toMatchObject({ protocol: 'udp', address: '127.0.0.2', port: 5060 });
    void test.registration.stop();
    await test.reply('200 OK');
    expect(test.registration.registrar).toBeUndefined();
    test.agent.close();
  });

  it('answers the challenge; a wrong password is told and tried again later', async () => {
    const test = fixture({ credentials: { username: 'u', password: 'p' } });
    test.registration.start();
    const challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';
    await test.reply('401 Unauthorized', challenge);
    expect(headerOf(await test.reply('401 Unauthorized', challenge), 'Authorization')).toContain('username="u"');
    expect(test.registration.status).toMatchObject({ state: 'failed', status: 401, reason: 'Unauthorized' });
    await test.clock.advanceAsync(30_000);
    await test.reply('200 OK', 'Expires: 40');
    expect(test.registration.status).toMatchObject({ state: 'registered' });
    void test.registration.stop();
    test.agent.close();
  });

  it('stops although nobody answers', async () => {
    const test = fixture();
    test.registration.start();
    const stopped = test.registration.stop();
    await test.clock.advanceAsync(2000);
    await stopped;
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('RFC 5626: keeps the way of the carrier open while it is registered, over UDP', async () => {
    const test = fixture();
    const { keptAlive } = test.transport;
    test.registration.start();
    expect(keptAlive.size).toBe(0);
    await test.reply('200 OK', 'Expires: 100');
    expect([...keptAlive]).toEqual(['127.0.0.2:5060']);
    await test.clock.advanceAsync(90_000);
    await test.reply('503 Service Unavailable');
    expect(keptAlive.size).toBe(0);
    await test.clock.advanceAsync(30_000);
    await test.reply('200 OK', 'Expires: 100');
    expect(keptAlive.size).toBe(1);
    void test.registration.stop();
    await test.reply('200 OK');
    expect(keptAlive.size).toBe(0);
    test.agent.close();
  });
});
