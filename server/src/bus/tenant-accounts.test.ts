import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HookswitchEvent } from '@hookswitch/shared';
import { delay, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { Bus } from './connection.nats.ts';
import { EmbeddedNats } from './embedded-nats.ts';
import type { NatsTenant } from './nats-config.ts';
import { readEvents, streamRange } from './read-events.nats.ts';
import { EventStreams } from './streams.nats.ts';
import { TenantResponder } from './tenant-accounts.nats.ts';
import { eventually } from './testing/eventually.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
/** One is the beginning of the other. */
const A = 'AC1';
const B = 'AC10';
const tenant = (account: string): NatsTenant => ({
  account,
  logins: [{ user: `SK${account}`, password: `secret-"of ${account}` }],
});

let directory: string;
let nats: EmbeddedNats;
let bus: Bus;
let streams: EventStreams;
let responder: TenantResponder;
const asked: string[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hs-tenants-'));
  nats = await EmbeddedNats.start({ directory, ...parts });
  bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
  streams = await EventStreams.open(bus);
  await nats.setTenants([tenant(A), tenant(B)]);
  responder = new TenantResponder(bus, {
    publish: async (account, topic, body) => {
      asked.push(`${account} ${topic} ${JSON.stringify(body)}`);
      const { position } = await streams.publish(account, topic, event(account, topic));
      return { position };
    },
    history: (account) => Promise.resolve({ of: account }),
  });
});
afterAll(async () => {
  responder.close();
  streams.close();
  await bus.close();
  await nats.close();
  await rm(directory, { recursive: true, force: true });
});

let open: NatsConnection[];
beforeEach(async () => {
  open = [];
  asked.length = 0;
  await nats.setTenants([tenant(A), tenant(B)]);
});
afterEach(async () => {
  for (const nc of open) await nc.close();
});

let count = 0;
const event = (accountsid: string, canary: string): HookswitchEvent => ({
  specversion: '1.0',
  id: `e${++count}`,
  source: 'test',
  type: 'app.test',
  time: '2030-01-01T00:00:00.000Z',
  datacontenttype: 'application/json',
  accountsid,
  data: { canary: `${accountsid}:${canary}` },
});

async function login(account: string, user = `SK${account}`, pass = `secret-"of ${account}`): Promise<NatsConnection> {
  const port = new URL(nats.url).port;
  const nc = await connect({ servers: `127.0.0.1:${port}`, user, pass, reconnect: false, timeout: 3000 });
  open.push(nc);
  return nc;
}

/** What a connection hears on a subject, and whether the server refused it. */
function listen(nc: NatsConnection, subject: string): { readonly heard: string[]; refused: boolean } {
  const state = { heard: [] as string[], refused: false };
  nc.subscribe(subject, {
    callback: (error, msg) => {
      if (error === null) state.heard.push(`${msg.subject} ${msg.string()}`);
      else state.refused = true;
    },
  });
  return state;
}

