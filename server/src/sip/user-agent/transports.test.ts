import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics, seededRandom, systemClock, systemRandom } from '../../kernel/index.ts';
import { createDns, createLocator } from '../locate/index.ts';
import { createSdpSession } from '../sdp/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import type { Authority } from '../testing/certificates.ts';
import { startDnsServer } from '../testing/dns-server.ts';
import type { TestRecord } from '../testing/dns-server.ts';
import { recordingLog } from '../testing/log.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { runSipp } from '../testing/sipp.ts';
import type { TappedMessage } from '../transaction/index.ts';
import { openSipTransports, openUdpTransport } from '../transport/index.ts';
import type { Resolver, TransportSet } from '../transport/index.ts';
import type { CallEnd, IncomingCall, UserAgent } from './api.ts';
import { createUserAgent } from './user-agent.ts';

const TIMERS = { t1: 200, t4: 100, d: 200 };
const LOCAL = { address: '127.0.0.1', port: 40_002, codecs: ['PCMU', 'PCMA'] } as const;

/** A user agent on real transports that answers every call. */
interface Peer {
  readonly agent: UserAgent;
  readonly transport: TransportSet;
  readonly calls: IncomingCall[];
  readonly ends: CallEnd[];
  readonly tapped: TappedMessage[];
}

