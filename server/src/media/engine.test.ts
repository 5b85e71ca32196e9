import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../kernel/index.ts';
import { dominantTone } from './audio/goertzel.ts';
import { toneSource } from './audio/tones.ts';
import { createMediaEngine } from './engine.mediasoup.ts';
import type { LegEvents, MediaEngine, Room, RoomEndReason, SipLegMedia } from './ports.ts';
import { sequenceDistance } from './rtp/rtp-packet.ts';
import { RtpPeer } from './testing/rtp-peer.ts';
import { requireWorkerBin } from './testing/worker-bin.ts';

const TONES = [300, 440, 480, 620, 700, 1000, 1400];
let engine: MediaEngine;
let count = 0;

beforeAll(async () => {
  engine = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
});
afterAll(async () => {
  await engine.close();
});

function next<K extends keyof LegEvents>(leg: SipLegMedia, event: K): Promise<LegEvents[K]> {
  return new Promise((resolve) => {
    const off = leg.on(event, (payload) => {
      off();
      resolve(payload);
    });
  });
}

async function newRoom(): Promise<Room & AsyncDisposable> {
  const room = await engine.createRoom({ id: `room-${String(++count)}` });
  return Object.assign(room, { [Symbol.asyncDispose]: () => room.close() });
}

async function phone(room: Room, id: string, extra = {}): Promise<{ peer: RtpPeer; leg: SipLegMedia }> {
  const [peer, leg] = [await RtpPeer.open(), await room.createSipLeg({ id })];
  peer.target = leg.local;
  leg.update(peer.remote(extra));
  return { peer, leg };
}

