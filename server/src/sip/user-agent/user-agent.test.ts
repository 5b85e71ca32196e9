import { describe, expect, it } from 'vitest';
import { testAgent } from '../testing/agent.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { headerOf } from '../testing/transport.fake.ts';

const T1 = 500;

describe('requests outside a dialog', () => {
  it.each<[string, string, string, [string, string]?]>([
    [
      '8.2.1: a method that is not taken is 405 with Allow',
      requestText({ method: 'MESSAGE' }),
      '405',
      ['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK'],
    ],
    ['21.5.2: an unknown method is 501', requestText({ method: 'FOO' }), '501'],
    [
      '12.2.2: NOTIFY of an unknown event is 489',
      requestText({ method: 'NOTIFY', extra: ['Event: presence'] }),
      '489',
      ['Allow-Events', 'refer'],
    ],
    ['12.2.2: NOTIFY of no subscription is 481', requestText({ method: 'NOTIFY', extra: ['Event: refer'] }), '481'],
    [
      '21.4.27: a body that cannot be decrypted is 493',
      requestText().replace('application/sdp', 'application/pkcs7-mime'),
      '493',
      ['Reason', 'Q.850;cause=79;text="The body cannot be decrypted"'],
    ],
    [
      '8.2.2.3: an unknown extension is 420',
      requestText({ extra: ['Require: 100rel, foo, bar'] }),
      '420',
      ['Unsupported', 'foo, bar'],
    ],
    [
      '8.2.3: another body is 415',
      requestText().replace('application/sdp', 'text/plain'),
      '415',
      ['Accept', 'application/sdp'],
    ],
    [
      '8.2.3: an encoded body is 415',
      requestText({ extra: ['Content-Encoding: gzip'] }),
      '415',
      ['Accept-Encoding', 'identity'],
    ],
    ['8.2.2.1: another scheme is 416', requestText({ uri: 'urn:x:y' }), '416'],
    ['21.5.6: another version is 505', requestText().replace('SIP/2.0\r\n', 'SIP/3.0\r\n'), '505'],
    ['8.1.1.8: INVITE without Contact is 400', requestText().replace(/Contact:.*\r\n/, ''), '400'],
    ['8.1.1: no From is 400', requestText({ from: 'X: 1' }), '400'],
    ['8.1.1: no Via is 400, sent to where it came from', requestText({ via: 'X: 1' }), '400'],
    ['12.2.2: an unknown dialog is 481', requestText({ to: 'To: <sip:a@b>;tag=none' }), '481'],
    ['15.1.2: BYE outside a dialog is 481', requestText({ method: 'BYE' }), '481'],
    [
      '11.2: OPTIONS is 200 with what we can do',
      requestText({ method: 'OPTIONS' }),
      '200',
      ['Accept', 'application/sdp, message/sipfrag'],
    ],
  ])('RFC 3261 section %s', (_what, text, status, header) => {
    const test = testAgent();
    test.transport.deliver(text);
    const [response = ''] = test.transport.take();
    expect(response.split(' ')[1]).toBe(status);
    if (header !== undefined) expect(headerOf(response, header[0])).toBe(header[1]);
    expect(test.calls).toEqual([]);
    expect(test.errors).toEqual([]);
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('RFC 3261 section 8.2.6: the response repeats Via in order and tags To', () => {
    const test = testAgent();
    const via = 'Via: SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKa;rport\r\nVia: SIP/2.0/TCP far;branch=z9hG4bKb';
    test.transport.deliver(requestText({ method: 'OPTIONS', via }), { address: '192.0.2.77', port: 1024 });
    const [sent] = test.transport.sent;
    expect(sent?.text).toMatch(
      /Via: SIP\/2.0\/UDP 10.0.0.1:5099;branch=z9hG4bKa;rport=1024;received=192.0.2.77\r\nVia: SIP\/2.0\/TCP far;branch=z9hG4bKb\r\n/,
    );
    // RFC 3581 section 4: back to where it came from.
    expect(sent?.destination).toMatchObject({ address: '192.0.2.77', port: 1024 });
    expect(headerOf(sent?.text ?? '', 'To')).toMatch(/;tag=[0-9a-f]{16}$/);
    test.agent.close();
  });

  it('RFC 3261 section 18.2.2: without rport the answer goes to the port of Via, never to maddr', () => {
    const test = testAgent();
    const via = 'Via: SIP/2.0/UDP phone.example:5099;branch=z9hG4bKa;maddr=203.0.113.9';
    test.transport.deliver(requestText({ method: 'OPTIONS', via }), { address: '192.0.2.77', port: 1024 });
    expect(test.transport.sent[0]?.destination).toMatchObject({ address: '192.0.2.77', port: 5099 });
    test.agent.close();
  });

  it('RFC 3261 section 8.2.2.2: the same request over another path is 482', () => {
    const test = testAgent();
    test.transport.deliver(requestText());
    test.transport.deliver(requestText());
    test.transport.deliver(requestText({ branch: 'z9hG4bK-other-path' }));
    expect(test.calls).toHaveLength(1);
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 100 Trying | 1 INVITE',
      'SIP/2.0 482 Loop Detected | 1 INVITE',
    ]);
    test.agent.close();
  });

  it('RFC 3261 section 17.2.3: a peer of RFC 2543 is matched without a branch', () => {
    const test = testAgent();
    const via = 'Via: SIP/2.0/UDP 127.0.0.1:5070';
    test.transport.deliver(requestText({ via }));
    test.calls[0]?.reject(486);
    const [busy = ''] = test.transport.take();
    test.transport.deliver(requestText({ via, method: 'ACK', to: `To: ${headerOf(busy, 'To')}` }));
    test.clock.advance(64 * T1);
    expect(test.transport.take()).toEqual([]);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('asks authorize before anything else, with the address the packet came from', () => {
    const asked: string[] = [];
    const test = testAgent({
      authorize: ({ method, source }) => {
        asked.push(`${method} ${source.address}`);
        return source.address === '127.0.0.1'
          ? { allow: true, context: undefined }
          : { allow: false, status: 403, reason: 'Unknown Trunk', headers: [{ name: 'X-Why', value: 'list' }] };
      },
    });
    for (const method of ['INVITE', 'OPTIONS', 'FOO'])
      test.transport.deliver(requestText({ method, branch: `z9hG4bK-${method}`, callId: method }), {
        address: '192.0.2.9',
      });
    const refused = test.transport.take();
    expect(refused.map((text) => text.split('\r\n', 1)[0])).toEqual(Array(3).fill('SIP/2.0 403 Unknown Trunk'));
    expect(headerOf(refused[0] ?? '', 'X-Why')).toBe('list');
    expect(asked).toEqual(['INVITE 192.0.2.9', 'OPTIONS 192.0.2.9', 'FOO 192.0.2.9']);
    expect(test.calls).toEqual([]);
    test.agent.close();
  });

  it('a handler that throws costs the caller a 500 and nobody else anything', () => {
    const test = testAgent({
      onInvite: () => {
        throw new Error('handler');
      },
    });
    test.transport.deliver(requestText());
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 500 Server Internal Error | 1 INVITE']);
    expect(test.errors).toHaveLength(1);
    test.agent.close();
  });

  it('refuses new requests above the limit of transactions, with Retry-After', () => {
    const test = testAgent({}, { maxTransactions: 3 });
    for (let i = 0; i < 5; i++) test.transport.deliver(requestText({ branch: `z9hG4bK-${i}`, callId: `call-${i}` }));
    expect(test.calls).toHaveLength(3);
    expect(test.transport.takeLines()).toEqual(Array(2).fill('SIP/2.0 503 Service Unavailable | 1 INVITE'));
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('a draining agent answers 503 to calls and OPTIONS', () => {
    const test = testAgent();
    test.agent.drain();
    test.transport.deliver(requestText());
    test.transport.deliver(requestText({ method: 'OPTIONS', branch: 'z9hG4bK-o', callId: 'o' }));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 503 Service Unavailable | 1 INVITE',
      'SIP/2.0 503 Service Unavailable | 1 OPTIONS',
    ]);
    test.agent.close();
  });

  it('ACKs, stray responses and malformed ACKs are never answered', () => {
    const test = testAgent();
    test.transport.deliver(requestText({ method: 'ACK' }));
    test.transport.deliver(requestText({ method: 'ACK', from: 'X: 1' }));
    test.transport.deliver(responseText(requestText(), '200 OK', { toTag: 'x' }));
    test.transport.deliver('SIP/2.0 999 What\r\n\r\n');
    expect(test.transport.take()).toEqual([]);
    expect(test.errors).toEqual([]);
  });
});

describe('ping', () => {
  it('resolves with the status of the peer, and with 408 after silence', async () => {
    const test = testAgent();
    const answered = test.agent.ping('sip:127.0.0.1:5070');
    const [options = ''] = test.transport.take();
    test.transport.deliver(responseText(options, '404 Not Found', { toTag: 'x' }));
    await expect(answered).resolves.toBe(404);
    const silent = test.agent.ping('sip:127.0.0.1:5070');
    test.clock.advance(64 * T1);
    await expect(silent).resolves.toBe(408);
    await expect(test.agent.ping('nonsense')).resolves.toBe(400);
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('overload', () => {
  const invite = (id: string, extra: readonly string[] = []): string =>
    requestText({ branch: `z9hG4bK-${id}`, callId: id, extra });

  /** An agent with one call up whose event loop has no reserve: it refuses nearly every new call. */
  function overloaded() {
    const load = { now: 0 };
    const world = testAgent(
      { onReplaces: (call) => world.calls.push(call) },
      { overload: { meter: { read: () => load.now } } },
    );
    const { transport, clock, calls } = world;
    transport.deliver(invite('up'));
    calls[0]?.answer('v=0\r\n');
    const answer = transport.take().at(-1) ?? '';
    const to = /^To: .*$/m.exec(answer)?.[0].trim() ?? '';
    transport.deliver(requestText({ method: 'ACK', branch: 'z9hG4bK-ack', callId: 'up', to }));
    load.now = 1;
    for (let look = 0; look < 20; look++) {
      for (let call = 0; call < 6; call++) transport.deliver(invite(`${look}-${call}`));
      clock.advance(100);
    }
    for (let call = 0; call < 6; call++) transport.deliver(invite(`last-${call}`));
    transport.take();
    const taken = calls.length;
    const { refused } = world.agent.stats;
    return { ...world, load, to, taken, refused };
  }

  it('answers new calls with 503, Retry-After and a Reason, and keeps nothing of them', () => {
    const { agent, transport, calls, taken, refused } = overloaded();
    const before = agent.stats.transactions;
    transport.deliver(invite('one'));
    const [text = ''] = transport.take();
    expect(text).toMatch(/^SIP\/2.0 503 Service Unavailable\r\n/);
    expect(headerOf(text, 'Retry-After')).toBe('5');
    expect(headerOf(text, 'Reason')).toContain('More calls come than this server has room for');
    transport.deliver(requestText({ method: 'ACK', branch: 'z9hG4bK-one', callId: 'one' }));
    transport.deliver(invite('one'));
    expect(transport.take()).toHaveLength(1);
    expect(calls).toHaveLength(taken);
    expect(agent.stats).toMatchObject({ transactions: before, refused: refused + 1 });
    agent.close();
  });

  it('calls that are up go on: their requests, and calls that take their place, are served', () => {
    const { agent, transport, calls, to, taken } = overloaded();
    const tag = to.split('tag=')[1] ?? '';
    transport.deliver(invite('next', [`Replaces: up;to-tag=${tag};from-tag=alice-tag`]));
    expect(calls).toHaveLength(taken + 1);
    transport.deliver(requestText({ method: 'BYE', sequence: 2, branch: 'z9hG4bK-bye', callId: 'up', to }));
    expect(transport.takeLines().at(-1)).toBe('SIP/2.0 200 OK | 2 BYE');
    agent.close();
  });

  it('takes every call again when the load has gone', () => {
    const { agent, transport, calls, clock, load, taken } = overloaded();
    load.now = 0.2;
    transport.deliver(invite('refused'));
    clock.advance(10_000);
    transport.take();
    for (const id of ['a', 'b', 'c']) transport.deliver(invite(id));
    expect(calls).toHaveLength(taken + 3);
    agent.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
