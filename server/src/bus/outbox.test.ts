import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { topics } from '@hookswitch/shared';
import type { HookswitchEvent } from '@hookswitch/shared';
import { createLog, createMetrics, delay, freeTcpPort, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { FakeClock } from '../kernel/clock.fake.ts';
import { Bus } from './connection.nats.ts';
import { EmbeddedNats } from './embedded-nats.ts';
import { EventOutbox } from './outbox.nats.ts';
import type { OutboxOptions } from './outbox.nats.ts';
import { OutboxQueue } from './outbox-queue.ts';
import { readEvents, streamRange } from './read-events.nats.ts';
import type { StoredEvent } from './read-events.nats.ts';
import { EventStreams } from './streams.nats.ts';
import { eventSubject, ingestFilter } from './subjects.ts';
import { eventually } from './testing/eventually.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const ACCOUNT = 'AC00000000000000000000000000000001';

describe('event outbox on a real nats-server', () => {
  let directory: string;
  let nats: EmbeddedNats;
  let bus: Bus;
  let streams: EventStreams;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hs-outbox-'));
    nats = await EmbeddedNats.start({ directory, ...parts });
    bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
    streams = await EventStreams.open(bus);
  });
  afterAll(async () => {
    streams.close();
    await bus.close();
    await nats.close();
    await rm(directory, { recursive: true, force: true });
  });

  const outboxWith = (options: Partial<OutboxOptions> = {}): EventOutbox =>
    new EventOutbox({ url: nats.url, node: 'n1', metrics: createMetrics(), ...parts, ...options });
  const emptied = (outbox: EventOutbox): Promise<void> =>
    eventually(() => {
      expect(outbox.pending).toBe(0);
    }, 30_000);
  const ringing = (outbox: EventOutbox, callSid: string, sequence: number, account = ACCOUNT): void => {
    const data = { callSid, direction: 'inbound', from: '+15550111', to: '+15550100' } as const;
    outbox.emit({ accountSid: account, type: 'call.ringing', subject: callSid, data, sequence });
  };
  const history = async (account: string, pattern: string): Promise<StoredEvent[]> => {
    const found: StoredEvent[] = [];
    const filter = ingestFilter(account, pattern);
    // This connection has its own way back after a kill of the server: a request of that moment may be lost.
    await eventually(async () => {
      await streamRange(bus, streams.streamOf(account));
    }, 30_000);
    for await (const event of readEvents(bus, { stream: streams.streamOf(account), fromSeq: 1, filter }))
      found.push(event);
    return found;
  };
  const envelope = (event: { data: Uint8Array }): HookswitchEvent =>
    JSON.parse(Buffer.from(event.data).toString()) as HookswitchEvent;

  it('holds events back while the lease of the node is in doubt, and refuses them once it was taken', async () => {
    const account = 'AC0000000000000000000000000000fe4ce';
    let gate: 'open' | 'held' | 'shut' = 'held';
    const metrics = createMetrics();
    const outbox = outboxWith({ gate: () => gate, metrics });
    const flowing = outboxWith();
    ringing(outbox, 'CAheld', 0, account);
    // Another one's event, emitted later, is stored meanwhile.
    ringing(flowing, 'CAother', 0, account);
    await emptied(flowing);
    expect(outbox.pending).toBe(1);
    gate = 'open';
    outbox.resume();
    await emptied(outbox);
    expect((await history(account, 'calls.>')).map((event) => envelope(event).subject)).toEqual(['CAother', 'CAheld']);
    gate = 'held';
    ringing(outbox, 'CAlate', 1, account);
    gate = 'shut';
    outbox.resume();
    ringing(outbox, 'CAnever', 2, account);
    expect((await metrics.expose()).body).toContain('hookswitch_outbox_refused_total{reason="fenced"} 1');
    await outbox.close();
    await flowing.close();
    expect(await history(account, 'calls.>')).toHaveLength(2);
  });

  it('EV-1 stamps an event and publishes it on each of its topics with positions', async () => {
    const outbox = outboxWith({ fence: () => 7 });
    const live: { topic: string; seq: number; epoch: string; event: HookswitchEvent }[] = [];
    bus.nc.subscribe(eventSubject(ACCOUNT, '>'), {
      callback: (_, msg) => {
        const got = streams.parse(msg);
        if (got !== undefined) live.push({ topic: got.topic, ...got.position, event: envelope(got) });
      },
    });
    await bus.nc.flush();
    const data = { callSid: 'CA1', direction: 'inbound', from: '+15550111', to: 'client:alice' } as const;
    outbox.emit({ accountSid: ACCOUNT, type: 'call.initiated', subject: 'CA1', data, sequence: 0 });
    await outbox.close();
    await eventually(() => {
      expect(live).toHaveLength(2);
    });
    expect(live.map((x) => x.topic)).toEqual([
      topics.call('CA1', 'initiated'),
      topics.number('+15550111', 'initiated'),
    ]);
    expect(live[1]?.seq).toBe((live[0]?.seq ?? 0) + 1);
    expect(live[0]?.epoch).toBe(streams.epochOf(ACCOUNT));
    expect(live[0]?.event).toEqual(live[1]?.event);
    expect(live[0]?.event).toMatchObject({
      specversion: '1.0',
      source: 'n1',
      type: 'call.initiated',
      accountsid: ACCOUNT,
      subject: 'CA1',
      fence: 7,
      sequence: 0,
      data,
    });
  });

  it('EV-1 kill -9 of nats-server in a burst: every event is there once and in order', async () => {
    const outbox = outboxWith();
    const accounts = [ACCOUNT, 'AC00000000000000000000000000000002', 'AC00000000000000000000000000000003'];
    const total = 3000;
    for (let i = 0; i < total; i++) {
      for (const account of accounts) ringing(outbox, 'CAburst', i, account);
      if (i === 700 || i === 1900) process.kill(nats.pid!, 'SIGKILL');
      if (i % 20 === 0) await delay(systemClock, 1);
      if (i === 1200) await emptied(outbox);
    }
    await emptied(outbox);
    await outbox.close();
    for (const account of accounts) {
      const sequences = (await history(account, 'calls.CAburst.>')).map((event) => envelope(event).sequence);
      expect(sequences).toEqual(Array.from({ length: total }, (_, i) => i));
    }
  });

  it('EV-1 events wait in order for a NATS server that starts late', async () => {
    const port = await freeTcpPort();
    const late = await mkdtemp(join(tmpdir(), 'hs-late-'));
    const first = await EmbeddedNats.start({ directory: late, port, ...parts });
    await first.close();
    const outbox = outboxWith({ url: first.url });
    for (let i = 0; i < 10; i++) ringing(outbox, 'CAx', i);
    expect(outbox.pending).toBe(10);
    const second = await EmbeddedNats.start({ directory: late, port, ...parts });
    const lateBus = await Bus.connect({ url: second.url, name: 'late', ...parts });
    const lateStreams = await EventStreams.open(lateBus);
    await emptied(outbox);
    await outbox.close();
    const sequences: (number | undefined)[] = [];
    for await (const event of readEvents(lateBus, { stream: lateStreams.streamOf(ACCOUNT), fromSeq: 1 })) {
      sequences.push(envelope(event).sequence);
    }
    expect(sequences).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    lateStreams.close();
    await lateBus.close();
    await second.close();
    await rm(late, { recursive: true });
  });

  it('a connection attempt that fails after the close is the last one', async () => {
    const clock = new FakeClock();
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    let failures = 0;
    const log = createLog({
      level: 'debug',
      destination: { write: (line) => (failures += /cannot connect/.test(line) ? 1 : 0) },
    });
    const outbox = outboxWith({ url: `nats://127.0.0.1:${port}`, clock, log });
    ringing(outbox, 'CA9', 0);
    await eventually(() => {
      expect(sockets).toHaveLength(1);
    });
    const closing = outbox.close(100);
    clock.advance(100);
    await closing;
    for (const socket of sockets) socket.destroy();
    mute.close();
    await eventually(() => {
      expect(failures).toBe(1);
    });
    expect(clock.pendingTimers).toBe(0);
    expect(sockets).toHaveLength(1);
  });

  it('EV-9 a full outbox keeps the oldest, refuses the newest and counts them', async () => {
    const metrics = createMetrics();
    const outbox = outboxWith({ url: 'nats://127.0.0.1:1', metrics, limits: { maxMessages: 5 } });
    for (let i = 0; i < 8; i++) ringing(outbox, 'CAx', i);
    expect(outbox.pending).toBe(5);
    expect((await metrics.expose()).body).toContain('hookswitch_outbox_refused_total{reason="full"} 3');
    await outbox.close(0);
    ringing(outbox, 'CAx', 9);
    expect((await metrics.expose()).body).toContain('hookswitch_outbox_refused_total{reason="closed"} 6');
  });

  it('bad input does not throw out of emit and is counted', async () => {
    const metrics = createMetrics();
    const outbox = outboxWith({ metrics });
    const data = { identity: 'a//b', registration: 'r' };
    outbox.emit({ accountSid: ACCOUNT, type: 'client.registered', subject: 'a//b', data });
    expect((await metrics.expose()).body).toContain('hookswitch_outbox_refused_total{reason="invalid"} 1');
    await outbox.close();
  });

  it('EV-6 the same event published again is stored once', async () => {
    const event: HookswitchEvent = {
      specversion: '1.0',
      id: 'same',
      source: 'n',
      type: 'app.x',
      time: '2030-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      accountsid: ACCOUNT,
      data: null,
    };
    const first = await streams.publish(ACCOUNT, 'app.x', event);
    const again = await streams.publish(ACCOUNT, 'app.x', event);
    const other = await streams.publish(ACCOUNT, 'app.y', event);
    expect(first.duplicate).toBe(false);
    expect(again).toEqual({ position: first.position, duplicate: true });
    expect(other.duplicate).toBe(false);
  });

  it('who is not the first with an id is told that what is stored is another one', async () => {
    const [first, second] = [outboxWith(), outboxWith({ node: 'n2' })];
    const data = { callSid: 'CAsame', direction: 'inbound', from: '+15550111', to: '+15550100' } as const;
    const emit = (outbox: EventOutbox): Promise<[string, boolean]> =>
      new Promise((resolve) => {
        const onSettled = (...settled: [string, boolean]): void => {
          resolve(settled);
        };
        outbox.emit({ accountSid: ACCOUNT, type: 'call.ringing', subject: 'CAsame', id: 'one', data, onSettled });
      });
    expect(await emit(first)).toEqual(['stored', false]);
    expect(await emit(second)).toEqual(['stored', true]);
    await Promise.all([first.close(), second.close()]);
  });

  it('a stream that was deleted is made anew, its epoch changes and the outbox goes on', async () => {
    const outbox = outboxWith();
    ringing(outbox, 'CAy', 0);
    await emptied(outbox);
    const before = streams.epochOf(ACCOUNT);
    await bus.jsm.streams.delete(streams.streamOf(ACCOUNT));
    ringing(outbox, 'CAy', 1);
    ringing(outbox, 'CAy', 2);
    const changed = new Promise((resolve) => streams.onEpoch(resolve));
    process.kill(nats.pid!, 'SIGKILL');
    await changed;
    await emptied(outbox);
    expect(streams.epochOf(ACCOUNT)).not.toBe(before);
    expect((await history(ACCOUNT, 'calls.CAy.>')).map((event) => envelope(event).sequence)).toEqual([1, 2]);
    await outbox.close();
  });

  it('EV-8 reads history from a sequence by filter, page by page, and ends at the head', async () => {
    const outbox = outboxWith();
    for (let i = 0; i < 120; i++) ringing(outbox, i % 2 === 0 ? 'CAeven' : 'CAodd', i);
    await outbox.close();
    const all = await history(ACCOUNT, 'calls.CAeven.*');
    expect(all).toHaveLength(60);
    const options = { stream: streams.streamOf(ACCOUNT), filter: ingestFilter(ACCOUNT, 'calls.CAeven.*'), batch: 7 };
    const rest: number[] = [];
    for await (const event of readEvents(bus, { ...options, fromSeq: (all[29]?.seq ?? 0) + 1 })) rest.push(event.seq);
    expect(rest).toEqual(all.slice(30).map((event) => event.seq));
    for await (const event of readEvents(bus, { ...options, fromSeq: 1 })) {
      expect(event.seq).toBe(all[0]?.seq);
      break;
    }
    expect(await history(ACCOUNT, 'calls.none.>')).toEqual([]);
  });

  it('an event is stored and delivered within a few milliseconds of emit', async () => {
    const outbox = outboxWith();
    let arrived = (): void => undefined;
    bus.nc.subscribe(eventSubject(ACCOUNT, 'calls.CAfast.ringing'), {
      callback: () => {
        arrived();
      },
    });
    await bus.nc.flush();
    const times: number[] = [];
    for (let i = 0; i < 120; i++) {
      const sent = systemClock.monotonic();
      const stored = new Promise<void>((resolve) => (arrived = resolve));
      ringing(outbox, 'CAfast', i);
      await stored;
      times.push(systemClock.monotonic() - sent);
    }
    await outbox.close();
    times.splice(0, 20);
    times.sort((a, b) => a - b);
    expect(times[50]).toBeLessThan(10);
  });
});