describe('two phones in a room', () => {
  it('hear each other, whole and in order, at the right frequency', async () => {
    await using room = await newRoom();
    const a = await phone(room, 'a');
    const b = await phone(room, 'b', { codec: 'PCMA' });
    room.connect(a.leg, b.leg);
    const flowing = next(a.leg, 'flowing');
    for (let n = 0; n < 100; n++) {
      a.peer.sendTone(700, n);
      b.peer.sendTone(1000, n, 'PCMA');
      if (n % 10 === 9) await b.peer.until(() => b.peer.packets.length >= n + 1);
    }
    await b.peer.until(() => b.peer.packets.length === 100);
    await a.peer.until(() => a.peer.packets.length === 100);
    await flowing;
    expect(dominantTone(b.peer.heard('PCMA'), TONES, 0.9)).toBe(700);
    expect(dominantTone(a.peer.heard('PCMU'), TONES, 0.9)).toBe(1000);
    const [first] = b.peer.packets;
    expect(first?.marker).toBe(true);
    b.peer.packets.forEach((packet, at) => {
      expect(packet.ssrc).toBe(first?.ssrc);
      expect(sequenceDistance(packet.sequence, first!.sequence)).toBe(at);
      expect((packet.timestamp - first!.timestamp) | 0).toBe(at * 160);
    });
    const statistics = await a.leg.statistics();
    expect(statistics.received).toMatchObject({ packets: 100, lost: 0 });
    expect(statistics.sent.packets).toBe(100);
    await a.peer.close();
    await b.peer.close();
  });

  it('an announcement hides the peer, then the peer is back on the same stream', async () => {
    await using room = await newRoom();
    const a = await phone(room, 'a');
    const b = await phone(room, 'b');
    room.connect(a.leg, b.leg);
    const playback = b.leg.play(toneSource({ frequencies: [440], cadenceMs: [] }, 400));
    for (let n = 0; n < 5; n++) a.peer.sendTone(1000, n);
    await expect(playback.done).resolves.toBe('finished');
    expect(b.peer.packets.length).toBe(20);
    for (let n = 5; n < 25; n++) a.peer.sendTone(1000, n);
    await b.peer.until(() => b.peer.packets.length === 40);
    expect(dominantTone(b.peer.heard().subarray(0, 3200), TONES, 0.9)).toBe(440);
    expect(dominantTone(b.peer.heard().subarray(3200), TONES, 0.9)).toBe(1000);
    expect(new Set(b.peer.packets.map((packet) => packet.ssrc)).size).toBe(1);
    const sequences = b.peer.packets.map((packet) => sequenceDistance(packet.sequence, b.peer.packets[0]!.sequence));
    expect(sequences).toEqual(Array.from({ length: 40 }, (_, at) => at));
    expect(b.peer.packets.map((packet) => packet.marker).filter(Boolean)).toHaveLength(2);
    await a.peer.close();
    await b.peer.close();
  });

  it('a second playback stops the first, close stops the second', async () => {
    await using room = await newRoom();
    const a = await phone(room, 'a');
    const first = a.leg.play(toneSource({ frequencies: [440], cadenceMs: [] }), { loop: true });
    const second = a.leg.play(toneSource({ frequencies: [440], cadenceMs: [] }));
    await expect(first.done).resolves.toBe('stopped');
    await a.leg.close();
    await expect(second.done).resolves.toBe('stopped');
    await expect(a.leg.play(toneSource({ frequencies: [440], cadenceMs: [] })).done).resolves.toBe('stopped');
    await a.peer.close();
  });

  it('keys travel as RFC 4733 events, not as audio', async () => {
    await using room = await newRoom();
    const a = await phone(room, 'a');
    const b = await phone(room, 'b');
    const pressed: string[] = [];
    b.leg.on('dtmf', ({ digit }) => pressed.push(digit));
    b.peer.target = b.leg.local;
    // The phone behind `a` echoes what it gets, so what we send is read back by our own receiver and by the peer.
    a.peer.socket.on('message', (datagram) => {
      b.peer.raw(datagram);
    });
    await expect(a.leg.sendDtmf('1w#d', { toneMs: 60, gapMs: 40 })).resolves.toBe('sent');
    await b.peer.until(() => true);
    const events = a.peer.packets.filter((packet) => packet.payloadType === 101);
    const stamps = [...new Set(events.map((packet) => packet.timestamp))];
    expect(stamps).toHaveLength(3);
    for (const stamp of stamps) {
      const one = events.filter((packet) => packet.timestamp === stamp);
      expect(one.map((packet) => packet.marker)).toEqual(one.map((_, at) => at === 0));
      expect(one.filter((packet) => ((packet.payload[1] ?? 0) & 0x80) !== 0)).toHaveLength(3);
    }
    expect(pressed).toEqual(['1', '#', 'D']);
    await a.peer.close();
    await b.peer.close();
  });

  it('a port is free again after the leg is closed', async () => {
    await using room = await newRoom();
    const a = await phone(room, 'a');
    const { port } = a.leg.local;
    expect(port % 2).toBe(0);
    await a.leg.close();
    const { RtpSocketPair } = await import('./rtp/rtp-socket.ts');
    const again = await RtpSocketPair.bind('127.0.0.1', port);
    expect(again?.port).toBe(port);
    await again?.close();
    await a.peer.close();
  });
});

it('closing a room leaves no socket and no pacing behind, whatever was going on', async () => {
  const sockets = (): number => readdirSync('/proc/self/fd').length;
  const before = sockets();
  const rooms = await Promise.all(Array.from({ length: 5 }, () => newRoom()));
  for (const room of rooms) {
    const [phoneLeg, client] = [await room.createSipLeg({ id: 's' }), await room.createClientLeg({ id: 'c' })];
    phoneLeg.update({ address: '127.0.0.1', port: 9, codec: 'PCMU', direction: 'sendrecv', telephoneEvent: 101 });
    await client.createTransports();
    await client.consume(engine.rtpCapabilities);
    room.connect(phoneLeg, client);
    phoneLeg.play(toneSource({ frequencies: [440], cadenceMs: [] }));
    client.play(toneSource({ frequencies: [440], cadenceMs: [] }));
    void phoneLeg.sendDtmf('123');
  }
  expect(sockets()).toBe(before + 10);
  await Promise.all(rooms.map((room) => room.close()));
  expect(sockets()).toBe(before);
  expect(engine.workers[0]?.rooms).toBe(0);
});

