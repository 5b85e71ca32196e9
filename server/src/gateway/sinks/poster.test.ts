import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { seededRandom, systemClock } from '../../kernel/index.ts';
import { isPublicAddress } from './address-guard.ts';
import { UndiciPoster } from './poster.undici.ts';
import { isSecret, newSecret, signatureHeaders } from './signature.ts';

const request = (url: string) => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: '[]',
  timeoutMs: 500,
  signal: new AbortController().signal,
});

describe('webhook requests', () => {
  it('go to public addresses only, whatever notation hides another one', () => {
    const closed = [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '192.168.0.1',
      '100.64.0.1',
      '0.0.0.0',
      '::1',
      'fd00::1',
    ];
    const hidden = ['::ffff:127.0.0.1', '::ffff:7f00:1', 'fe80::1', '224.0.0.1', '255.255.255.255', 'x'];
    for (const address of [...closed, ...hidden]) expect([address, isPublicAddress(address)]).toEqual([address, false]);
    for (const address of ['93.184.215.14', '2606:2800:21f:cb07::1']) expect(isPublicAddress(address)).toBe(true);
  });

  it('are not made to loopback by default: no literal, no name, no number in disguise', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const poster = new UndiciPoster({ clock: systemClock });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]']) {
      const outcome = await poster.post(request(`http://${host}:${port}/`));
      expect(outcome).toMatchObject({ status: undefined });
      expect(outcome.problem).toContain('not a public address');
    }
    expect(asked).toBe(0);
    await poster.close();
    server.close();
  });

  it('end in time, follow no redirect, and read Retry-After as seconds and as a date', async () => {
    const server = createServer(({ url }, response) => {
      if (url === '/redirect') response.writeHead(302, { location: '/taken' }).end();
      else if (url === '/seconds') response.writeHead(503, { 'retry-after': '7' }).end();
      else if (url === '/date') {
        response.writeHead(429, { 'retry-after': new Date(systemClock.now() + 60_000).toUTCString() }).end();
      } else if (url === '/taken') response.writeHead(200).end('x'.repeat(1000));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const poster = new UndiciPoster({ clock: systemClock, allowPrivate: true });
    expect(await poster.post(request(`${base}/taken`))).toEqual({ status: 200, problem: undefined });
    expect(await poster.post(request(`${base}/redirect`))).toMatchObject({ status: 302 });
    expect(await poster.post(request(`${base}/seconds`))).toMatchObject({ status: 503, retryAfterMs: 7000 });
    expect((await poster.post(request(`${base}/date`))).retryAfterMs).toBeGreaterThan(50_000);
    expect((await poster.post(request(`${base}/hangs`))).problem).toContain('no answer within 500 ms');
    await poster.close();
    server.closeAllConnections();
    server.close();
  });

  it('are signed as Standard Webhooks are', () => {
    // The specification's own example: secret, message id, time stamp and body with its signature.
    const headers = signatureHeaders('whsec_plJ3nmyCDGBKInavdOK15jsl', {
      id: 'msg_loFOjxBNrRLzqYUf',
      at: 1_731_705_121_000,
      body: '{"event_type":"ping","data":{"success":true}}',
    });
    expect(headers['webhook-signature']).toBe('v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=');
    expect(isSecret(newSecret(seededRandom(1)))).toBe(true);
    expect(isSecret('whsec_c2hvcnQ=')).toBe(false);
  });
});
