import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../kit/clock.fake.ts';
import { setUp } from './hub-client.fake.ts';
import { HubClient } from './hub-client.ts';
import { FakeHub } from './hub.fake.ts';

describe('hub client', () => {
  it('connects with a token of the provider and closes without a trace', async () => {
    const { client, hub, clock, connect } = setUp({ client: 'test' });
    const states: string[] = [];
    client.on('state', (state) => states.push(state));
    await connect();
    expect(hub.last.url).toBe('ws://hub/v1/hub');
    expect(hub.last.take()).toEqual([{ type: 'connect', id: 0, token: 'token-1', client: 'test' }]);
    expect(client.info).toMatchObject({ identity: 'alice', accountSid: 'AC' });
    client.close();
    expect(states).toEqual(['connecting', 'connected', 'idle']);
    expect(hub.last.closedWith?.code).toBe(1000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('EV-6 after a loss every subscription resumes from its last position, and repetitions are not delivered', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.head = 7;
    await connect();
    const seen: number[] = [];
    client.subscribe('app.>', (_event, { position }) => seen.push(position.seq));
    client.subscribe('calls.*.ringing', () => undefined);
    await settle();
    hub.event('app.a', 8);
    hub.event('app.a', 9);
    hub.last.drop();
    await clock.advance(200);
    const link = await hub.accept();
    expect(link.take().filter(({ type }) => type === 'subscribe')).toEqual([
      { type: 'subscribe', id: 3, topic: 'app.>', position: { epoch: 'e1', seq: 9 } },
      { type: 'subscribe', id: 4, topic: 'calls.*.ringing', position: { epoch: 'e1', seq: 7 } },
    ]);
    hub.event('app.a', 9);
    hub.event('app.a', 10);
    expect(seen).toEqual([8, 9, 10]);
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('EV-6 a position that could not be honoured is reported as a gap', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    const subscription = client.subscribe('app.>');
    const gaps: string[] = [];
    subscription.on('gap', ({ reason }) => gaps.push(reason));
    await expect(subscription.ready).resolves.toEqual({ recovered: true });
    hub.manual.add('subscribe');
    hub.last.drop();
    await clock.advance(200);
    const link = await hub.accept();
    const [command] = link.take().filter(({ type }) => type === 'subscribe');
    if (command?.type !== 'subscribe') throw new Error('not subscribed again');
    link.send({
      type: 'subscribed',
      id: command.id,
      topic: 'app.>',
      position: { epoch: 'e2', seq: 3 },
      recovered: false,
    });
    await settle();
    expect(gaps).toEqual(['not-recovered']);
    link.send({ type: 'gap', topic: 'app.>', position: { epoch: 'e2', seq: 8 }, recovered: false });
    link.send({ type: 'gap', topic: 'app.>', position: { epoch: 'e2', seq: 8 }, recovered: true });
    expect(gaps).toEqual(['not-recovered', 'server']);
    client.close();
  });

  it('an event that two subscriptions match goes to both, once', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const seen: string[] = [];
    client.subscribe('app.>', () => seen.push('wide'));
    client.subscribe('app.a', () => seen.push('narrow'));
    const second = client.subscribe('app.a', () => seen.push('second'));
    await settle();
    hub.event('app.a', 1);
    hub.event('app.a', 1);
    expect(seen).toEqual(['wide', 'narrow', 'second']);
    second.unsubscribe();
    expect(hub.last.take().some(({ type }) => type === 'unsubscribe')).toBe(false);
    client.close();
  });

  it('the last one to leave unsubscribes', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const a = client.subscribe('app.+x');
    const b = client.subscribe('app.=2Bx');
    await settle();
    a.unsubscribe();
    b.unsubscribe();
    b.unsubscribe();
    expect(hub.last.take().map(({ type }) => type)).toEqual(['connect', 'subscribe', 'unsubscribe']);
    expect(a.topic).toBe('app.=2Bx');
    client.close();
  });

  it('a refused subscription ends with the server’s error; a bad topic is refused at once', async () => {
    const { client, hub, connect } = setUp();
    hub.manual.add('subscribe');
    await connect();
    const subscription = client.subscribe('calls.>');
    const iterating = (async () => {
      for await (const { topic } of subscription) expect(topic).toBe('never');
    })();
    await settle();
    hub.last.send({ type: 'error', id: 1, code: 120, name: 'notPermitted', message: 'no', temporary: false });
    await expect(subscription.ready).rejects.toMatchObject({ name: 'notPermitted', code: 120, temporary: false });
    await expect(iterating).rejects.toMatchObject({ name: 'notPermitted' });
    expect(() => client.subscribe('a..b')).toThrow(/token 2 is empty/);
    client.close();
  });

  it('commands that wait fail when the connection is lost: none is repeated silently', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.manual.add('extension');
    await expect(client.extension('x', 1)).rejects.toMatchObject({ name: 'offline' });
    await connect();
    const lost = client.extension('x', { y: 1 });
    const fails = expect(lost).rejects.toMatchObject({ name: 'connectionLost', temporary: true });
    await settle();
    expect(hub.last.take().at(-1)).toEqual({ type: 'extension', id: 2, extension: 'x', body: { y: 1 } });
    hub.last.drop();
    await fails;
    await clock.advance(200);
    const link = await hub.accept();
    expect(link.take().some(({ type }) => type === 'extension')).toBe(false);
    const outcome = expect(client.extension('x', 2)).rejects.toMatchObject({ name: 'timeout' });
    await clock.advance(10_000);
    await outcome;
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('answers pings; silence for two heartbeats means the connection is dead', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.last.take();
    await clock.advance(29_000);
    hub.last.send({ type: 'ping' });
    hub.last.send({ type: 'ping', n: 7 });
    expect(hub.last.take()).toEqual([{ type: 'pong' }, { type: 'pong', n: 7 }]);
    await clock.advance(29_000);
    expect(client.state).toBe('connected');
    await clock.advance(1_500);
    expect(client.state).toBe('reconnecting');
    client.close();
  });

  it('reconnects with full jitter: a random time below a ceiling that doubles', async () => {
    const { client, hub, clock } = setUp({ random: () => 0.999 });
    void client.connect().catch(() => undefined);
    await settle();
    const delays: number[] = [];
    for (let i = 0; i < 9; i++) {
      const before = hub.links.length;
      const begin = clock.now();
      hub.last.drop();
      while (hub.links.length === before) await clock.advance(50);
      delays.push(Math.round((clock.now() - begin) / 250));
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 32, 32, 32]);
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('the server says when to come back, and jitter comes on top', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.last.send({ type: 'disconnect', code: 4000, reason: 'shutdown', retryAfterMs: 5000 });
    await clock.advance(5100);
    expect(hub.links).toHaveLength(1);
    await clock.advance(50);
    expect(hub.links).toHaveLength(2);
    client.close();
  });

  it('a token that is refused or expired is replaced by a new one of the provider', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.last.drop(4100, 'expired');
    await clock.advance(200);
    await hub.accept();
    expect(hub.last.take()[0]).toMatchObject({ type: 'connect', token: 'token-2' });
    hub.last.drop(4000);
    await clock.advance(300);
    await hub.accept();
    expect(hub.last.take()[0]).toMatchObject({ token: 'token-2' });
    client.close();
  });

  it('with a fixed token an expiry stops the client; a new token starts it again', async () => {
    const { client, hub, connect } = setUp({ token: 'fixed' });
    const errors: string[] = [];
    client.on('error', ({ name }) => errors.push(name));
    await connect();
    hub.last.drop(4100, 'expired');
    expect(client.state).toBe('stopped');
    expect(errors).toEqual(['tokenExpired']);
    const again = client.connect();
    await expect(again).rejects.toMatchObject({ name: 'tokenExpired' });
    await client.updateToken('fresh');
    await hub.accept();
    expect(hub.last.take()[0]).toMatchObject({ token: 'fresh' });
    expect(client.state).toBe('connected');
    client.close();
  });

  it('renews the token when it is about to expire, by the clock or by the server’s word', async () => {
    const clock = new FakeClock();
    const hub = new FakeHub(clock.now() + 3_600_000);
    hub.heartbeatMs = 10_000_000;
    let n = 0;
    const client = new HubClient({
      url: 'ws://h',
      token: () => Promise.resolve(`token-${++n}`),
      transport: hub.transport,
      clock,
      random: () => 0,
      tokenRefreshMs: 60_000,
    });
    void client.connect();
    const link = await hub.accept();
    link.take();
    await clock.advance(3_530_000);
    expect(link.take()).toEqual([]);
    await clock.advance(11_000);
    expect(link.take()).toEqual([{ type: 'refresh', id: 1, token: 'token-2' }]);
    link.send({ type: 'token-will-expire', expiresAt: clock.now() + 5000 });
    hub.expiresAt = clock.now() + 7_200_000;
    await settle();
    expect(link.take()).toEqual([{ type: 'refresh', id: 2, token: 'token-3' }]);
    expect(client.info?.expiresAt).toBe(hub.expiresAt);
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('without a provider the application is told that the token will expire', async () => {
    const { client, hub, connect } = setUp({ token: 'fixed' });
    await connect();
    const told: number[] = [];
    client.on('tokenWillExpire', ({ expiresAt }) => told.push(expiresAt));
    hub.last.send({ type: 'token-will-expire', expiresAt: 99 });
    expect(told).toEqual([99]);
    const updated = client.updateToken('next');
    await settle();
    expect(hub.last.take().at(-1)).toMatchObject({ type: 'refresh', token: 'next' });
    await updated;
    client.close();
  });

  it('a provider that fails is asked again later, and the application hears of it', async () => {
    let failures = 2;
    const { client, hub, clock } = setUp({
      token: () => {
        if (failures-- > 0) throw new Error('no network');
        return 'good';
      },
    });
    const errors: string[] = [];
    client.on('error', ({ message }) => errors.push(message));
    void client.connect();
    await clock.advance(1000);
    await hub.accept();
    expect(client.state).toBe('connected');
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/no network/);
    client.close();
  });

  it('frames that are not understood hurt nobody; as an answer they fail their command', async () => {
    const { client, hub, connect } = setUp();
    hub.manual.add('presence');
    await connect();
    hub.last.text('{"type":"from-the-future","x":1}');
    hub.last.text('not json');
    const answer = client.presence('app.a');
    await settle();
    hub.last.text('{"type":"presence","id":1}');
    await expect(answer).rejects.toMatchObject({ name: 'badAnswer' });
    expect(client.state).toBe('connected');
    client.close();
  });

  it('wakeUp tries at once while waiting, and finds out whether a connection still lives', async () => {
    const { client, hub, clock, connect } = setUp({ random: () => 1 });
    await connect();
    hub.last.drop();
    expect(hub.links).toHaveLength(1);
    client.wakeUp();
    await hub.accept();
    expect(client.state).toBe('connected');
    hub.manual.add('ping');
    client.wakeUp();
    await clock.advance(4000);
    expect(client.state).toBe('reconnecting');
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