describe('workers', () => {
  it('a killed worker ends its rooms with a reason and is replaced at once', async () => {
    await using other = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const room = await other.createRoom({ id: 'doomed' });
    const leg = await room.createSipLeg({ id: 'a' });
    const client = await room.createClientLeg({ id: 'c' });
    const { send } = await client.createTransports();
    room.connect(leg, client);
    const closed = next(leg, 'closed');
    const ended = new Promise<RoomEndReason>((resolve) => room.onEnded(resolve));
    const [worker] = other.workers;
    process.kill(worker!.pid, 'SIGKILL');
    await expect(ended).resolves.toBe('media-worker-died');
    await expect(closed).resolves.toEqual({ reason: 'media-worker-died' });
    await expect(client.restartIce(send.id)).rejects.toMatchObject({ reason: 'closed' });
    const successor = await other.createRoom({ id: 'next' });
    // Waits for the replacement.
    await successor.createClientLeg({ id: 'd' });
    expect(other.workers[0]?.pid).not.toBe(worker?.pid);
    expect(other.workers[0]?.rooms).toBe(1);
    await expect(room.createSipLeg({ id: 'b' })).rejects.toMatchObject({ reason: 'closed' });
    await successor.close();
  });

  it('a room without a browser has nothing at a worker, goes on without one, and is made without one', async () => {
    await using other = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const room = await other.createRoom({ id: 'phones' });
    const legs = [await room.createSipLeg({ id: 'a' }), await room.createSipLeg({ id: 'b' })];
    room.connect(legs[0]!, legs[1]!);
    expect(other.workers[0]?.rooms).toBe(0);
    expect(other.counts).toMatchObject({ rooms: 1, legs: 2, rtpPorts: 4, objects: { router: 0 } });
    const died = new Promise((resolve) => other.on('worker-died', resolve));
    process.kill(other.workers[0]!.pid, 'SIGKILL');
    await expect(died).resolves.toMatchObject({ rooms: 0 });
    expect(other.workers).toEqual([]);
    const second = await other.createRoom({ id: 'without worker' });
    await second.createSipLeg({ id: 'c' });
    expect(other.counts).toMatchObject({ rooms: 2, legs: 3, rtpPorts: 6 });
    await room.close();
    await second.close();
    expect(other.counts).toMatchObject({ rooms: 0, legs: 0, rtpPorts: 0 });
  });

  it('two browsers that come at once share the router; a room closed meanwhile leaves none behind', async () => {
    await using other = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const room = await other.createRoom({ id: 'a' });
    await Promise.all([room.createClientLeg({ id: '1' }), room.createClientLeg({ id: '2' })]);
    expect(other.workers[0]?.rooms).toBe(1);
    expect(other.counts.objects.producer).toBe(2);
    const hasty = await other.createRoom({ id: 'b' });
    const leg = hasty.createClientLeg({ id: '3' });
    await hasty.close();
    await expect(leg).rejects.toMatchObject({ reason: 'closed' });
    await room.close();
    expect(other.workers[0]?.rooms).toBe(0);
    await vi.waitFor(() => {
      const objects = { router: 0, transport: 0, producer: 0, consumer: 0 };
      expect(other.counts).toEqual({ rooms: 0, legs: 0, rtpPorts: 0, objects });
    });
  });

  it('a binary that cannot run is named with the way out', async () => {
    const broken = createMediaEngine({ log: silentLog, workers: 1, workerBin: '/nonexistent/worker' });
    await expect(broken).rejects.toThrow('npm run setup');
    await expect(broken).rejects.toMatchObject({ reason: 'no-worker' });
  });

  it('workers do not go by a signal to this process: its owner closes them when the calls are over', async () => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const listening = () => signals.map((signal) => process.listenerCount(signal));
    const before = listening();
    const engine = await createMediaEngine({ log: silentLog, workers: 2, workerBin: requireWorkerBin() });
    expect(listening()).toEqual(before);
    await engine.close();
  });

  it('a closed engine refuses rooms and ends the ones it had', async () => {
    const short = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const room = await short.createRoom({ id: 'a' });
    const ended = new Promise<RoomEndReason>((resolve) => room.onEnded(resolve));
    await short.close();
    await expect(ended).resolves.toBe('engine-closed');
    await expect(short.createRoom({ id: 'b' })).rejects.toMatchObject({ reason: 'closed' });
  });
});
