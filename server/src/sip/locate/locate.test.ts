import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import { parseUri } from '../message/index.ts';
import type { SipUri } from '../message/index.ts';
import { startDnsServer } from '../testing/dns-server.ts';
import type { DnsServer, TestRecord } from '../testing/dns-server.ts';
import type { Resolver, TransportProtocol } from '../transport/index.ts';
import { createDns, createLocator } from './index.ts';

function sip(text: string): SipUri {
  const uri = parseUri(text);
  if (uri?.scheme !== 'sip' && uri?.scheme !== 'sips') throw new Error(text);
  return uri;
}

describe('RFC 3263 section 4: where requests go', () => {
  let server: DnsServer | undefined;
  const clock = new FakeClock();

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function locator(
    records: TestRecord[],
    protocols: TransportProtocol[] = ['udp', 'tcp', 'tls'],
  ): Promise<Resolver> {
    server = await startDnsServer(records);
    const dns = createDns({ clock, servers: [server.address], timeoutMs: 500 });
    return createLocator({ dns, random: seededRandom(1), protocols });
  }

  async function found(resolver: Resolver, uri: string): Promise<string[]> {
    const endpoints = await resolver(sip(uri));
    return endpoints.map(({ protocol, address, port, serverName }) =>
      [protocol, address, port, ...(serverName === undefined ? [] : [serverName])].join(' '),
    );
  }

  it('section 4.1: numeric hosts and their ports are taken as they are, at once', async () => {
    const resolver = await locator([]);
    expect(resolver(sip('sip:a@192.0.2.1'))).toEqual([{ protocol: 'udp', address: '192.0.2.1', port: 5060 }]);
    expect(resolver(sip('sip:a@[2001:db8::1]:5070;transport=TCP'))).toEqual([
      { protocol: 'tcp', address: '2001:db8::1', port: 5070 },
    ]);
    expect(resolver(sip('sips:a@192.0.2.1'))).toEqual([{ protocol: 'tls', address: '192.0.2.1', port: 5061 }]);
    expect(resolver(sip('sips:a@192.0.2.1;transport=tcp'))).toEqual([
      { protocol: 'tls', address: '192.0.2.1', port: 5061 },
    ]);
    expect(resolver(sip('sip:a@name.test;maddr=192.0.2.9;transport=tls'))).toEqual([
      { protocol: 'tls', address: '192.0.2.9', port: 5061, serverName: 'name.test' },
    ]);
    await expect(resolver(sip('sips:a@192.0.2.1;transport=udp'))).rejects.toThrow(/not spoken here/);
    await expect(resolver(sip('sip:a@192.0.2.1;transport=ws'))).rejects.toThrow(/not spoken here/);
    expect(server?.asked).toEqual([]);
  });

  it('section 4.1: NAPTR says which transports, SRV which hosts, A and AAAA where they are', async () => {
    const resolver = await locator([
      { type: 'NAPTR', name: 'example.test', order: 20, service: 'SIP+D2U', replacement: '_sip._udp.example.test' },
      { type: 'NAPTR', name: 'example.test', order: 10, service: 'SIPS+D2T', replacement: '_sips._tcp.example.test' },
      { type: 'NAPTR', name: 'example.test', order: 5, service: 'SIP+D2S', replacement: '_sip._sctp.example.test' },
      { type: 'NAPTR', name: 'example.test', order: 5, flags: 'u', service: 'E2U+sip', replacement: '' },
      { type: 'SRV', name: '_sips._tcp.example.test', port: 5071, target: 'secure.example.test' },
      { type: 'SRV', name: '_sip._udp.example.test', priority: 2, port: 5062, target: 'second.example.test' },
      { type: 'SRV', name: '_sip._udp.example.test', priority: 1, port: 5061, target: 'first.example.test' },
      { type: 'A', name: 'secure.example.test', address: '192.0.2.1' },
      { type: 'AAAA', name: 'secure.example.test', address: '2001:db8::1' },
      { type: 'A', name: 'first.example.test', address: '192.0.2.2' },
      { type: 'A', name: 'second.example.test', address: '192.0.2.3' },
    ]);
    await expect(found(resolver, 'sip:a@Example.test')).resolves.toEqual([
      'tls 192.0.2.1 5071 example.test',
      'tls 2001:db8::1 5071 example.test',
      'udp 192.0.2.2 5061',
      'udp 192.0.2.3 5062',
    ]);
    await expect(found(resolver, 'sips:a@example.test')).resolves.toEqual([
      'tls 192.0.2.1 5071 example.test',
      'tls 2001:db8::1 5071 example.test',
    ]);
  });

  it('section 4.1: without NAPTR the SRV records of each transport that we speak are asked for', async () => {
    const records: TestRecord[] = [
      { type: 'SRV', name: '_sip._tcp.example.test', port: 5062, target: 'host.example.test' },
      { type: 'SRV', name: '_sips._tcp.example.test', port: 5063, target: 'host.example.test' },
      { type: 'A', name: 'host.example.test', address: '192.0.2.2' },
    ];
    const resolver = await locator(records, ['udp', 'tcp']);
    await expect(found(resolver, 'sip:a@example.test')).resolves.toEqual(['tcp 192.0.2.2 5062']);
    await expect(found(resolver, 'sip:a@example.test;transport=tls')).resolves.toEqual([
      'tls 192.0.2.2 5063 example.test',
    ]);
  });

  it('section 4.2: without SRV, and with a port, the host itself is asked for its addresses', async () => {
    const resolver = await locator([{ type: 'A', name: 'host.test', address: '192.0.2.4' }]);
    await expect(found(resolver, 'sip:a@host.test')).resolves.toEqual(['udp 192.0.2.4 5060']);
    await expect(found(resolver, 'sips:a@host.test')).resolves.toEqual(['tls 192.0.2.4 5061 host.test']);
    server?.asked.splice(0);
    await expect(found(resolver, 'sip:a@host.test:5099;transport=tcp')).resolves.toEqual(['tcp 192.0.2.4 5099']);
    expect(server?.asked).toEqual([]);
    await expect(found(resolver, 'sip:a@nobody.test')).rejects.toThrow(/DNS knows no address for sip:a@nobody.test/);
  });

  it('RFC 2782: a target of `.` says that there is no such service', async () => {
    const resolver = await locator([
      { type: 'SRV', name: '_sip._udp.example.test', port: 0, target: '.' },
      { type: 'SRV', name: '_sip._tcp.example.test', port: 5062, target: 'host.test' },
      { type: 'A', name: 'host.test', address: '192.0.2.4' },
    ]);
    await expect(found(resolver, 'sip:a@example.test')).resolves.toEqual(['tcp 192.0.2.4 5062']);
  });

  it('answers are kept by their TTL, that there is nothing too, and a silent server is an error', async () => {
    const resolver = await locator([{ type: 'A', name: 'host.test', address: '192.0.2.4', ttl: 100 }]);
    await found(resolver, 'sip:a@host.test:5060');
    server?.asked.splice(0);
    clock.advance(99_000);
    await found(resolver, 'sip:a@host.test:5060');
    expect(server?.asked).toEqual(['AAAA host.test']);
    server?.asked.splice(0);
    clock.advance(2_000);
    await found(resolver, 'sip:a@host.test:5060');
    expect(server?.asked).toEqual(['A host.test']);
    await server?.close();
    server = undefined;
    clock.advance(200_000);
    await expect(found(resolver, 'sip:a@host.test:5060')).rejects.toThrow(/DNS knows no address/);
    expect(clock.pendingTimers).toBe(0);
  });
});
