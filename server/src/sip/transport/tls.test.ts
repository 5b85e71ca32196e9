import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import type { Authority, Pem } from '../testing/certificates.ts';
import { recordingLog } from '../testing/log.ts';
import { requestText } from '../testing/messages.ts';
import { createTlsClientTransport, openSipTransports, openTlsTransport } from './index.ts';
import type { Endpoint, SingleTransport, TlsTransportOptions } from './index.ts';
import { isIdentity, sipIdentities } from './peer-identity.ts';

describe('TLS transport', () => {
  const closers: (() => unknown)[] = [];
  const { log, errors } = recordingLog();
  const clock = new FakeClock();
  let authority: Authority;
  let ours: Pem;

  beforeAll(async () => {
    authority = await createAuthority();
    ours = await authority.issue(['DNS:sip.example.test', 'IP:127.0.0.1']);
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    expect(errors).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  async function open(options: Partial<TlsTransportOptions> = {}): Promise<SingleTransport> {
    const common = { clock, random: seededRandom(1), log, authorities: authority.cert };
    const transport = await openTlsTransport({ ...common, certificate: ours, ...options });
    closers.push(() => transport.close());
    return transport;
  }

  /** Resolves with the source of what arrived, or rejects with why it could not be sent. */
  function sent(from: SingleTransport, to: SingleTransport, options: Partial<Endpoint> = {}): Promise<Endpoint> {
    return new Promise((resolve, reject) => {
      to.onPacket((_bytes, source) => {
        resolve(source);
      });
      from.send(Buffer.from(requestText()), { ...to.local, ...options }, reject);
    });
  }

  it('RFC 5923: without a port of our own the peer answers over the connection that we opened', async () => {
    const [client, peer] = [
      createTlsClientTransport({ clock, random: seededRandom(2), log, authorities: authority.cert }),
      await open(),
    ];
    closers.push(() => client.close());
    const source = await sent(client, peer);
    expect([client.advertised.port, client.local.port]).toEqual([5061, 5061]);
    const back = new Promise<Endpoint>((resolve) => {
      client.onPacket((_bytes, from) => {
        resolve(from);
      });
    });
    peer.send(Buffer.from(requestText()), source);
    expect(await back).toMatchObject({ protocol: 'tls', port: peer.local.port });
    expect(client.stats.connections).toBe(1);
    // Whose certificate nobody has vouched for is not called.
    const strict = createTlsClientTransport({ clock, random: seededRandom(3), log });
    closers.push(() => strict.close());
    await expect(sent(strict, peer)).rejects.toThrow();
  });

  it('a set without a TLS port goes out by TLS where it is told to, and offers it to nobody', async () => {
    const tlsClient = { authorities: authority.cert };
    const parts = { clock, random: seededRandom(2), log, tlsClient };
    const set = await openSipTransports({ listen: { udp: { port: 0 } }, ...parts });
    closers.push(() => set.close());
    expect(set.protocols).toEqual(['udp']);
    const peer = await open();
    const arrived = new Promise<Endpoint>((resolve) => {
      peer.onPacket((_bytes, source) => {
        resolve(source);
      });
    });
    set.send(Buffer.from(requestText()), peer.local);
    expect(await arrived).toMatchObject({ protocol: 'tls' });
    const listening = await openSipTransports({
      listen: { udp: { port: 0 }, tls: { port: 0, certificate: ours } },
      ...parts,
    });
    closers.push(() => listening.close());
    expect([listening.protocols, listening.members.length]).toEqual([['udp', 'tls'], 2]);
  });

  it('RFC 5922: the certificate of the peer has to be for the name that was asked for', async () => {
    const [a, b] = [await open(), await open()];
    const source = await sent(a, b, { serverName: 'SIP.example.test' });
    expect(source).toMatchObject({ protocol: 'tls', address: '127.0.0.1' });
    await expect(sent(a, b, { serverName: 'other.test' })).rejects.toThrow(
      /is for sip.example.test, 127.0.0.1, not for/,
    );
    // By address: the connection that was checked by name serves it as well.
    await sent(a, b);
    expect(a.stats).toMatchObject({ connections: 1, sendErrors: 1 });
    const answer = new Promise((resolve) => {
      a.onPacket(resolve);
    });
    b.send(Buffer.from('SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'), source);
    await answer;
  });

  it('RFC 5922: an authority that nobody knows is refused, unless peers are not verified', async () => {
    const stranger = await createAuthority('Stranger');
    const b = await open({ certificate: await stranger.issue(['DNS:sip.example.test']) });
    await expect(sent(await open(), b, { serverName: 'sip.example.test' })).rejects.toThrow(
      /unable to verify|self.signed/,
    );
    await sent(await open({ verifyPeers: false }), b, { serverName: 'whatever.test' });
  });

  it('what a Contact names by address is checked by the name that this address proved before', async () => {
    const b = await open({ certificate: await authority.issue(['DNS:sip.example.test']) });
    const a = await open();
    await expect(sent(a, b)).rejects.toThrow(/not for 127.0.0.1/);
    await sent(a, b, { serverName: 'sip.example.test' });
    const closed = new Promise((resolve) => {
      a.onFlowClosed(resolve);
    });
    clock.advance(3_600_000);
    await closed;
    await sent(a, b);
  });

  it('certificates of peers that connect are checked where they are required', async () => {
    const b = await open({ clientCertificates: 'require' });
    const source = await sent(await open({ certificate: await authority.issue(['DNS:phone.test']) }), b, {
      serverName: 'sip.example.test',
    });
    expect(source.serverName).toBe('phone.test');
    const bare = connect({ host: '127.0.0.1', port: b.local.port, ca: authority.cert, servername: 'sip.example.test' });
    closers.push(() => bare.destroy());
    await new Promise((resolve) => bare.once('error', resolve).once('close', resolve));
  });

  it('TLS 1.1 is refused, garbage in place of a handshake is too, and neither harms the listener', async () => {
    const b = await open();
    const old = connect({
      host: '127.0.0.1',
      port: b.local.port,
      ca: authority.cert,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    });
    closers.push(() => old.destroy());
    await new Promise((resolve) => old.once('error', resolve).once('close', resolve));
    await sent(await open(), b);
  });

  it('a certificate whose files change is read again; a broken one leaves the old one in place', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sip-tls-'));
    closers.push(() => rm(directory, { recursive: true }));
    const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const write = async (pem: Pem, stamp: number): Promise<void> => {
      await writeFile(certFile, pem.cert);
      await writeFile(keyFile, pem.key);
      await utimes(certFile, stamp, stamp);
    };
    await write(ours, 1_000);
    const b = await open({ certificate: { certFile, keyFile } });
    const presented = async (): Promise<readonly string[]> => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port: b.local.port, rejectUnauthorized: false });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const names = sipIdentities(socket.getPeerCertificate());
      socket.destroy();
      return names;
    };
    const until = async (expected: string): Promise<void> => {
      clock.advance(60_000);
      while ((await presented())[0] !== expected) await new Promise(setImmediate);
    };
    await until('sip.example.test');
    await write(await authority.issue(['DNS:renewed.test']), 2_000);
    await until('renewed.test');
    await write({ cert: 'broken', key: ours.key }, 3_000);
    await until('renewed.test');
    await expect(open({ certificate: { certFile, keyFile } })).rejects.toThrow();
  });
});

