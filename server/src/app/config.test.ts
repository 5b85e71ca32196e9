import { describe, expect, it } from 'vitest';
import { ConfigError, configHelp } from './config-options.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import { isExposed } from './platform.ts';

const read = (argv: readonly string[], env: Record<string, string> = {}): Config => {
  const config = readConfig(argv, env);
  if (config === 'help') throw new Error('help');
  return config;
};

describe('configuration', () => {
  it('stays on loopback with preferred ports by default', () => {
    const config = read([]);
    expect(config.http).toEqual({ host: '127.0.0.1', port: { number: 8080, fixed: false } });
    expect(config.sip).toEqual({
      host: '127.0.0.1',
      addresses: ['127.0.0.1'],
      strangers: 'reject',
      reliableProvisionals: 'supported',
      sessionInterval: 1800,
      keepAliveMs: 25_000,
      port: { number: 5060, fixed: false },
      tls: undefined,
    });
    expect(config.tls).toBeUndefined();
    expect(config.trunk.allow).toEqual(['127.0.0.0/8', '::1/128']);
    expect(config.mediaPrivate).toEqual(['127.0.0.0/8', '::1/128']);
  });

  it('MC-9 recordings come from public addresses alone once others reach the server, but for those that are listed', () => {
    expect(read(['--host', '0.0.0.0']).mediaPrivate).toEqual([]);
    expect(read(['--public-address', '203.0.113.7', '--media-private', '10.1.0.0/16,fd00::/8']).mediaPrivate).toEqual([
      '10.1.0.0/16',
      'fd00::/8',
    ]);
    expect(() => read(['--media-private', '10.1.0.0'])).toThrow(/--media-private/);
  });

  it('a gateway alone needs the bus and the key of the others', () => {
    const env = { NATS_URL: 'nats://127.0.0.1:4222', HOOKSWITCH_MASTER_KEY: 'a key' };
    expect(read([]).roles).toEqual(['gateway', 'call', 'media']);
    expect(read(['--roles', 'gateway'], env).roles).toEqual(['gateway']);
    expect(() => read(['--roles', 'gateway'], { NATS_URL: env.NATS_URL })).toThrow(/HOOKSWITCH_MASTER_KEY/);
    expect(() => read(['--roles', 'media'])).toThrow(/--roles media/);
    expect(read(['--roles', 'media'], env).roles).toEqual(['media']);
    expect(() => read(['--roles', 'scheduler'])).toThrow(/--roles scheduler/);
  });

  it('a public address opens the sockets and turns TLS on', () => {
    const config = read(['--public-address', '192.0.2.9', '--sip-port', '5080']);
    expect(config.http.host).toBe('0.0.0.0');
    expect(config.sip).toMatchObject({ host: '0.0.0.0', port: { number: 5080, fixed: true } });
    expect(config.tls).toBe('self-signed');
  });

  it('SIP: two families, and TLS where it is asked for', () => {
    const config = read(['--sip-host', '127.0.0.1,::1', '--sip-tls-port', '0']);
    expect(config.sip).toMatchObject({ host: '127.0.0.1', addresses: ['127.0.0.1', '::1'] });
    expect(config.sip.tls).toEqual({
      port: { number: 0, fixed: false },
      certificate: 'self-signed',
      clients: 'none',
    });
    const [cert, key] = [import.meta.filename, import.meta.filename];
    expect(read(['--sip-tls-cert', cert, '--sip-tls-key', key]).sip.tls).toMatchObject({
      port: { number: 5061, fixed: false },
      certificate: { certFile: cert, keyFile: key },
    });
    expect(read(['--public-address', '2001:db8::1']).sip.addresses).toEqual(['::']);
  });

  it.each([
    [[], false],
    [['--host', '127.0.0.2'], false],
    [['--host', '::1'], false],
    [['--public-address', '192.0.2.9'], true],
    [['--public-address', '192.0.2.9', '--host', '127.0.0.1'], true],
    [['--host', '0.0.0.0'], true],
    [['--host', '192.0.2.9'], true],
    [['--host', '::'], true],
  ])('%j: demo tokens need the key: %s', (argv, exposed) => {
    expect(isExposed(read(argv))).toBe(exposed);
  });

  it('takes every option from the environment, arguments first', () => {
    const env = { HOOKSWITCH_PORT: '9000', HOOKSWITCH_SIP_PORT: '0', NATS_URL: 'nats://a', DATABASE_URL: '' };
    const config = read(['--port', '9001'], env);
    expect(config.http.port).toEqual({ number: 9001, fixed: true });
    expect(config.sip.port).toEqual({ number: 0, fixed: false });
    expect(config.natsUrl).toBe('nats://a');
    expect(config.databaseUrl).toBeUndefined();
  });

  it.each([
    [['--port', '70000'], '--port'],
    [['--public-address', 'example.com'], '--public-address'],
    [['--rtp-ports', '100-200'], '--rtp-ports'],
    [['--media-timeout', '3'], '--media-timeout'],
    [['--quality-interval', 'often'], '--quality-interval'],
    [['--tls-cert', 'a.pem'], '--tls-key'],
    [['--sip-tls-cert', 'a.pem'], '--sip-tls-key'],
    [['--sip-tls-ca', '/nowhere.pem'], '--sip-tls-ca'],
    [['--sip-tls-clients', 'maybe'], '--sip-tls-clients'],
    [['--sip-host', '127.0.0.1,127.0.0.2'], '--sip-host'],
    [['--allow-trunk', '10.0.0.0/99'], '--allow-trunk'],
    [['--prot', '1'], '--prot'],
  ])('refuses %j and names the option', (argv, named) => {
    expect(() => readConfig(argv, {})).toThrow(ConfigError);
    expect(() => readConfig(argv, {})).toThrow(named);
  });

  it('help names every option', () => {
    expect(readConfig(['--help'], {})).toBe('help');
    expect(configHelp()).toContain('--public-address');
  });
});
