import { describe, expect, it } from 'vitest';
import { maskBody, maskEvent, maskParams, maskSip, maskUrl } from './mask.ts';
import { sdp, sipMessage } from './testing/messages.ts';

const invite = (parts: Omit<Parameters<typeof sipMessage>[0], 'start'>): string =>
  sipMessage({ start: 'INVITE sip:+15550100@127.0.0.1 SIP/2.0', ...parts });

describe('what is masked before anything is kept', () => {
  it.each([
    [
      'digest response',
      invite({
        headers: ['Authorization: Digest username="u", nonce="n", cnonce="c", response="d41d8cd98f", uri="sip:x"'],
      }),
      'd41d8cd98f',
    ],
    ['proxy digest', invite({ headers: ['PROXY-AUTHORIZATION:Digest realm="r",response = "s3cret1"'] }), 's3cret1'],
    ['unquoted response', invite({ headers: ['Authorization: Digest response=s3cret2'] }), 's3cret2'],
    ['folded header', invite({ headers: ['Authorization: Digest realm="r",\r\n response="s3cret3"'] }), 's3cret3'],
    ['basic', invite({ headers: ['Authorization: Basic dXNlcjpwYXNz'] }), 'dXNlcjpwYXNz'],
    ['rspauth', invite({ headers: ['Authentication-Info: rspauth="s3cret4", nc=00000001'] }), 's3cret4'],
    [
      'SRTP key',
      invite({
        body: sdp(['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4']),
      }),
      'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz',
    ],
    [
      'second SRTP key',
      invite({ body: sdp(['a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:AAAA1111|1:4;inline:BBBB2222|2:4']) }),
      'BBBB2222',
    ],
    ['ICE password', invite({ body: sdp(['a=ice-pwd:asd88fgpdd777uzjYhagZg']) }), 'asd88fgpdd777uzjYhagZg'],
    ['k= line', invite({ body: sdp(['k=clear:hush']) }), 'hush'],
    ['password in a URI', sipMessage({ start: 'INVITE sip:bob:hunter2@example.com SIP/2.0' }), 'hunter2'],
    [
      'DTMF by INFO',
      sipMessage({
        start: 'INFO sip:a@127.0.0.1 SIP/2.0',
        type: 'application/dtmf-relay',
        body: ['Signal=7', 'Duration=160'],
      }),
      'Signal=7',
    ],
    [
      'DTMF alone',
      sipMessage({ start: 'INFO sip:a@127.0.0.1 SIP/2.0', type: 'Application/DTMF', body: ['9'] }),
      '\r\n\r\n9',
    ],
  ])('%s', (_what, message, secret) => {
    expect(message).toContain(secret);
    const masked = maskSip(message, true);
    expect(masked).not.toContain(secret);
    expect(masked).toHaveLength(message.length);
    // Nothing but the secret changed.
    const changed = masked.split('').filter((character, at) => character !== message[at]);
    expect(changed.every((character) => character === '*' || character === 'X')).toBe(true);
    expect(changed.length).toBeLessThanOrEqual(secret.length + 10);
  });

  it('leaves the rest as it is', () => {
    const plain = invite({
      headers: ['WWW-Authenticate: Digest realm="r", nonce="n"', 'Contact: <sip:127.0.0.1:5060;transport=tcp>'],
      body: sdp(['a=fingerprint:sha-256 AA:BB', 'a=sendrecv']),
    });
    expect(maskSip(plain, true)).toBe(plain);
    const kept = sipMessage({ start: 'INFO sip:a@b SIP/2.0', type: 'application/dtmf-relay', body: ['Signal=7'] });
    expect(maskSip(kept, false)).toBe(kept);
    const broken = 'INVITE\r\nAuthorization: Digest response="x';
    expect(maskSip(broken, true)).toBe('INVITE\r\nAuthorization: Digest response="*');
    expect(maskSip('', true)).toBe('');
  });

  it('does not take long for a message made to be slow', () => {
    const hostile = `INVITE sip:x SIP/2.0\r\nAuthorization: ${'response='.repeat(7000)}\r\n${'sip:a'.repeat(10_000)}`;
    const before = process.hrtime.bigint();
    maskSip(hostile, true);
    maskSip('sip:a:'.repeat(10_000), true);
    maskUrl(`http://h/${'?a'.repeat(30_000)}`, true);
    maskBody(`password="${'password='.repeat(7000)}`, true);
    expect(Number(process.hrtime.bigint() - before) / 1e6).toBeLessThan(200);
  });

  it('requests to applications: what they collect, tokens, passwords', () => {
    const params = { CallSid: 'CA1', Digits: '4111', AccessToken: 'abc', apiKey: 'k', From: '+1', monkey: 'yes' };
    expect(maskParams(params, true)).toEqual({ ...params, Digits: '****', AccessToken: '***', apiKey: '*' });
    expect(maskParams(params, false)['Digits']).toBe('4111');
    const same = { CallSid: 'CA1' };
    expect(maskParams(same, true)).toBe(same);
    expect(maskUrl('https://u:p@h.example/a?x=1&token=abc&Digits=12#f', true)).toBe(
      'https://h.example/a?x=1&token=***&Digits=**#f',
    );
    expect(maskBody('<Sip username="u" password="p&quot;w">sip:a:pw@b</Sip><Play digits="123"/>', true)).toBe(
      '<Sip username="u" password="********">sip:a:**@b</Sip><Play digits="***"/>',
    );
  });

  it('events: what opens a call, what a caller typed', () => {
    expect(maskEvent('client.incoming', { token: 'sealed', callSid: 'CA1' }, true)).toEqual({
      token: '***',
      callSid: 'CA1',
    });
    expect(maskEvent('call.digit', { digit: '5' }, true)).toEqual({ digit: '*' });
    expect(maskEvent('call.digit', { digit: '5' }, false)).toEqual({ digit: '5' });
    expect(maskEvent('call.instructions-requested', { url: 'http://h/?password=x' }, true)).toEqual({
      url: 'http://h/?password=*',
    });
  });
});
