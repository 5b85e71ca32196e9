import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDemoApp } from './server.ts';
import type { DemoAppOptions } from './server.ts';
import { signatureMatches, webhookSignature } from './signature.ts';

const SIGNER = {
  account: `AC${'0'.repeat(32)}`,
  apiKey: `SK${'1'.repeat(32)}`,
  apiSecret: 'secret',
  application: `AP${'2'.repeat(32)}`,
};

let server: Server | undefined;
let log: string[] = [];

async function start(options: Partial<DemoAppOptions> = {}): Promise<string> {
  log = [];
  server = createDemoApp({
    authToken: undefined,
    signer: SIGNER,
    callerId: '+15550100',
    log: (line) => log.push(line),
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });

const answer = async (url: string, form: Record<string, string>): Promise<string> => (await post(url, form)).text();

afterEach(async () => {
  if (server === undefined) return;
  server.closeAllConnections();
  const closed = once(server, 'close');
  server.close();
  await closed;
  server = undefined;
});

describe('instructions', () => {
  it('an incoming call greets the caller and rings alice', async () => {
    const url = await start();
    const response = await post(`${url}/voice`, { CallSid: 'CA1', From: '+15550199', To: '+15550100' });
    expect(response.headers.get('content-type')).toBe('text/xml');
    expect(await response.text()).toContain(
      '<Response><Say>One moment, connecting you.</Say>' +
        '<Dial timeout="30" action="/dial-done" answerOnBridge="true"><Client>alice</Client></Dial></Response>',
    );
    expect(log).toEqual(['/voice CallSid=CA1 From=+15550199 To=+15550100']);
  });

  it('the voice URL can name another client, greeting and timeout', async () => {
    const url = await start();
    const text = await answer(`${url}/voice?client=support/bob&greeting=none&timeout=5`, {});
    expect(text).toContain('<Response><Dial timeout="5"');
    expect(text).toContain('<Client>support/bob</Client>');
  });

  it.each([
    ['completed', '<Response><Hangup/></Response>'],
    ['answered', '<Response><Hangup/></Response>'],
    ['busy', '<Say>The person you called is busy. Goodbye.</Say><Hangup/>'],
    ['no-answer', '<Say>The person you called does not answer. Goodbye.</Say><Hangup/>'],
    ['failed', '<Say>The person you called cannot be reached. Goodbye.</Say><Hangup/>'],
    ['something-new', '<Say>The call could not be connected. Goodbye.</Say><Hangup/>'],
  ])('after a Dial that ended %s', async (status, expected) => {
    const url = await start();
    expect(await answer(`${url}/dial-done`, { DialCallStatus: status })).toContain(expected);
  });

  it.each([
    ['+15550123', 'callerId="+15550100" answerOnBridge="true"><Number>+15550123</Number>'],
    ['(555) 012-3456', '<Number>5550123456</Number>'],
    ['client:bob', 'answerOnBridge="true"><Client>bob</Client>'],
    ['support/tier1/bob', '<Client>support/tier1/bob</Client>'],
    ['sip:bob@example.net;transport=udp', '<Sip>sip:bob@example.net;transport=udp</Sip>'],
    ['<Hangup/>', '<Client>&lt;Hangup/&gt;</Client>'],
    ['', '<Say>That is no number, address or name I can call. Goodbye.</Say><Hangup/>'],
    ['two words', '<Hangup/>'],
  ])('a browser calls %j', async (to, expected) => {
    const url = await start();
    expect(await answer(`${url}/client`, { To: to })).toContain(expected);
  });

  it('status callbacks are logged, one line each whatever they hold', async () => {
    const url = await start();
    const response = await post(`${url}/status`, { CallSid: 'CA1\nforged line', CallStatus: 'ringing' });
    expect(response.status).toBe(204);
    expect(log).toEqual(['/status CallSid=CA1?forged line CallStatus=ringing']);
  });
});

describe('signature', () => {
  it('CR-2 matches the published example of the scheme', () => {
    const form = new URLSearchParams({
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675309',
      Digits: '1234',
      From: '+14158675309',
      To: '+18005551212',
    });
    expect(webhookSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', form)).toBe(
      'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
    );
    expect(signatureMatches('abc', undefined)).toBe(false);
  });

  it('CR-2 refuses requests that the call router did not sign, and takes those it did', async () => {
    const url = await start({ authToken: 'token' });
    const form = { To: 'bob' };
    expect((await post(`${url}/client`, form)).status).toBe(403);
    const signed = webhookSignature('token', `${url}/client?a=1`, new URLSearchParams(form));
    const headers = { 'x-twilio-signature': signed };
    expect((await post(`${url}/client?a=1`, form, headers)).status).toBe(200);
    expect((await post(`${url}/client?a=2`, form, headers)).status).toBe(403);
    expect((await post(`${url}/client?a=1`, { To: 'eve' }, headers)).status).toBe(403);
  });
});

describe('tokens', () => {
  it('signs an access token for an identity', async () => {
    const url = await start();
    const response = await fetch(`${url}/token?identity=support/alice`);
    const { token, expiresAt } = (await response.json()) as { token: string; expiresAt: number };
    const [header = '', claims = '', signature] = token.split('.');
    const mac = createHmac('sha256', SIGNER.apiSecret).update(`${header}.${claims}`).digest('base64url');
    expect(signature).toBe(mac);
    const decoded = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number; grants: unknown };
    expect(decoded).toMatchObject({ iss: SIGNER.apiKey, sub: SIGNER.account });
    expect(decoded.grants).toMatchObject({
      identity: 'support/alice',
      voice: { incoming: { allow: true }, outgoing: { application_sid: SIGNER.application } },
    });
    expect(decoded.exp * 1000).toBe(expiresAt);
    expect(expiresAt).toBeGreaterThan(Date.now());
  });

  it('signs nothing without a key, for no identity, or under a foreign host name', async () => {
    const url = await start();
    expect((await fetch(`${url}/token`)).status).toBe(400);
    expect((await fetch(`${url}/token?identity=a%20b`)).status).toBe(400);
    const foreign = request(`${url}/token?identity=alice`, { headers: { host: 'elsewhere.example' } }).end();
    const [response] = (await once(foreign, 'response')) as [{ statusCode: number; resume: () => void }];
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  it('says what is missing when it has no API key', async () => {
    const url = await start({ signer: undefined });
    const response = await fetch(`${url}/token?identity=alice`);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('HOOKSWITCH_API_KEY');
  });
});

describe('bad requests', () => {
  it('cost nobody else anything', async () => {
    const url = await start();
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    expect((await fetch(`${url}/voice`, { method: 'DELETE' })).status).toBe(405);
    expect((await post(`${url}/status`, { a: 'x'.repeat(70_000) })).status).toBe(413);
    const strange = request(`${url}/voice`, { headers: { host: 'a b' } }).end();
    const [response] = (await once(strange, 'response')) as [{ statusCode: number; resume: () => void }];
    response.resume();
    expect(response.statusCode).toBe(400);
    expect((await fetch(`${url}/voice`)).status).toBe(200);
  });
});
