import { describe, expect, it } from 'vitest';
import { ConfigError, configHelp, readConfig } from './config.ts';
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
    expect(config.sip).toEqual({ host: '127.0.0.1', port: { number: 5060, fixed: false } });
    expect(config.tls).toBeUndefined();
    expect(config.trunk.allow).toEqual(['127.0.0.0/8', '::1/128']);
  });

  it('a public address opens the sockets and turns TLS on', () => {
    const config = read(['--public-address', '192.0.2.9', '--sip-port', '5080']);
    expect(config.http.host).toBe('0.0.0.0');
    expect(config.sip).toEqual({ host: '0.0.0.0', port: { number: 5080, fixed: true } });
    expect(config.tls).toBe('self-signed');
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
    [['--tls-cert', 'a.pem'], '--tls-key'],
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
