import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Emitter } from '../../kernel/index.ts';
import { readRunState } from '../run-state.ts';
import { runStart } from '../start.ts';
import { runCli } from './index.ts';

/** What a command prints, line by line, while it runs. */
class Printed {
  readonly lines: string[] = [];
  readonly #emitter = new Emitter<{ line: undefined }>((error) => {
    throw error;
  });

  readonly out = (line: string): void => {
    this.lines.push(line);
    this.#emitter.emit('line', undefined);
  };

  async until(seen: (lines: readonly string[]) => boolean): Promise<void> {
    if (seen(this.lines)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#emitter.on('line', () => {
      if (seen(this.lines)) resolve();
    });
    await promise;
    stop();
  }
}

describe('hookswitch hub', () => {
  let dataDir: string;
  let server: Promise<number>;
  const stop = new AbortController();
  const env = { ...process.env };

  const start = async (
    argv: string,
    signal = new AbortController().signal,
  ): Promise<{ code: number; printed: Printed; error: string }> => {
    const [printed, error] = [new Printed(), new Printed()];
    const io = { out: printed.out, error: error.out, columns: 120, signal, defaultDataDir: dataDir, env };
    const code = await runCli(argv.split(' '), io);
    return { code, printed, error: error.lines.join('\n') };
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hs-hub-cli-'));
    const said = new Printed();
    const argv = [
      '--data-dir',
      dataDir,
      '--port',
      '0',
      '--sip-port',
      '0',
      '--no-demo',
      '--media-workers',
      '1',
      '--log-level',
      'silent',
    ];
    server = runStart(argv, { out: said.out, error: said.out, signal: stop.signal, defaultDataDir: dataDir, env });
    await Promise.race([said.until((lines) => lines.some((line) => line.includes('http'))), server]);
  }, 120_000);
  afterAll(async () => {
    stop.abort();
    await server;
    await rm(dataDir, { recursive: true });
  });

  it('the cluster of that server: what waits, accounts, trunks, and the address of the page', async () => {
    const rows = async (verb: string): Promise<unknown> => {
      const { code, printed, error } = await start(`cluster ${verb} --json`);
      expect(code, error).toBe(0);
      return JSON.parse(printed.lines.join('\n'));
    };
    const { account, pageUrl, operatorKey } = readRunState(dataDir)!;
    expect(await rows('queue')).toMatchObject([
      {
        account: '(all)',
        waiting: 0,
        scheduled: 0,
        running: 0,
        longestWaitS: null,
        name: expect.stringMatching(/^scheduled by \w+$/) as string,
      },
    ]);
    expect(await rows('tenants')).toMatchObject([{ account, status: 'active', calls: 0, queued: 0 }]);
    expect(await rows('trunks')).toMatchObject([{ name: 'demo', channels: '0', up: ['127.0.0.1:5070/udp'], down: [] }]);
    expect(await rows('console')).toEqual({ page: `${pageUrl}#cluster`, operatorKey });
    expect((await start('cluster queue --limit 5000')).code).not.toBe(0);
  });

  it('tails a topic, publishes on it, and lists the connections', async () => {
    const printed = new Printed();
    const abort = new AbortController();
    const io = {
      out: printed.out,
      error: printed.out,
      columns: 120,
      signal: abort.signal,
      defaultDataDir: dataDir,
      env,
    };
    const first = await start('hub publish app.orders --data {"n":1} --type order.made');
    expect(first.error).toBe('');
    expect(first.printed.lines[0]).toMatch(/^app\.orders {2}\S+ {2}stored at \d+$/);
    const tailing = runCli(['hub', 'tail', 'app.>', '--last', '5'], io);
    await printed.until((lines) => lines.some((line) => line.includes('{"n":1}')));
    const listed = await start('hub connections --json');
    const [client] = JSON.parse(listed.printed.lines.join('\n')) as {
      identity: string;
      topics: string[];
      transport: string;
    }[];
    expect(client).toMatchObject({ identity: 'operator', topics: ['app.>'], transport: 'ws' });
    await start('hub publish app.orders --data {"n":2}');
    await printed.until((lines) => lines.some((line) => line.includes('{"n":2}')));
    expect(printed.lines[0]).toMatch(/^\d{4}-\S+Z +\d+ {2}order\.made {2}app\.orders {2}\{"n":1\}$/);
    abort.abort();
    expect(await tailing).toBe(0);
    const counted = await start('hub tail app.orders --last 2 --count 2 --json');
    expect(counted.printed.lines.map((line) => (JSON.parse(line) as { event: { data: unknown } }).event.data)).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
    await expect.poll(async () => (await start('hub connections')).printed.lines).toEqual(['(none)']);
  });

  it('EV-9 a limit of an account that is set while the server runs holds at once, and its end too', async () => {
    expect((await start('hub publish app.limited')).code).toBe(0);
    expect((await start('limits set --publish-burst 0')).code).toBe(0);
    await expect
      .poll(async () => (await start('hub publish app.limited')).error, { timeout: 20_000 })
      .toMatch(/the account publishes more than 500 events a second/);
    await start('limits set --publish-burst default');
    await expect.poll(async () => (await start('hub publish app.limited')).code, { timeout: 20_000 }).toBe(0);
  }, 60_000);

  it('connections are shown to the operator alone, of a process that is a gateway only too', async () => {
    const state = readRunState(dataDir);
    const own = await mkdtemp(join(tmpdir(), 'hs-hub-gateway-'));
    const gatewayStop = new AbortController();
    const said = new Printed();
    const argv = ['--data-dir', own, '--roles', 'gateway', '--port', '0', '--log-level', 'silent'];
    await copyFile(join(dataDir, 'master.key'), join(own, 'master.key'));
    const masterKey = (await readFile(join(own, 'master.key'), 'utf8')).trim();
    const gateway = runStart(argv, {
      out: said.out,
      error: said.out,
      signal: gatewayStop.signal,
      defaultDataDir: own,
      env: { ...env, NATS_URL: state?.nats.url, HOOKSWITCH_MASTER_KEY: masterKey },
    });
    await Promise.race([said.until((lines) => lines.some((line) => line.includes('http'))), gateway]);
    expect((await start(`hub connections --data-dir ${own}`)).printed.lines, said.lines.join()).toEqual(['(none)']);
    const url = new URL('/v1/hub/connections', readRunState(own)?.pageUrl);
    const strangers = [undefined, 'Bearer ', `Bearer ${state?.operatorKey ?? ''}`, 'Basic QUM6eA=='];
    for (const authorization of strangers) {
      const answer = await fetch(url, authorization === undefined ? {} : { headers: { authorization } });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="hookswitch"']);
      expect(await answer.json()).not.toHaveProperty('connections');
    }
    gatewayStop.abort();
    await gateway;
    await rm(own, { recursive: true });
  }, 60_000);

  it.each([
    ['hub publish calls.x', 2, /calls\.x is not below app\./],
    ['hub publish app.x --data {', 2, /not JSON/],
    ['hub tail', 2, /TOPIC is missing/],
    ['hub tail a..b', 2, /not a topic/],
    ['hub tail app.> --last many', 2, /--last many/],
    ['hub tail app.> --account AC00000000000000000000000000000000', 1, /AC0+/],
    ['hub nothing', 2, /one of tail, connections, publish/],
    ['hub tail app.> --data-dir /nonexistent', 1, /no server runs/],
  ])('%s explains what is wrong', async (command, code, message) => {
    const { code: got, error } = await start(command);
    expect(error).toMatch(message);
    expect(got).toBe(code);
  });
});
