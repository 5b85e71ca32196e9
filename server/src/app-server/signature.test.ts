import { describe, expect, it } from 'vitest';
import twilio from 'twilio';
import { outgoingRequest } from './application-request.ts';
import { requestOptions } from './request-options.ts';
import { requestSignature } from './signature.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';

describe('request signature', () => {
  it.each([
    ['https://app.example.com/voice', { CallSid: 'CA1', From: '+15550177', To: '+15550100' }],
    ['https://app.example.com/voice?tenant=7&x=a%20b', { b: '2', a: '1', A: 'upper', Ä: 'umlaut ß €' }],
    ['http://127.0.0.1:8080/', { Empty: '', Spaces: 'a b  c', Ampersand: 'a&b=c' }],
  ])('CR-2 of POST %s is accepted by the official validator', (url, params) => {
    const signature = requestSignature(TOKEN, url, params);
    expect(twilio.validateRequest(TOKEN, signature, url, params)).toBe(true);
    expect(twilio.validateRequest(TOKEN, signature, url, { ...params, more: 'x' })).toBe(false);
    expect(twilio.validateRequest('another', signature, url, params)).toBe(false);
  });

  it('CR-2 of repeated parameters is accepted by the official validator', () => {
    const params = { StatusCallbackEvent: ['ringing', 'answered', 'ringing'] };
    const signature = requestSignature(TOKEN, 'https://app.example.com/', params);
    expect(twilio.validateRequest(TOKEN, signature, 'https://app.example.com/', params)).toBe(true);
  });

  it('CR-2 of a GET covers the URL with its query and nothing else', () => {
    const outgoing = outgoingRequest({
      url: new URL('https://user:secret@app.example.com/voice?x=1#rc=3'),
      method: 'GET',
      params: { From: '+15550177', Text: 'a b' },
      authToken: TOKEN,
      idempotencyToken: 'i',
      cookies: undefined,
      credentials: 'user:secret',
    });
    expect(outgoing.url).toBe('https://app.example.com/voice?x=1&From=%2B15550177&Text=a+b');
    expect(outgoing.body).toBeNull();
    expect(outgoing.headers['authorization']).toBe('Basic dXNlcjpzZWNyZXQ=');
    expect(twilio.validateRequest(TOKEN, outgoing.headers['x-twilio-signature']!, outgoing.url, {})).toBe(true);
  });

  it('is left out for an account without a token', () => {
    const facts = { url: new URL('http://a.test/'), method: 'POST' as const, params: {}, idempotencyToken: 'i' };
    const outgoing = outgoingRequest({ ...facts, authToken: undefined, cookies: undefined, credentials: undefined });
    expect(outgoing.headers).not.toHaveProperty('x-twilio-signature');
  });
});

describe('options in the fragment', () => {
  it('CR-3 are read, defaults otherwise', () => {
    expect(requestOptions('')).toEqual({
      connectMs: 5000,
      readMs: 15_000,
      totalMs: 15_000,
      retries: 1,
      format: 'form',
      retryOn: new Set(['ct']),
    });
    expect(requestOptions('#ct=200&rt=300&tt=1000&rc=5&rp=5xx,rt')).toEqual({
      connectMs: 200,
      readMs: 300,
      totalMs: 1000,
      retries: 5,
      format: 'form',
      retryOn: new Set(['5xx', 'rt']),
    });
    expect(requestOptions('#rp=all').retryOn).toEqual(new Set(['4xx', '5xx', 'ct', 'rt']));
  });

  it('CR-3 out of range or no number are ignored', () => {
    expect(requestOptions('#ct=50&rt=99999&tt=x&rc=6&rp=never')).toEqual(requestOptions(''));
  });
});