describe('user agents over every transport', () => {
  const closers: (() => unknown)[] = [];
  const { log, errors } = recordingLog();
  let authority: Authority;

  beforeAll(async () => {
    authority = await createAuthority();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    expect(errors).toEqual([]);
  });

  async function open(options: { resolver?: Resolver; address?: string } = {}): Promise<Peer> {
    const transport = await openSipTransports({
      listen: {
        udp: { port: 0 },
        tcp: { port: 0 },
        tls: { port: 0, certificate: await authority.issue(['DNS:peer.test']), authorities: authority.cert },
      },
      addresses: [options.address ?? '127.0.0.1'],
      clock: systemClock,
      random: systemRandom,
      log,
    });
    const peer: Omit<Peer, 'agent'> = { transport, calls: [], ends: [], tapped: [] };
    const agent = createUserAgent({
      transport,
      clock: systemClock,
      random: systemRandom,
      log,
      timers: TIMERS,
      tap: (message) => peer.tapped.push(message),
      ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
      handlers: {
        authorize: () => ({ allow: true, context: undefined }),
        onInvite: (call) => {
          peer.calls.push(call);
          call.listen({ onEnded: (end) => peer.ends.push(end) });
          call.answer(createSdpSession(LOCAL, systemRandom).answerOffer(call.remoteOffer ?? '').sdp);
        },
      },
    });
    closers.push(() => transport.close());
    closers.push(() => {
      agent.close();
    });
    return { ...peer, agent };
  }

  /** Calls, waits for the answer, and hangs up. Resolves when the other side has heard of the end. */
  async function callAndEnd(from: Peer, to: Peer, target: string): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const sdp = createSdpSession(LOCAL, systemRandom).createOffer();
    const call = from.agent.invite(
      { target, from: { uri: 'sip:caller@127.0.0.1' }, sdp },
      {
        onAnswered: () => {
          answered.resolve();
        },
        onFailed: (failure) => {
          answered.reject(new Error(`${failure.status} ${failure.reason}`));
        },
      },
    );
    await answered.promise;
    call.bye();
    await expect.poll(() => to.ends.length).toBe(1);
    expect(to.ends[0]).toMatchObject({ by: 'remote', cause: 'bye' });
  }

  const methods = (peer: Peer): string[] =>
    peer.tapped.map(({ direction, protocol, bytes }) => {
      const [line = ''] = bytes.toString().split('\r\n', 1);
      return `${direction} ${protocol} ${line.startsWith('SIP/2.0') ? line.slice(8, 11) : (line.split(' ')[0] ?? '')}`;
    });

  it.each(['127.0.0.1', '::1'])('TCP: a call over one connection, our Contact and Via say so (%s)', async (address) => {
    const [a, b] = [await open({ address }), await open({ address })];
    const host = address.includes(':') ? `[${address}]` : address;
    await callAndEnd(a, b, `sip:bob@${host}:${b.transport.advertisedFor('tcp').port};transport=tcp`);
    expect(new Set(b.tapped.map(({ protocol }) => protocol))).toEqual(new Set(['tcp']));
    expect(methods(b)).toEqual(['in tcp INVITE', 'out tcp 200', 'in tcp ACK', 'in tcp BYE', 'out tcp 200']);
    const invite = b.tapped[0]?.bytes.toString() ?? '';
    expect(invite).toContain(`Contact: <sip:${host}:${a.transport.advertisedFor('tcp').port};transport=tcp>`);
    expect(invite).toContain(`Via: SIP/2.0/TCP ${host}:`);
    expect(a.transport.stats.connections).toBe(1);
    expect(b.tapped[0]).toMatchObject({
      direction: 'in',
      local: { port: b.transport.advertisedFor('tcp').port },
      callId: b.calls[0]?.callId,
    });
    // The callee hangs up: its request takes the same connection or the listener; both lead to the caller.
    expect(a.agent.stats.calls).toBe(0);
  });

  it('TLS: sips: URIs go by TLS, checked by the name of the URI', async () => {
    const server = await startDnsServer([]);
    closers.push(() => server.close());
    const dns = createDns({ clock: systemClock, servers: [server.address] });
    const resolver = createLocator({ dns, random: seededRandom(1), protocols: ['udp', 'tcp', 'tls'] });
    const [a, b] = [await open({ resolver }), await open()];
    const { port } = b.transport.advertisedFor('tls');
    server.records = [
      { type: 'SRV', name: '_sips._tcp.peer.test', port, target: 'host.test' },
      { type: 'SRV', name: '_sips._tcp.other.test', port, target: 'host.test' },
      { type: 'A', name: 'host.test', address: '127.0.0.1' },
    ];
    await callAndEnd(a, b, 'sips:bob@peer.test');
    expect(new Set(b.tapped.map(({ protocol }) => protocol))).toEqual(new Set(['tls']));
    expect(b.tapped[0]?.bytes.toString()).toMatch(/^Contact: <sips:127\.0\.0\.1:\d+>/m);
    await expect(callAndEnd(a, b, 'sips:bob@other.test')).rejects.toThrow(/503 .*is for peer.test, not for other.test/);
  });

  it('RFC 3263: a gateway with a closed port is passed over at once, the next call does not ask it again', async () => {
    const b = await open();
    const closed = createSocket('udp4');
    await new Promise<void>((resolve) => closed.bind(0, '127.0.0.1', resolve));
    const { port: closedPort } = closed.address();
    await new Promise<void>((resolve) => {
      closed.close(() => {
        resolve();
      });
    });
    const records: TestRecord[] = [
      { type: 'SRV', name: '_sip._udp.carrier.test', priority: 1, port: closedPort, target: 'host.test' },
      {
        type: 'SRV',
        name: '_sip._udp.carrier.test',
        priority: 2,
        port: b.transport.advertisedFor('udp').port,
        target: 'host.test',
      },
      { type: 'A', name: 'host.test', address: '127.0.0.1' },
    ];
    const server = await startDnsServer(records);
    closers.push(() => server.close());
    const dns = createDns({ clock: systemClock, servers: [server.address] });
    const a = await open({ resolver: createLocator({ dns, random: seededRandom(1), protocols: ['udp'] }) });
    const start = systemClock.monotonic();
    await callAndEnd(a, b, 'sip:bob@carrier.test');
    expect(systemClock.monotonic() - start).toBeLessThan(2_000);
    b.ends.splice(0);
    a.tapped.splice(0);
    await callAndEnd(a, b, 'sip:bob@carrier.test');
    expect(a.tapped.filter(({ remote }) => remote.port === closedPort)).toEqual([]);
  });

  it('RFC 3261 section 18.2.2: an answer whose connection is gone goes by a new one to the port of the Via', async () => {
    const b = await open();
    const peer = await openSipTransports({
      listen: { tcp: { port: 0 } },
      clock: systemClock,
      random: systemRandom,
      log,
    });
    closers.push(() => peer.close());
    const back = Promise.withResolvers<string>();
    peer.onPacket((bytes) => {
      back.resolve(bytes.toString());
    });
    const { port } = peer.advertisedFor('tcp');
    // Another connection than the one that peer would be found by, closed before the answer is sent.
    const dialler = await openSipTransports({
      listen: { tcp: { port: 0 } },
      clock: systemClock,
      random: systemRandom,
      log,
    });
    const gone = new Promise((resolve) => {
      b.transport.onFlowClosed(resolve);
    });
    const options = requestText({ method: 'INVITE', via: `Via: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bK-gone` });
    const arrived = expect.poll(() => b.calls.length).toBe(1);
    dialler.send(Buffer.from(options), b.transport.advertisedFor('tcp'));
    await arrived;
    await dialler.close();
    await gone;
    // The 2xx is sent again, as its ACK does not come.
    await expect(back.promise).resolves.toMatch(/^SIP\/2\.0 200 OK/);
  });

  it('RFC 3261 section 18.3: a stream that cannot be read is answered 400, and others go on', async () => {
    const b = await open();
    const peer = await openSipTransports({
      listen: { tcp: { port: 0 } },
      clock: systemClock,
      random: systemRandom,
      log,
    });
    closers.push(() => peer.close());
    const answer = Promise.withResolvers<string>();
    peer.onPacket((bytes) => {
      answer.resolve(bytes.toString());
    });
    const via = `Via: SIP/2.0/TCP 127.0.0.1:${peer.advertisedFor('tcp').port};branch=z9hG4bK-1`;
    const broken = requestText({ method: 'OPTIONS', via }).replace(/Content-Length: 0\r\n/, '');
    peer.send(Buffer.from(broken), b.transport.advertisedFor('tcp'));
    await expect(answer.promise).resolves.toMatch(/^SIP\/2\.0 400 Bad Request \(Content-Length is missing\)/);
    await expect.poll(() => b.transport.stats.connections).toBe(0);
  });

  it('metrics count messages by direction, transport, method and status, and retransmissions', async () => {
    const metrics = createMetrics();
    const [transport, peer] = [await openUdpTransport({ log }), await openUdpTransport({ log })];
    closers.push(() => Promise.all([transport.close(), peer.close()]));
    const agent = createUserAgent({
      transport,
      clock: systemClock,
      random: systemRandom,
      log,
      metrics,
      timers: TIMERS,
      handlers: { authorize: () => ({ allow: true, context: undefined }), onInvite: () => undefined },
    });
    closers.push(() => {
      agent.close();
    });
    let requests = 0;
    peer.onPacket((bytes, source) => {
      // The first one is lost.
      if (++requests === 2) peer.send(Buffer.from(responseText(bytes.toString(), '200 OK', { toTag: 'x' })), source);
    });
    await expect(agent.ping(`sip:127.0.0.1:${peer.local.port}`)).resolves.toBe(200);
    const { body } = await metrics.expose();
    const labels = (direction: string, status: string): string =>
      `{direction="${direction}",transport="udp",method="OPTIONS",status="${status}"}`;
    expect(body).toContain(`hookswitch_sip_messages_total${labels('out', '')} 2`);
    expect(body).toContain(`hookswitch_sip_messages_total${labels('in', '200')} 1`);
    expect(body).toContain('hookswitch_sip_retransmissions_total 1');
    expect(agent.stats.retransmissions).toBe(1);
  });

  it('answers 20 calls of sipp over TLS', async () => {
    const b = await open();
    const { port } = b.transport.advertisedFor('tls');
    // Debian's sipp speaks no TLS: a pipe does that for it.
    const pipe = createServer((plain) => {
      const secure = connect({ host: '127.0.0.1', port, servername: 'peer.test', ca: authority.cert });
      plain.on('error', () => secure.destroy()).pipe(secure);
      secure.on('error', () => plain.destroy()).pipe(plain);
    });
    await new Promise<void>((resolve) => pipe.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => pipe.close(resolve)));
    const { port: entry } = pipe.address() as AddressInfo;
    const args = [
      '-sn',
      'uac',
      `127.0.0.1:${entry}`,
      '-i',
      '127.0.0.1',
      '-t',
      't1',
      '-m',
      '20',
      '-r',
      '20',
      '-d',
      '100',
    ];
    const result = await runSipp(args).result;
    expect({ code: result.code, errors: result.errors }, result.output).toEqual({ code: 0, errors: '' });
    await expect.poll(() => b.ends.length).toBe(20);
    expect(b.tapped.every(({ protocol }) => protocol === 'tls')).toBe(true);
  });

  it.each([
    ['one connection for all calls', 't1'],
    ['a connection for each call', 'tn'],
  ])('answers 50 calls of sipp over TCP: %s', async (_name, mode) => {
    const b = await open();
    const { port } = b.transport.advertisedFor('tcp');
    const args = [
      '-sn',
      'uac',
      `127.0.0.1:${port}`,
      '-i',
      '127.0.0.1',
      '-t',
      mode,
      '-m',
      '50',
      '-r',
      '50',
      '-d',
      '100',
      '-max_socket',
      '1000',
    ];
    const result = await runSipp(args).result;
    expect({ code: result.code, errors: result.errors }, result.output).toEqual({ code: 0, errors: '' });
    await expect.poll(() => b.ends.length).toBe(50);
    expect(b.agent.stats).toMatchObject({ calls: 0, dialogs: 0 });
    expect(b.tapped.every(({ protocol }) => protocol === 'tcp')).toBe(true);
    await expect.poll(() => b.transport.stats.connections).toBe(0);
  });
});
