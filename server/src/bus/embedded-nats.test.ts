import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processAlive, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { Bus } from './connection.nats.ts';
import { EmbeddedNats, findNatsServer } from './embedded-nats.ts';
import { EventStreams } from './streams.nats.ts';
import { eventually } from './testing/eventually.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

describe('embedded nats-server', () => {
  let directory: string;
  let nats: EmbeddedNats;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hs-nats-'));
    nats = await EmbeddedNats.start({ directory, ...parts });
  });
  afterAll(async () => {
    await nats.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('keeps its credentials and configuration to itself', async () => {
    for (const file of ['credentials.json', 'nats.conf']) {
      expect((await stat(join(directory, file))).mode & 0o077).toBe(0);
    }
    const anonymous = connect({ servers: new URL(nats.url).host, reconnect: false });
    await expect(anonymous).rejects.toThrow(/authorization/i);
  });

  it('EV-5 a backend subscriber with the plain client sees events, and can do nothing else', async () => {
    const bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
    const streams = await EventStreams.open(bus);
    const { host, username, password } = new URL(nats.subscriberUrl);
    const backend = await connect({ servers: host, user: username, pass: password, reconnect: false });
    const refused: string[] = [];
    void (async () => {
      for await (const status of backend.status()) refused.push(status.type);
    })();
    const seen: string[] = [];
    const events = backend.subscribe('hs.ev.>');
    void (async () => {
      for await (const msg of events) seen.push(msg.subject);
    })();
    backend.subscribe('hs.rpc.>');
    backend.subscribe('$KV.>');
    backend.publish('hs.in.0.AC1.app.x', 'forged');
    backend.publish('$JS.API.STREAM.DELETE.EVENTS_0', '');
    await backend.flush();
    await streams.publish('AC1', 'app.x', {
      specversion: '1.0',
      id: 'e1',
      source: 'n',
      type: 'app.x',
      time: '2030-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      accountsid: 'AC1',
      data: {},
    });
    await eventually(() => {
      expect(seen).toEqual(['hs.ev.AC1.app.x']);
      expect(refused).toHaveLength(4);
    });
    expect((await bus.jsm.streams.info('EVENTS_0')).config.name).toBe('EVENTS_0');
    await backend.close();
    streams.close();
    await bus.close();
  });

  it('comes back on the same port after kill -9, and clients with it', async () => {
    const bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
    const seen: string[] = [];
    bus.nc.subscribe('test.subject', { callback: (_, msg) => void seen.push(msg.string()) });
    const before = nats.pid;
    expect(before).toBeDefined();
    const back = new Promise<void>((resolve) => bus.on('reconnected', resolve));
    process.kill(before!, 'SIGKILL');
    await back;
    expect(nats.pid).not.toBe(before);
    bus.nc.publish('test.subject', 'hello');
    await eventually(() => {
      expect(seen).toEqual(['hello']);
    });
    await bus.close();
  });

  it('refuses a second server on the same data, and leaves the first alone', async () => {
    await expect(EmbeddedNats.start({ directory, ...parts })).rejects.toThrow(/already runs on this data/);
    expect(processAlive(nats.pid!)).toBe(true);
  });
});

describe('embedded nats-server and the death of its owner', () => {
  it('is stopped by close', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hs-nats-'));
    const nats = await EmbeddedNats.start({ directory, ...parts });
    const pid = nats.pid!;
    await nats.close();
    expect(processAlive(pid)).toBe(false);
    expect(nats.pid).toBeUndefined();
    await rm(directory, { recursive: true });
  });

  it('does not outlive an owner that was killed with SIGKILL', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hs-nats-'));
    const owner = await ownerProcess(directory);
    process.kill(owner.pid, 'SIGKILL');
    await eventually(() => {
      expect(processAlive(owner.server)).toBe(false);
    });
    // A server whose guard was killed as well is found by its pid file and replaced.
    const second = await ownerProcess(directory);
    process.kill(second.guard, 'SIGKILL');
    process.kill(second.pid, 'SIGKILL');
    expect(processAlive(second.server)).toBe(true);
    const nats = await EmbeddedNats.start({ directory, ...parts });
    expect(processAlive(second.server)).toBe(false);
    await nats.close();
    await rm(directory, { recursive: true });
  });

  it('says what to do when there is no binary', () => {
    expect(() => findNatsServer({ HOOKSWITCH_NATS_SERVER: '/nonexistent' })).toThrow(/HOOKSWITCH_NATS_SERVER names/);
  });
});

/** A process that starts the server and then waits to be killed. */
async function ownerProcess(directory: string): Promise<{ pid: number; server: number; guard: number }> {
  const script = `
    import { readFileSync } from 'node:fs';
    import { EmbeddedNats } from ${JSON.stringify(new URL('./embedded-nats.ts', import.meta.url).href)};
    import { silentLog, systemClock, systemRandom } from ${JSON.stringify(new URL('../kernel/index.ts', import.meta.url).href)};
    const nats = await EmbeddedNats.start({ directory: ${JSON.stringify(directory)}, clock: systemClock, random: systemRandom, log: silentLog });
    const stat = readFileSync('/proc/' + nats.pid + '/stat', 'utf8');
    console.log(nats.pid + ' ' + stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve) => {
    child.stdout.once('data', (data: Buffer) => {
      resolve(data.toString());
    });
  });
  const [server, guard] = line.trim().split(' ').map(Number);
  return { pid: child.pid!, server: server!, guard: guard! };
}