describe('outbox queue', () => {
  const message = (n: number): Parameters<OutboxQueue['push']>[0][number] => ({
    subject: `s${n}`,
    messageId: String(n),
    payload: new Uint8Array(10),
    enqueuedAt: 0,
    stored: false,
  });

  it('sends again from the oldest not stored, leaving out what is', () => {
    const queue = new OutboxQueue(10, 1000);
    for (let n = 0; n < 5; n++) queue.push([message(n)]);
    expect([0, 1, 2, 3].map(() => queue.takeNext()?.number)).toEqual([0, 1, 2, 3]);
    queue.stored(0);
    queue.stored(2);
    queue.rewind();
    const again = [1, 2, 3].map(() => queue.takeNext());
    expect(again.map((next) => next?.number)).toEqual([1, 3, 4]);
    // What was not sent before is not stored before.
    expect(again.map((next) => next?.message.isRepeated)).toEqual([true, true, undefined]);
    expect(queue.takeNext()).toBeUndefined();
    expect(queue.stored(2)).toBeUndefined();
    for (const n of [1, 3, 4]) expect(queue.stored(n)?.subject).toBe(`s${n}`);
    expect([queue.size, queue.bytes, queue.inFlight]).toEqual([0, 0, 0]);
  });

  it('takes a group whole or not at all, by count and by bytes', () => {
    const queue = new OutboxQueue(3, 25);
    expect(queue.push([message(0), message(1)])).toBe(true);
    expect(queue.push([message(2)])).toBe(false);
    expect(queue.size).toBe(2);
    queue.takeNext();
    queue.stored(0);
    expect(queue.push([message(2), message(3)])).toBe(false);
    expect(queue.push([message(2)])).toBe(true);
  });
});
