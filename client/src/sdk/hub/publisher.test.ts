import type { ClientFrame } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { settle } from '../kit/clock.fake.ts';
import { setUp } from './hub-client.fake.ts';
import type { FakeLink } from './hub.fake.ts';

type Publish = Extract<ClientFrame, { type: 'publish' }>;
const published = (link: FakeLink): Publish[] => link.take().filter((frame) => frame.type === 'publish');
const position = { epoch: 'e1', seq: 5 };

describe('publishing', () => {
  it('resolves with the position of the stored event; each has an id of its own', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.head = 5;
    await expect(client.publish('app.a', 1)).resolves.toEqual(position);
    await client.publish('app.a', { x: 1 }, { type: 'app.note', eventId: 'id-1' });
    const [first, second] = published(hub.last);
    expect(first?.eventId).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toMatchObject({ topic: 'app.a', data: { x: 1 }, event: 'app.note', eventId: 'id-1' });
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('EV-6 what got no answer is published again over the next connection, under the same id', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.manual.add('publish');
    await connect();
    const lost = client.publish('app.a', 1);
    await settle();
    const [before] = published(hub.last);
    hub.last.drop();
    const later = client.publish('app.a', 2);
    await clock.advance(200);
    hub.manual.clear();
    hub.head = 5;
    const link = await hub.accept();
    await expect(Promise.all([lost, later])).resolves.toEqual([position, position]);
    const again = published(link);
    expect(again.map(({ data }) => data)).toEqual([1, 2]);
    expect(again[0]?.eventId).toBe(before?.eventId);
    expect(again[1]?.eventId).not.toBe(before?.eventId);
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('a server that cannot store just now is asked again; a refusal is final', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.manual.add('publish');
    await connect();
    const refuse = (id: number, code: number, temporary: boolean): void => {
      hub.last.send({ type: 'error', id, code, name: 'x', message: 'no', temporary });
    };
    const stored = client.publish('app.a', 1);
    await settle();
    refuse(1, 150, true);
    await clock.advance(499);
    expect(published(hub.last)).toHaveLength(1);
    await clock.advance(1);
    hub.last.send({ type: 'published', id: 2, eventId: 'e', position });
    await expect(stored).resolves.toEqual(position);
    for (const [code, name] of [
      [120, 'notPermitted'],
      [140, 'limitExceeded'],
    ] as const) {
      const refused = client.publish('app.b', 1);
      await settle();
      refuse(published(hub.last).at(-1)?.id ?? -1, code, code === 140);
      await expect(refused).rejects.toMatchObject({ name });
    }
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up when its time is over, with the last failure; at once where there is no connection to wait for', async () => {
    const { client, hub, clock, connect } = setUp();
    await expect(client.publish('app.a', 1)).rejects.toMatchObject({ name: 'offline' });
    await connect();
    hub.manual.add('publish');
    hub.manual.add('connect');
    const late = expect(client.publish('app.a', 1, { timeoutMs: 3000 })).rejects.toMatchObject({
      name: 'connectionLost',
    });
    const once = expect(client.publish('app.a', 1, { timeoutMs: 0 })).rejects.toMatchObject({ name: 'connectionLost' });
    await settle();
    hub.last.drop();
    await once;
    await clock.advance(3000);
    await late;
    const closed = expect(client.publish('app.a', 1)).rejects.toMatchObject({ name: 'closed' });
    await settle();
    client.close();
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it('a silent server: every try has its own time-out, the last one may end after the time', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.manual.add('publish');
    const late = expect(client.publish('app.a', 1, { timeoutMs: 5000 })).rejects.toMatchObject({ name: 'timeout' });
    await clock.advance(10_000);
    await late;
    client.close();
  });

  it('can be given up by a signal, under way or waiting', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    hub.manual.add('publish');
    const abort = new AbortController();
    const underWay = expect(client.publish('app.a', 1, { signal: abort.signal })).rejects.toThrow('enough');
    await settle();
    abort.abort(new Error('enough'));
    await underWay;
    await expect(client.publish('app.a', 1, { signal: abort.signal })).rejects.toThrow('enough');
    const second = new AbortController();
    hub.last.drop();
    const waiting = expect(client.publish('app.a', 1, { signal: second.signal })).rejects.toThrow('enough');
    await settle();
    second.abort(new Error('enough'));
    await waiting;
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('sends no more at once than the server takes, and keeps the order', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    hub.manual.add('publish');
    const all = Array.from({ length: 450 }, (_, n) => client.publish('app.a', n));
    await settle();
    const seen: unknown[] = [];
    for (let sent = published(hub.last); sent.length > 0; sent = published(hub.last)) {
      expect(sent.length).toBeLessThanOrEqual(200);
      for (const { id, eventId = '', data } of sent) {
        seen.push(data);
        hub.last.send({ type: 'published', id, eventId, position });
      }
      await settle();
    }
    await Promise.all(all);
    expect(seen).toEqual(all.map((_, n) => n));
    client.close();
  });
});
