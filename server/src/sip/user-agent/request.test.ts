import { describe, expect, it } from 'vitest';
import { testAgent } from '../testing/agent.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { OutOfDialogRequest } from './api.ts';

const flow = { protocol: 'tcp', address: '127.0.0.9', port: 40_001, flow: 'c7' } as const;

describe('userAgent.request', () => {
  it('RFC 3261 section 22: answers a challenge with the next CSeq, and gives the final response', async () => {
    const test = testAgent();
    let sequence = 40;
    const result = test.agent.request({
      method: 'REGISTER',
      target: 'sip:127.0.0.2',
      to: { uri: 'sip:me@127.0.0.2' },
      from: { uri: 'sip:me@127.0.0.2' },
      contact: { user: 'me', params: ';expires=60' },
      headers: [{ name: 'Supported', value: 'path' }],
      credentials: { username: 'me', password: 'x' },
      series: { callId: 'series-1', nextSequence: () => ++sequence },
    });
    const [first = ''] = test.transport.take();
    expect(first.split('\r\n', 1)[0]).toBe('REGISTER sip:127.0.0.2 SIP/2.0');
    expect(headerOf(first, 'Contact')).toBe('<sip:me@127.0.0.1:5060>;expires=60');
    expect(headerOf(first, 'Supported')).toBe('path');
    expect([headerOf(first, 'Call-ID'), headerOf(first, 'CSeq')]).toEqual(['series-1', '41 REGISTER']);
    const challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"';
    test.transport.deliver(responseText(first, '401 Unauthorized', { toTag: 't', extra: [challenge] }));
    const [second = ''] = test.transport.take();
    expect(headerOf(second, 'CSeq')).toBe('42 REGISTER');
    expect(headerOf(second, 'Authorization')).toContain('username="me"');
    test.transport.deliver(
      responseText(second, '200 OK', { toTag: 't', extra: ['Service-Route: <sip:edge;lr>'], body: 'hello' }),
    );
    const { status, received, headers, body } = await result;
    expect({ status, received, body: body.toString() }).toEqual({ status: 200, received: true, body: 'hello' });
    expect(headers).toContainEqual({ name: 'Service-Route', value: '<sip:edge;lr>' });
    test.agent.close();
  });

  it('goes to the flow it is given, with the Path as route set', () => {
    const test = testAgent();
    void test.agent.request({
      method: 'NOTIFY',
      target: 'sip:phone@10.0.0.1',
      path: ['<sip:edge.example.com;lr>'],
      destination: flow,
    });
    const [sent] = test.transport.sent;
    expect(sent?.destination).toEqual(flow);
    expect(headerOf(sent?.text ?? '', 'Route')).toBe('<sip:edge.example.com;lr>');
    expect(headerOf(sent?.text ?? '', 'Via')).toContain('SIP/2.0/TCP');
    test.agent.close();
  });

  it('says 400 for what cannot be written, 408 for silence, 503 when nothing can be sent', async () => {
    const test = testAgent();
    const send = (change: object) => test.agent.request({ method: 'OPTIONS', target: 'sip:127.0.0.2', ...change });
    const bad = [{ target: 'x' }, { method: 'A B' }, { headers: [{ name: 'Via', value: 'x' }] }, { contact: 'a\r\nb' }];
    for (const change of bad) expect(await send(change)).toMatchObject({ status: 400, received: false });
    const silence = send({});
    test.clock.advance(32_000);
    expect(await silence).toMatchObject({ status: 408, received: false });
    test.transport.failure = new Error('no way');
    expect(await send({})).toMatchObject({ status: 503, received: false, reason: 'no way' });
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });
});

describe('onRequest', () => {
  const register = requestText({ method: 'REGISTER', extra: ['Require: path'], body: '' });

  it('gets other methods after authorize and answers once', () => {
    const seen: OutOfDialogRequest[] = [];
    const test = testAgent({
      onRequest: (request) => {
        seen.push(request);
        return true;
      },
    });
    test.transport.deliver(register, { port: 6000 });
    expect(seen[0]?.source.port).toBe(6000);
    seen[0]?.respond(200, { headers: [{ name: 'Contact', value: '<sip:a@b>;expires=5' }] });
    seen[0]?.respond(500);
    const sent = test.transport.take();
    expect(sent).toHaveLength(1);
    expect(headerOf(sent[0] ?? '', 'Contact')).toBe('<sip:a@b>;expires=5');
    expect(headerOf(sent[0] ?? '', 'To')).toContain(';tag=');
    test.agent.close();
  });

  it.each([
    ['405 when the handler does not take it', () => false, '405'],
    [
      '500 when it throws',
      () => {
        throw new Error('x');
      },
      '500',
    ],
  ])('%s', (_what, onRequest, status) => {
    const test = testAgent({ onRequest });
    test.transport.deliver(register.replace('Require: path\r\n', ''));
    expect(test.transport.take()[0]?.split(' ')[1]).toBe(status);
    test.agent.close();
  });
});

describe('flows', () => {
  it('RFC 5626 section 5.3: a call to a flow keeps to it, whatever Contact the phone gives', () => {
    const test = testAgent();
    const call = test.agent.invite(
      { target: 'sip:phone@10.0.0.1', from: { uri: 'sip:a@b' }, sdp: 'v=0', destination: flow },
      {},
    );
    const [invite = ''] = test.transport.take();
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 't', contact: '<sip:phone@10.0.0.1>' }));
    call.bye();
    const destinations = test.transport.sent.map(({ text, destination }) => [text.slice(0, 3), destination.flow]);
    expect(destinations).toEqual([
      ['ACK', 'c7'],
      ['BYE', 'c7'],
    ]);
    test.agent.close();
  });

  it('a call that came over a flow to be kept is ended over it', () => {
    const test = testAgent({ authorize: () => ({ allow: true, context: 1, keepFlow: true }) });
    test.transport.deliver(requestText(), { port: 7777 });
    test.calls[0]?.answer('v=0');
    const to = `To: ${headerOf(test.transport.take().at(-1) ?? '', 'To')}`;
    test.transport.deliver(requestText({ method: 'ACK', to, branch: 'z9hG4bK-2' }), { port: 7777 });
    test.calls[0]?.bye();
    expect(test.transport.sent.at(-1)).toMatchObject({ destination: { port: 7777 } });
    test.agent.close();
  });
});
