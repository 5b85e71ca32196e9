import { describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { DigestClient, DigestServer } from '../digest/index.ts';
import { createRequest, createResponse, parseNameAddr } from '../message/index.ts';
import { testAgent } from '../testing/agent.ts';
import { requestText } from '../testing/messages.ts';
import { headerOf } from '../testing/transport.fake.ts';
import { MemoryBindings } from './bindings.memory.ts';
import { Registrar } from './registrar.ts';
import type { RegistrarOptions } from './registrar.ts';

const DOMAIN = 'phones.example.com';

function fixture(change: Partial<RegistrarOptions> = {}) {
  const heard: string[] = [];
  const refused: string[] = [];
  const agent = testAgent({ onRequest: (request): boolean => registrar.handle(request) });
  const store = change.store ?? new MemoryBindings();
  const domain = { sid: 'SD1', accountSid: 'AC1', domain: DOMAIN, registration: true };
  const registrar: Registrar = new Registrar({
    store,
    directory: {
      domain: (host) => (host.toLowerCase() === DOMAIN ? domain : undefined),
      secret: (_domain, user) => (user === 'alice' ? { password: 'x' } : undefined),
    },
    digest: new DigestServer({ random: seededRandom(1) }),
    clock: agent.clock,
    random: seededRandom(2),
    log: silentLog,
    node: 'n1',
    onChange: (event, { address }) => {
      const why = event.kind === 'registered' ? '' : ` ${event.reason}`;
      heard.push(`${address} ${event.kind} ${event.binding.contact}${why}`);
    },
    onRefused: ({ source }) => refused.push(source.address),
    ...change,
  });
  let sequence = 0;
  const send = async (options: { user?: string; to?: string; extra?: string[]; port?: number; via?: string }) => {
    const { user = 'alice', to = `sip:${user}@${DOMAIN}`, extra = [], port = 6001 } = options;
    const request = (authorization: string[]) =>
      requestText({
        method: 'REGISTER',
        uri: `sip:${DOMAIN}`,
        from: `From: <${to}>;tag=f`,
        to: `To: <${to}>`,
        branch: `z9hG4bK-${String(++sequence)}`,
        ...(options.via === undefined ? {} : { via: `Via: ${options.via};branch=z9hG4bK-${String(sequence)}` }),
        callId: 'reg',
        sequence,
        extra: [...authorization, ...extra],
        body: '',
      }).replace('Contact: <sip:alice@127.0.0.1:5070>\r\n', '');
    agent.transport.deliver(request([]), { port });
    await settle();
    const [challenge = ''] = agent.transport.take();
    if (!challenge.includes(' 401 ')) return challenge;
    const value = headerOf(challenge, 'WWW-Authenticate');
    const client = new DigestClient({ username: user, password: 'x' }, seededRandom(3));
    const credentials = client.answer(
      createRequest({ method: 'REGISTER', uri: `sip:${DOMAIN}` }, []),
      createResponse({ status: 401 }, [['WWW-Authenticate', value]]),
    );
    agent.transport.deliver(request([`Authorization: ${credentials?.[0]?.[1] ?? ''}`]), { port });
    await settle();
    return agent.transport.take()[0] ?? '';
  };
  const close = () => {
    registrar.close();
    agent.agent.close();
    expect(agent.clock.pendingTimers).toBe(0);
  };
  return { ...agent, registrar, heard, refused, send, store, close };
}

describe('Registrar', () => {
  it('RFC 3261 section 10.3 step 8: lists every contact with what is left of its life, and the date', async () => {
    const test = fixture();
    await test.send({ extra: ['Contact: <sip:alice@10.0.0.1:5062>;q=0.5;expires=100'] });
    test.clock.advance(30_000);
    const answer = await test.send({
      extra: ['Contact: <sip:alice@10.0.0.2>;+sip.instance="<urn:uuid:1>"', 'Expires: 200'],
    });
    const contacts = answer.match(/^Contact: .*$/gm);
    expect(contacts).toEqual([
      'Contact: <sip:alice@10.0.0.1:5062>;expires=70;q=0.5',
      'Contact: <sip:alice@10.0.0.2>;expires=200;+sip.instance="<urn:uuid:1>"',
    ]);
    expect(parseNameAddr(contacts?.[1]?.slice(9) ?? '')).toBeDefined();
    expect(headerOf(answer, 'Date')).toMatch(/GMT$/);
    const found = test.registrar.find(`alice@${DOMAIN}`);
    expect(found.map(({ contact }) => contact)).toEqual(['sip:alice@10.0.0.2', 'sip:alice@10.0.0.1:5062']);
    test.close();
  });

  it('remembers the way the phone came for private contacts, and not for a place elsewhere', async () => {
    const test = fixture();
    await test.send({
      port: 6007,
      extra: ['Contact: <sip:alice@192.168.1.9>', 'Contact: <sip:alice@other.example.com>'],
    });
    expect(test.registrar.find(`alice@${DOMAIN}`).map(({ overFlow, received }) => [overFlow, received.port])).toEqual([
      [true, 6007],
      [false, 6007],
    ]);
    test.close();
  });

  it('RFC 3327 section 5.3: Path is kept and echoed; without Supported: path it is 421', async () => {
    const test = fixture();
    const path = 'Path: <sip:edge.example.com;lr>';
    const contact = 'Contact: <sip:alice@10.0.0.1>';
    expect(await test.send({ extra: [path, contact] })).toMatch(/^SIP\/2\.0 421 /);
    const answer = await test.send({ extra: [path, contact, 'Supported: path'] });
    expect(headerOf(answer, 'Path')).toBe('<sip:edge.example.com;lr>');
    expect(test.registrar.find(`alice@${DOMAIN}`)[0]).toMatchObject({
      path: ['<sip:edge.example.com;lr>'],
      overFlow: false,
    });
    test.close();
  });

  it('RFC 5626 section 6: a flow that the phone keeps alive is agreed to with Require: outbound', async () => {
    const test = fixture();
    const contact = 'Contact: <sip:alice@10.0.0.1;ob>;reg-id=1;+sip.instance="<urn:uuid:1>"';
    const answer = await test.send({ extra: [contact, 'Supported: path, outbound'] });
    expect([headerOf(answer, 'Require'), headerOf(answer, 'Flow-Timer')]).toEqual(['outbound', '120']);
    const proxied = await test.send({
      extra: [contact, 'Supported: path, outbound', 'Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-phone'],
    });
    expect(proxied).toMatch(/^SIP\/2\.0 439 /);
    test.close();
  });

  it.each<[string, Parameters<ReturnType<typeof fixture>['send']>[0], RegExp]>([
    ['step 1: another domain', { to: 'sip:alice@elsewhere.example.com' }, /^SIP\/2\.0 404 /],
    ['step 2: an unknown extension', { extra: ['Require: path, foo'] }, /^SIP\/2\.0 420 .*[^]*Unsupported: foo/],
    ['step 3: an unknown user', { user: 'mallory' }, /^SIP\/2\.0 401 /],
    ['step 4: somebody else', { to: `sip:bob@${DOMAIN}` }, /^SIP\/2\.0 403 /],
    ['step 6: a Contact that cannot be read', { extra: ['Contact: <sip:'] }, /^SIP\/2\.0 400 /],
    ['step 7: too brief', { extra: ['Contact: <sip:alice@h>;expires=5'] }, /^SIP\/2\.0 423 .*[^]*Min-Expires: 60/],
  ])('refuses by RFC 3261 section 10.3 %s', async (_what, options, expected) => {
    const test = fixture();
    expect(await test.send(options)).toMatch(expected);
    expect(test.heard).toEqual([]);
    test.close();
  });

  it('counts attempts with wrong credentials', async () => {
    const test = fixture();
    await test.send({ user: 'mallory' });
    expect(test.refused).toEqual(['127.0.0.1']);
    test.close();
  });

  it('tells of contacts that come, go, and expire by themselves; expired ones are not found before that', async () => {
    const test = fixture();
    await test.send({
      extra: ['Contact: <sip:alice@10.0.0.1>;expires=60', 'Contact: <sip:alice@10.0.0.2>;expires=600'],
    });
    await test.send({ extra: ['Contact: <sip:alice@10.0.0.2>;expires=0'] });
    test.clock.advance(60_000);
    expect(test.registrar.find(`alice@${DOMAIN}`)).toEqual([]);
    await test.clock.advanceAsync(5000);
    expect(test.heard).toEqual([
      `alice@${DOMAIN} registered sip:alice@10.0.0.1`,
      `alice@${DOMAIN} registered sip:alice@10.0.0.2`,
      `alice@${DOMAIN} unregistered sip:alice@10.0.0.2 unregistered`,
      `alice@${DOMAIN} unregistered sip:alice@10.0.0.1 expired`,
    ]);
    expect([...test.store.all()]).toEqual([]);
    test.close();
  });

  it('tries again when somebody else wrote in between, and gives up with 500', async () => {
    const store = new MemoryBindings();
    let conflicts = 1;
    const write = store.write.bind(store);
    store.write = (record, revision) => (conflicts-- > 0 ? Promise.resolve(false) : write(record, revision));
    const test = fixture({ store });
    expect(await test.send({ extra: ['Contact: <sip:alice@h>'] })).toMatch(/^SIP\/2\.0 200 /);
    conflicts = 99;
    expect(await test.send({ extra: ['Contact: <sip:alice@h>'] })).toMatch(/^SIP\/2\.0 500 /);
    test.close();
  });

  it('a store that is away is 503 with Retry-After', async () => {
    const store = new MemoryBindings();
    store.read = () => Promise.reject(new Error('no connection'));
    const test = fixture({ store });
    const answer = await test.send({ extra: ['Contact: <sip:alice@h>'] });
    expect(answer).toMatch(/^SIP\/2\.0 503 /);
    expect(Number(headerOf(answer, 'Retry-After'))).toBeGreaterThanOrEqual(5);
    test.close();
  });
});
