import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bus, EmbeddedNats } from '../../bus/index.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { SecretBox, loadMasterKey, masterKeyFile } from '../../tenants/index.ts';
import type { Directory } from '../../tenants/index.ts';
import { EmbeddedPostgres } from '../../tenants/embedded-postgres.pg.ts';
import { openKvDirectory } from '../../tenants/mirror.nats.ts';
import { runCli } from './index.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

describe('hookswitch command line', () => {
  let dataDir: string;
  let nats: EmbeddedNats;
  let postgres: EmbeddedPostgres;
  let bus: Bus;
  let directory: Directory;
  let env: Record<string, string>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hs-cli-'));
    nats = await EmbeddedNats.start({ directory: join(dataDir, 'nats'), ...parts });
    postgres = await EmbeddedPostgres.start({ directory: join(dataDir, 'postgres'), ...parts });
    bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
    const secrets = new SecretBox(loadMasterKey(masterKeyFile(dataDir), {}, systemRandom), systemRandom);
    directory = await openKvDirectory({ bus, secrets, log: silentLog });
    env = { NATS_URL: nats.url, DATABASE_URL: postgres.url };
  });
  afterAll(async () => {
    directory.close();
    await bus.close();
    await Promise.all([nats.close(), postgres.close()]);
    await rm(dataDir, { recursive: true });
  });

  async function run(command: string, extra: string[] = []): Promise<{ code: number; out: string; error: string }> {
    const lines: Record<'out' | 'error', string[]> = { out: [], error: [] };
    const code = await runCli([...command.split(' '), ...extra], {
      out: (line) => lines.out.push(line),
      error: (line) => lines.error.push(line),
      signal: new AbortController().signal,
      defaultDataDir: dataDir,
      env,
    });
    return { code, out: lines.out.join('\n'), error: lines.error.join('\n') };
  }
  const json = async (command: string, extra: string[] = []): Promise<Record<string, string>> => {
    const { code, out, error } = await run(`${command} --json`, extra);
    expect(error).toBe('');
    expect(code).toBe(0);
    return JSON.parse(out) as Record<string, string>;
  };

  it('creates everything a call needs; the running processes see it at once', async () => {
    expect((await run('keys create --name k')).error).toMatch(/there is no active account/);
    const account = await json('accounts create', ['--name', 'Müller & Söhne']);
    expect(account['authToken']).toMatch(/^[0-9a-f]{32}$/);
    const key = await json('keys create --name first');
    const application = await json('applications create --name ivr --voice-url http://127.0.0.1:9/voice');
    const number = await json('numbers add +4930123456');
    expect(number).toMatchObject({ application: application['sid'], account: account['sid'] });
    const trunk = await json(
      'trunks add --name carrier --allow 192.0.2.0/24,2001:db8::/32 --allow 198.51.100.1/32 --outbound sip.example.com --username u --secret s --codecs PCMA --channels 10',
    );
    expect(trunk).toMatchObject({ outbound: 'sip.example.com:5060', codecs: ['PCMA'], channels: 10 });
    expect(JSON.stringify(trunk)).not.toContain('"s"');
    await eventually(() => {
      expect(directory.trunkBySourceIp('198.51.100.1')?.digest).toEqual({ username: 'u', secret: 's' });
    });
    expect(directory.numberByE164('+4930123456')?.applicationSid).toBe(application['sid']);
    expect(directory.apiKey(key['sid']!)?.secret).toBe(key['secret']);
    const changed = await json(`applications update ${application['sid']!} --voice-url http://127.0.0.1:10/`);
    expect(changed).toMatchObject({ name: 'ivr', voiceUrl: 'http://127.0.0.1:10/' });

    const { out } = await run(
      `token --identity support/alice --ttl 60 --subscribe calls.> --application ${String(application['sid'])}`,
    );
    const claims = jwt.verify(out, key['secret']!) as jwt.JwtPayload;
    expect(claims).toMatchObject({
      iss: key['sid'],
      sub: account['sid'],
      grants: {
        identity: 'support/alice',
        voice: { incoming: { allow: true }, outgoing: { application_sid: application['sid'] } },
        hub: { subscribe: ['clients.support.alice.>', 'calls.>'] },
      },
    });
    expect(claims.exp! - claims.iat!).toBe(60);
  });

  it('prints tables for people and hides secrets', async () => {
    const { out } = await run('accounts list');
    expect(out.split('\n')[0]).toMatch(/^SID +NAME +STATUS +CREATED$/);
    expect(out).toContain('Müller & Söhne');
    for (const command of ['keys list', 'numbers list', 'applications list', 'trunks list']) {
      const listed = await run(command);
      expect(listed.code).toBe(0);
      expect(listed.out).not.toMatch(/secret|v1\./i);
    }
  });

  it('suspends an account, and asks which one when there are several', async () => {
    const [{ sid } = { sid: '' }] = JSON.parse((await run('accounts list --json')).out) as { sid: string }[];
    await json('accounts create --name second');
    expect((await run('keys create --name k')).error).toMatch(/several accounts: name one with --account/);
    await json(`accounts suspend ${sid}`);
    await eventually(() => {
      expect(directory.accountBySid(sid)?.status).toBe('suspended');
    });
    expect(await json(`accounts activate ${sid}`)).toMatchObject({ status: 'active' });
  });

  it.each([
    ['frobnicate', 2, /not a command \(see/],
    ['accounts', 2, /one of: accounts create, accounts list/],
    ['accounts create', 2, /--name NAME is missing[^]*usage: hookswitch accounts create --name NAME/],
    ['accounts create --nmae x', 2, /Unknown option '--nmae'/],
    ['accounts list surplus', 2, /'surplus' is too much/],
    ['accounts suspend', 2, /AC\.\.\. is missing/],
    ['accounts suspend AC00000000000000000000000000000000', 1, /there is no account AC0+/],
    ['token --identity alice --ttl 1e9', 2, /--ttl 1e9: expected a whole number from 1 to 86400/],
    ['trunks add --name t --outbound a:b:c', 2, /expected HOST or HOST:PORT/],
    ['accounts list --data-dir /nonexistent --json', 1, /no server runs on|does not open/],
  ])('%s explains what is wrong', async (command, code, message) => {
    if (command.includes('/nonexistent')) env = {};
    const result = await run(command);
    env = { NATS_URL: nats.url, DATABASE_URL: postgres.url };
    expect(result.error).toMatch(message);
    expect(result.code).toBe(code);
    expect(result.out).toBe('');
  });

  it('finds the running server by its run-state file', async () => {
    const state = {
      pid: process.pid,
      startedAt: '2030-01-01T00:00:00Z',
      node: 'n',
      dataDir,
      pageUrl: 'http://127.0.0.1:1/',
      health: 'http://127.0.0.1:1/healthz',
      gateway: { ws: 'ws://127.0.0.1:1/', socketio: 'http://127.0.0.1:1/' },
      sip: { host: '127.0.0.1', port: 5060 },
      nats: { url: nats.url, subscriberUrl: nats.subscriberUrl },
      database: { url: postgres.url },
      account: 'AC1',
      numbers: [],
      children: { mediaWorkers: [] },
    };
    await writeFile(join(dataDir, 'run.json'), JSON.stringify(state));
    env = {};
    const { out, code } = await run('accounts list');
    expect(code).toBe(0);
    expect(out).toContain('Müller & Söhne');
  });
});