describe('RFC 5922 section 7: the identities of a certificate', () => {
  const identities = (subjectaltname: string | undefined, CN = 'common.test'): readonly string[] =>
    sipIdentities({ subject: { CN }, ...(subjectaltname === undefined ? {} : { subjectaltname }) } as never);

  it('URIs of sip without a user come first, then DNS names, then the common name', () => {
    expect(identities('DNS:a.test, URI:sip:B.test, URI:sip:user@c.test, URI:https://d.test')).toEqual(['b.test']);
    expect(identities('DNS:A.test, DNS:b.test, IP Address:192.0.2.1')).toEqual(['a.test', 'b.test', '192.0.2.1']);
    expect(identities('IP Address:192.0.2.1')).toEqual(['192.0.2.1']);
    expect(identities('email:x@y.test')).toEqual(['common.test']);
    expect(identities(undefined)).toEqual(['common.test']);
    // A value with separators in it comes quoted, and stays one value.
    expect(identities('DNS:"a.test, DNS:evil.test"')).toEqual(['a.test, dns:evil.test']);
  });

  it('names are compared whole: no wildcards, no parts', () => {
    const certificate = {
      subject: {},
      subjectaltname: 'DNS:*.a.test, DNS:b.test, IP Address:2001:DB8:0:0:0:0:0:1',
    } as never;
    expect(isIdentity(certificate, 'x.a.test')).toBe(false);
    expect(isIdentity(certificate, 'B.TEST.')).toBe(true);
    expect(isIdentity(certificate, 'x.b.test')).toBe(false);
    expect(isIdentity(certificate, '2001:db8::1')).toBe(true);
  });
});
