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
import { BRIDGE_RPC } from '../../bridge/index.ts';
import { NatsNodeRpc } from '../../bridge/node-rpc.nats.ts';
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

  it('CR-4 numbers of the operator: offered, listed, taken back', async () => {
    const added = await run('number-pool add +15105550101,+15105550102 --country US --locality Oakland --json');
    expect(JSON.parse(added.out)).toHaveLength(2);
    expect((await run('number-pool remove +15105550102')).code).toBe(0);
    expect(JSON.parse((await run('number-pool list --country US --json')).out)).toEqual([
      { number: '+15105550101', country: 'US', type: 'local', locality: 'Oakland', region: null },
    ]);
    expect((await run('number-pool add 0510 --country US')).error).toContain('no E.164 number');
    expect((await run('number-pool add +1510 --country usa')).error).toContain('two capital letters');
    expect((await run('number-pool add +1510 --country US --type other')).error).toContain('toll-free');
    expect((await run('number-pool remove +15105550102')).error).toContain('not in the pool');
  });

  it('EV-9 limits of an account: set one by one, shown with the defaults, taken back', async () => {
    const { sid } = await json('accounts create --name limited');
    expect(await json(`limits show --account ${sid}`)).toMatchObject({ account: sid, connections: '10000 (default)' });
    await run(`limits set --account ${sid} --connections 5 --publish-bytes-per-second 1000 --media-bytes 1000000`);
    const set = await json(`limits set --account ${sid} --retention-seconds 60 --connections default`);
    expect(set).toMatchObject({
      connections: '10000 (default)',
      publishBytesPerSecond: '1000',
      mediaBytes: '1000000',
      retentionSeconds: '60',
      subscriptions: '100000 (default)',
    });
    expect((await run(`limits set --account ${sid}`)).error).toContain('no limit was given');
    expect((await run(`limits set --account ${sid} --connections few`)).error).toContain('expected a whole number');
    expect((await run(`limits set --account ${sid} --retention-seconds 999999`)).error).toContain('retentionSeconds');
    expect((await run(`limits show --account AC${'0'.repeat(32)}`)).error).toContain('there is no account');
  });

  it('SIP domains and users: made, shown with the password, removed in order', async () => {
    if ((await run('accounts list --json')).out === '[]') await json('accounts create --name phones');
    const account = (JSON.parse((await run('accounts list --json')).out) as { sid: string }[])[0]?.sid ?? '';
    const domain = await json(`sip-domain add phones.example.com --account ${account}`);
    expect(domain).toMatchObject({ domain: 'phones.example.com', registration: 'allowed' });
    const user = await json('sip-users add alice --domain phones.example.com --caller +4930123');
    expect(user).toMatchObject({ user: 'alice', domain: 'phones.example.com', caller: '+4930123' });
    await eventually(() => {
      expect(directory.phones.user(domain['sid']!, 'alice')?.password).toBe(user['password']);
    });
    expect((await run('sip-users list')).out).not.toContain(user['password']);
    expect((await json('sip-users show alice@phones.example.com'))['password']).toBe(user['password']);
    expect((await run('sip-users add bob --domain nowhere')).error).toContain('there is no SIP domain nowhere');
    expect((await run('sip-domains add x.example.com --registration maybe', ['--account', account])).error).toContain(
      'allow or refuse',
    );
    expect((await run('sip-domains remove phones.example.com')).error).toContain('still used');
    expect((await run('sip-users remove alice')).code).toBe(0);
    expect((await run('sip-domains remove phones.example.com')).code).toBe(0);
    await run(`accounts suspend ${account}`);
  });

  it('creates everything a call needs; the running processes see it at once', async () => {
    expect((await run('keys create --name k')).error).toMatch(/there is no active account/);
    const account = await json('accounts create', ['--name', 'Müller & Söhne']);
    expect(account['authToken']).toMatch(/^[0-9a-f]{32}$/);
    const key = await json('keys create --name first');
    expect(await json('accounts credentials')).toEqual({
      HOOKSWITCH_ACCOUNT: account['sid'],
      HOOKSWITCH_AUTH_TOKEN: account['authToken'],
      HOOKSWITCH_API_KEY: key['sid'],
      HOOKSWITCH_API_SECRET: key['secret'],
    });
    expect((await run('accounts credentials')).out).toContain(`export HOOKSWITCH_API_KEY=${String(key['sid'])}\n`);
    const application = await json('applications create --name ivr --voice-url http://127.0.0.1:9/voice');
    const number = await json('numbers add +4930123456');
    expect(number).toMatchObject({ application: application['sid'], account: account['sid'] });
    const trunk = await json(
      'trunks add --name carrier --allow 192.0.2.0/24,2001:db8::/32 --allow 198.51.100.1/32 --outbound sip.example.com --username u --secret s --codecs PCMA --channels 10',
    );
    expect(trunk).toMatchObject({ gateways: ['sip.example.com'], codecs: ['PCMA'], channels: 10 });
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

  it('makes, shows, changes and removes a trunk with everything it can have', async () => {
    const { sid = '' } = await json(
      'trunk add --name full --gateway sip.example.com;transport=tls,[2001:db8::7]:5062;priority=1;weight=7 --srtp required',
      [
        ...'--inbound-username in --inbound-secret i --username u --secret s --register user --format national'.split(
          ' ',
        ),
        ...'--country 49 --national-prefix 0 --rules 0049:0,:9 --caller-header p-asserted-identity'.split(' '),
        ...'--trusted yes --from-domain example.com --session-timer 600 --channels-in 4 --prefixes +49'.split(' '),
      ],
    );
    const shown = await json('trunks show full');
    expect(shown).toMatchObject({
      sid,
      gateways: ['sip.example.com;transport=tls', '[2001:db8::7]:5062;priority=1;weight=7'],
      rules: ['0049:0', ':9'],
      register: 'user@first gateway',
      optionsIntervalS: 60,
      sessionTimerS: 600,
      trusted: true,
    });
    const changed = await json(`trunk update ${sid} --country 43 --options-interval 0 --trusted no`);
    expect(changed).toMatchObject({
      country: '43',
      nationalPrefix: '0',
      optionsIntervalS: 0,
      trusted: false,
      channelsIn: 4,
    });
    const shares = `AC${'7'.repeat(32)}=10/40`;
    const parted = await json(
      `trunk update ${sid} --channels 60 --sharing subaccounts --shares ${shares} --keep-for-callers 5`,
    );
    expect(parted).toMatchObject({ channels: 60, sharing: 'subaccounts', shares: [shares], keptForCallers: 5 });
    for (const wrong of ['AC1=4', `AC${'7'.repeat(32)}=0/0`]) {
      expect((await run(`trunk update ${sid} --shares ${wrong}`)).error).toContain('expected AC...=RESERVED');
    }
    expect((await run(`trunk update ${sid} --channels 14`)).error).toContain('15 channels are reserved');
    await eventually(() => {
      expect(directory.trunk(sid)).toMatchObject({ inbound: { username: 'in', secret: 'i' }, srtp: 'required' });
    });
    const wrong = await run('trunks add --name t --gateway h;transport=sctp');
    expect(wrong.error).toMatch(/trunk\.settings\.gateways\.0\.transport/);
    expect((await run(`trunks remove ${sid}`)).out).toBe(`${sid} removed`);
    expect((await run(`trunks show ${sid}`)).error).toContain(`there is no trunk ${sid}`);
    for (const host of ['a', 'b']) expect((await run(`trunks add --name twin --gateway ${host}`)).code).toBe(0);
    const twins = await run('trunks remove twin');
    expect([twins.code, twins.error]).toEqual([
      2,
      expect.stringMatching(/several trunks are called twin: give the sid/),
    ]);
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
    ['trunks add --name t --gateway h;color=red', 2, /;color is not known/],
    ['trunks add --name t --gateway h --trusted maybe', 2, /expected yes or no/],
    ['trunks add --name t --rules 00', 2, /expected STRIP:ADD/],
    ['trunks add --name t --outbound a:b:c', 2, /expected HOST or HOST:PORT/],
    ['trunks test carrier', 1, /no server runs on .*: the trial is sent by the server/],
    ['trunks test nobody', 2, /there is no trunk nobody/],
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

    const rpc = new NatsNodeRpc(bus, 'n');
    const said = { gateway: 'sip.example.com/udp', result: 'answers', status: 200, said: '200 OK', ms: 7 };
    rpc.serve(BRIDGE_RPC.testTrunk, () => Promise.resolve({ test: { gateways: [said], registration: 'registered' } }));
    const trial = await run('trunk test carrier');
    rpc.close();
    expect(trial.error).toBe('');
    expect(trial.out.split('\n')).toEqual([
      'GATEWAY              RESULT   SAID    SOFTWARE  MS  REGISTRATION',
      'sip.example.com/udp  answers  200 OK  -         7   registered',
    ]);
  });
});