describe('one NATS account per tenant', () => {
  it('EV-5 a tenant hears its own events on the documented subjects', async () => {
    const a = await login(A);
    const heard = listen(a, `hs.ev.${A}.>`);
    const calls = listen(a, `hs.ev.${A}.calls.*.ended`);
    await a.flush();
    await streams.publish(A, 'calls.CA1.ended', event(A, 'x'));
    await streams.publish(A, 'app.x', event(A, 'y'));
    await eventually(() => {
      expect([heard.heard.length, calls.heard.length]).toEqual([2, 1]);
    });
  });

  it('EV-5 nothing of another tenant reaches it, whatever it subscribes to', async () => {
    const hostile = [
      ...['>', '*', 'hs.>', 'hs.ev.>', 'hs.ev.*.>', `hs.ev.${B}.>`, `hs.ev.${B}.app.x`, 'hs.ev.*.app.x', 'hs.in.>'],
      ...[
        'hs.pub.>',
        'hs.history.>',
        `hs.pub.${B}.app.>`,
        'hs.rpc.>',
        '$JS.>',
        '$JS.API.>',
        '$SYS.>',
        '$KV.>',
        '_R_.>',
      ],
      ...['_INBOX.>', `hs.ev.${A}.>`, 'hs.ev.AC1*.>', '$JS.EVENT.ADVISORY.>'],
    ];
    const a = await login(A);
    const all = hostile.map((subject) => listen(a, subject));
    await a.flush();
    const b = await login(B);
    await b.request(`hs.pub.${B}.app.secret`, '{"canary":"B"}');
    await b.request(`hs.history.${B}`, '{"canary":"B"}');
    await streams.publish(B, 'app.x', event(B, 'x'));
    await bus.js.publish(`hs.in.${streams.shardOf(B)}.${B}.app.y`, JSON.stringify(event(B, 'y')));
    await bus.nc.request('$JS.API.INFO');
    await streams.publish(A, 'app.own', event(A, 'own'));
    await eventually(() => {
      expect(all.at(-3)?.heard).toHaveLength(1);
    });
    await delay(systemClock, 100);
    const leaks = all.flatMap(({ heard }) => heard).filter((line) => !line.startsWith(`hs.ev.${A}.app.own `));
    expect(leaks).toEqual([]);
    expect(all.filter(({ refused }) => !refused)).toHaveLength(2);
  });

  it('EV-5 publishing is acknowledged when it is stored, in the account of the login', async () => {
    const a = await login(A);
    const answer = await a.request(`hs.pub.${A}.app.orders.created`, '{"data":{"order":17}}');
    expect(answer.json()).toEqual({ position: { epoch: streams.epochOf(A), seq: expect.any(Number) as number } });
    expect(asked).toEqual([`${A} app.orders.created {"data":{"order":17}}`]);
    expect((await a.request(`hs.history.${A}`)).json()).toEqual({ of: A });
    const notJson = await a.request(`hs.pub.${A}.app.x`, '{');
    expect(notJson.json()).toMatchObject({ error: { name: 'badFrame' } });
  });

  it.each([
    ...[`hs.pub.${B}.app.x`, `hs.history.${B}`, `hs.pub.${A}.calls.CA1.ended`, `hs.ev.${A}.app.x`, `hs.ev.${B}.app.x`],
    ...['$JS.API.INFO', '$JS.API.STREAM.LIST', '$SYS.REQ.SERVER.PING', '$SYS.REQ.USER.INFO', 'hs.rpc.n1.dial', 'app.x'],
    ...[`hs.in.0.${B}.app.x`, `$KV.tenants.x`, '_INBOX.x'],
  ])('EV-5 a tenant may not publish to %s', async (subject) => {
    const a = await login(A);
    const anything = bus.nc.subscribe('>', { max: 1000 });
    await bus.nc.flush();
    await expect(a.request(subject, 'canary-of-a', { timeout: 300 })).rejects.toThrow();
    anything.unsubscribe();
    for await (const msg of anything) expect(msg.string()).not.toContain('canary-of-a');
    expect(asked).toEqual([]);
  });

  it('a wrong password and an unknown login are refused', async () => {
    await expect(login(A, `SK${A}`, 'wrong')).rejects.toThrow();
    await expect(login(A, `SK${B}`, `secret-"of ${A}`)).rejects.toThrow();
    await expect(login(A, 'nobody', '')).rejects.toThrow();
  });

  it('a reload keeps the connections of others; a tenant that is gone loses its own within 2 s', async () => {
    const [a, b] = [await login(A), await login(B)];
    const heard = listen(b, `hs.ev.${B}.>`);
    await b.flush();
    let ownEnded = false;
    const off = bus.on('disconnected', () => (ownEnded = true));
    const begin = systemClock.monotonic();
    await nats.setTenants([tenant(B), tenant('AC2')]);
    await a.closed();
    expect(systemClock.monotonic() - begin).toBeLessThan(2000);
    expect([b.isClosed(), ownEnded]).toEqual([false, false]);
    await streams.publish(B, 'app.x', event(B, 'x'));
    await eventually(() => {
      expect(heard.heard).toHaveLength(1);
    });
    expect((await b.request(`hs.history.${B}`)).json()).toEqual({ of: B });
    await expect(login(A)).rejects.toThrow();
    const created = await login('AC2');
    expect((await created.request('hs.history.AC2')).json()).toEqual({ of: 'AC2' });
    off();
  });

  it('a login that was withdrawn ends, the others of its tenant stay', async () => {
    const second = { user: 'SK2', password: 'two' };
    await nats.setTenants([{ account: A, logins: [...tenant(A).logins, second] }, tenant(B)]);
    const [one, two] = [await login(A), await login(A, 'SK2', 'two')];
    await nats.setTenants([tenant(A), tenant(B)]);
    await two.closed();
    expect(one.isClosed()).toBe(false);
  });

  it('the login for the events of all tenants still works', async () => {
    const { username: user, password: pass, port } = new URL(nats.subscriberUrl);
    const nc = await connect({ servers: `127.0.0.1:${port}`, user, pass, reconnect: false });
    open.push(nc);
    const heard = listen(nc, 'hs.ev.>');
    await nc.flush();
    await streams.publish(A, 'app.x', event(A, 'x'));
    await streams.publish(B, 'app.x', event(B, 'x'));
    await eventually(() => {
      expect(heard.heard).toHaveLength(2);
    });
  });

  it('EV-4 who reads and writes events does not notice that logins of others change', async () => {
    let changing = true;
    const slowest = async (work: () => Promise<unknown>): Promise<number> => {
      let longest = 0;
      while (changing) {
        const began = systemClock.monotonic();
        await work();
        longest = Math.max(longest, systemClock.monotonic() - began);
      }
      return longest;
    };
    const stream = streams.streamOf(A);
    const read = async (): Promise<void> => {
      for await (const each of readEvents(bus, { stream, fromSeq: 1, toSeq: 3 })) expect(each.seq).toBeLessThan(4);
    };
    const work = [
      slowest(() => streamRange(bus, stream)),
      slowest(read),
      slowest(() => streams.publish(A, 'app.x', event(A, 'x'))),
    ];
    for (let change = 0; change < 40; change++) {
      const own = { ...tenant(A), logins: [...tenant(A).logins, { user: `SK${change}`, password: 'x' }] };
      await nats.setTenants(change % 2 === 0 ? [own] : [own, tenant(`AC2${change}`)]);
    }
    changing = false;
    // A lost request was answered after 5 s with an error.
    for (const longest of await Promise.all(work)) expect(longest).toBeLessThan(4000);
  }, 30_000);

  it('tenants are known after the server was killed', async () => {
    process.kill(nats.pid ?? 0, 'SIGKILL');
    await eventually(async () => {
      const a = await login(A);
      expect((await a.request(`hs.history.${A}`)).json()).toEqual({ of: A });
    });
  });
});

it('the store of a server from before there were accounts is kept', async () => {
  const old = await mkdtemp(join(tmpdir(), 'hs-old-'));
  const first = await EmbeddedNats.start({ directory: old, ...parts });
  const before = await Bus.connect({ url: first.url, name: 'test', ...parts });
  const stored = await EventStreams.open(before);
  const { position } = await stored.publish(A, 'app.x', event(A, 'x'));
  stored.close();
  await before.close();
  await first.close();
  const store = join(old, 'jetstream', 'jetstream');
  await rename(join(store, 'HOOKSWITCH'), join(store, '$G'));
  await mkdir(store, { recursive: true });
  const second = await EmbeddedNats.start({ directory: old, ...parts });
  const after = await Bus.connect({ url: second.url, name: 'test', ...parts });
  const found = await EventStreams.open(after);
  const next = await found.publish(A, 'app.x', event(A, 'y'));
  expect(next.position).toEqual({ epoch: position.epoch, seq: position.seq + 1 });
  found.close();
  await after.close();
  await second.close();
  await rm(old, { recursive: true, force: true });
});
