import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import { RtpPeer } from '../testing/rtp-peer.ts';
import { NodeRtpEndpoint } from './node-rtp-endpoint.ts';
import { parseRtcp, serializeRtcp, toNtp } from './rtcp-packet.ts';
import type { RtpPortListener } from './rtp-port-owner.ts';
import type { AudioPacket } from './rtp-sender.ts';
import { RtpPortAllocator, RtpSocketPair } from './rtp-socket.ts';

const FRAME = { format: 'PCMU', bytes: new Uint8Array(160).fill(0x55) } as const;

class Heard implements RtpPortListener {
  readonly audio: AudioPacket[] = [];
  readonly keys: string[] = [];
  gaps = 0;
  media = 0;
  excuses = 0;
  #waiting: (() => void) | undefined;
  onAudio(packet: AudioPacket): void {
    this.audio.push(packet);
  }
  onGap(): void {
    this.gaps++;
  }
  onKeyPress(press: { digit: string }): void {
    this.keys.push(press.digit);
  }
  onExcuse(): void {
    this.excuses++;
  }
  onMedia(): void {
    this.media++;
    queueMicrotask(() => this.#waiting?.());
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

let clock: FakeClock;
let heard: Heard;
let endpoint: NodeRtpEndpoint;
let peer: RtpPeer;

beforeEach(async () => {
  clock = new FakeClock();
  heard = new Heard();
  const socket = await new RtpPortAllocator('127.0.0.1').open();
  endpoint = new NodeRtpEndpoint({ socket, clock, random: seededRandom(1), codec: 'PCMU', listener: heard });
  peer = await RtpPeer.open();
  peer.target = endpoint.local;
});
afterEach(async () => {
  await endpoint.close();
  await peer.close();
  expect(clock.pendingTimers).toBe(0);
});

function tick(count: number, of = endpoint): void {
  for (let n = 0; n < count; n++) {
    clock.advance(20);
    of.tick(clock.monotonic());
  }
}

describe('RTP endpoint over loopback', () => {
  it('sends nothing before it knows where to, then to the SDP, then to where media comes from', async () => {
    expect(endpoint.play(FRAME, 'x', 0)).toBeUndefined();
    const named = await RtpPeer.open();
    endpoint.update(named.remote());
    endpoint.play(FRAME, 'x', 0);
    await named.until(() => named.packets.length === 1);
    peer.sendTone(700, 0); // same address, another port: symmetric RTP
    await heard.until(() => heard.audio.length === 1);
    endpoint.play(FRAME, 'x', 20);
    await peer.until(() => peer.packets.length === 1);
    expect(named.packets).toHaveLength(1);
    expect(peer.packets[0]?.ssrc).toBe(named.packets[0]?.ssrc);
    await named.close();
  });

  it('BR-4 a stream that has begun goes on as silence while nobody says anything', async () => {
    endpoint.update(peer.remote());
    tick(20);
    endpoint.play(FRAME, 'x', clock.monotonic());
    tick(9);
    await peer.until(() => peer.packets.length === 1);
    tick(3);
    await peer.until(() => peer.packets.length === 4);
    const [spoken, ...silent] = peer.packets;
    expect(silent.map(({ payload }) => new Set(payload))).toEqual(Array(3).fill(new Set([0xff])));
    expect(silent.map(({ marker }) => marker)).toEqual([true, false, false]);
    const start = spoken?.timestamp ?? 0;
    expect(silent.map(({ timestamp }) => (timestamp - start) >>> 0)).toEqual([1600, 1760, 1920]);
    endpoint.play(FRAME, 'x', clock.monotonic());
    endpoint.update(peer.remote({ direction: 'recvonly' }));
    tick(20);
    endpoint.update(peer.remote());
    tick(1);
    await peer.until(() => peer.packets.length === 6);
  });

  it('hold: recvonly and 0.0.0.0 and port 0 send nothing, sendonly hands on nothing; resume goes on', async () => {
    endpoint.update(peer.remote());
    peer.sendTone(700, 0);
    await heard.until(() => heard.audio.length === 1);
    const holds = [{ direction: 'recvonly' }, { direction: 'inactive' }, { address: '0.0.0.0' }, { port: 0 }] as const;
    for (const hold of holds) {
      endpoint.update(peer.remote(hold));
      expect(endpoint.play(FRAME, 'x', 0)).toBeUndefined();
    }
    endpoint.update(peer.remote({ direction: 'sendonly' }));
    peer.sendTone(700, 1);
    await heard.until(() => heard.media === 2);
    expect(heard.audio).toHaveLength(1);
    endpoint.update(peer.remote());
    expect(endpoint.play(FRAME, 'x', 20)).toBeDefined();
    await peer.until(() => peer.packets.length === 1);
  });

  it('a foreign source is neither heard nor answered', async () => {
    endpoint.update(peer.remote());
    peer.sendTone(700, 0);
    await heard.until(() => heard.audio.length === 1);
    const attacker = await RtpPeer.open('127.0.0.2');
    attacker.target = endpoint.local;
    for (let n = 0; n < 20; n++) attacker.sendTone(1000, n);
    peer.sendTone(700, 1);
    await heard.until(() => heard.audio.length === 2);
    endpoint.play(FRAME, 'x', 0);
    await peer.until(() => peer.packets.length === 1);
    expect(endpoint.statistics().counters['foreignSource']).toBe(20);
    expect(attacker.packets).toHaveLength(0);
    await attacker.close();
  });

  it('keys pressed come once each, in between audio, and leave gaps to close', async () => {
    endpoint.update(peer.remote({ telephoneEvent: 96 }));
    peer.sendTone(700, 0);
    for (const end of [false, false, true, true, true]) {
      peer.send({ payloadType: 96, payload: Uint8Array.of(5, end ? 0x8a : 10, 0, 160) });
    }
    peer.sendTone(700, 1);
    await heard.until(() => heard.audio.length === 2);
    expect(heard.keys).toEqual(['5']);
    expect(heard.gaps).toBe(5);
  });

  it('RFC 3264 6.1: keys arrive with the payload type we announced, whatever we send them with', async () => {
    endpoint.update(peer.remote({ telephoneEvent: 96, receiveTelephoneEvent: 101 }));
    peer.sendTone(700, 0);
    for (const end of [false, true]) {
      peer.send({ payloadType: 101, payload: Uint8Array.of(7, end ? 0x8a : 10, 0, 160) });
    }
    peer.sendTone(700, 1);
    await heard.until(() => heard.audio.length === 2);
    expect(heard.keys).toEqual(['7']);
  });

  it('an end that was lost is found by time', async () => {
    endpoint.update(peer.remote());
    peer.send({ payloadType: 101, payload: Uint8Array.of(5, 10, 0, 160) });
    await heard.until(() => heard.media === 1);
    tick(10);
    expect(heard.keys).toEqual(['5']);
  });

  it('DTMF is refused without telephone-event, stopped by hold, and audio waits while a key sounds', async () => {
    endpoint.update({ address: '127.0.0.1', port: peer.port, codec: 'PCMU', direction: 'sendrecv' });
    await expect(endpoint.sendDtmf('1', {})).resolves.toBe('unsupported');
    endpoint.update(peer.remote());
    const sent = endpoint.sendDtmf('1', {});
    tick(1);
    expect(endpoint.play(FRAME, 'x', clock.monotonic())).toBeUndefined();
    endpoint.update(peer.remote({ direction: 'recvonly' }));
    await expect(sent).resolves.toBe('stopped');
    endpoint.update(peer.remote());
    expect(endpoint.play(FRAME, 'x', clock.monotonic())).toBeDefined();
  });

  it('RTCP: reports what was received, learns the round trip, ends with BYE', async () => {
    const control = await RtpPeer.open();
    endpoint.update(peer.remote({ rtcpPort: control.port }));
    for (const n of [0, 1, 2, 4]) {
      peer.sequence = n;
      peer.sendTone(700, n);
    }
    await heard.until(() => heard.audio.length === 4);
    endpoint.play(FRAME, 'x', clock.monotonic());
    const reports = () => control.rtcp.flatMap((datagram) => parseRtcp(datagram));
    tick(200);
    await control.until(() => control.rtcp.length > 0);
    const [first] = reports();
    const sent = first?.type === 'sr' ? first.sender.packets : 0;
    expect(sent, 'one frame, then silence').toBeGreaterThan(1);
    expect(first).toMatchObject({
      type: 'sr',
      sender: { packets: sent, octets: sent * 160 },
      reports: [{ cumulativeLost: 1, fractionLost: 51 }],
    });
    const ssrc = first?.type === 'sr' ? first.ssrc : 0;
    const { ntpSeconds, ntpFraction } = first?.type === 'sr' ? first.sender : toNtp(0);
    const lastSenderReport = (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0;
    clock.advance(100);
    const report = {
      ssrc,
      fractionLost: 0,
      cumulativeLost: 7,
      highestSequence: 1,
      jitter: 16,
      lastSenderReport,
      delaySinceLastSenderReport: 0,
    };
    control.target = { address: '127.0.0.1', port: endpoint.local.port + 1 };
    control.raw(serializeRtcp({ ssrc: 0x1234_5678, cname: 'p', report }));
    while (endpoint.statistics().roundTripMs === undefined) await settle();
    const statistics = endpoint.statistics();
    expect(statistics.sent).toMatchObject({ lost: 7, jitterMs: 2 });
    expect(statistics.received).toMatchObject({ packets: 4, lost: 1 });
    expect(statistics.roundTripMs).toBeGreaterThanOrEqual(99);
    expect(heard.excuses, 'a receiver report says that nothing is sent').toBe(1);
    peer.send({ payloadType: 13, payload: new Uint8Array(1) });
    await heard.until(() => heard.gaps === 1);
    await settle();
    expect(heard.excuses, 'comfort noise stands for silence').toBe(2);
    const before = control.rtcp.length;
    await endpoint.close();
    await control.until(() => control.rtcp.length > before);
    expect(reports().at(-1)).toMatchObject({ type: 'bye', ssrcs: [ssrc] });
    await control.close();
  });

  it('an address that is none is refused; a dead peer and odd targets hurt nobody', async () => {
    expect(() => {
      endpoint.update(peer.remote({ address: 'example.com' }));
    }).toThrow(MediaError);
    const gone = await RtpPeer.open();
    endpoint.update(gone.remote());
    await gone.close();
    endpoint.update({ ...peer.remote(), address: '::1' });
    expect(endpoint.play(FRAME, 'x', 0)).toBeDefined();
    await settle();
    expect(endpoint.statistics().counters['socketErrors']).toBeGreaterThanOrEqual(0);
  });

  it('says what keeps it from lending its port', () => {
    const { lending } = endpoint;
    expect(lending.obstacle).toBe('encrypted'); // never shared
    expect(lending.hold()).toBeUndefined();
  });
});

describe('lending the port', () => {
  let lent: NodeRtpEndpoint;
  beforeEach(async () => {
    const socket = await new RtpPortAllocator('127.0.0.1', undefined, true).open();
    lent = new NodeRtpEndpoint({ socket, clock, random: seededRandom(1), codec: 'PCMU', listener: heard });
    peer.target = lent.local;
  });
  afterEach(() => lent.close());

  async function flowing(): Promise<void> {
    lent.update(peer.remote());
    peer.sendTone(700, 0);
    await heard.until(() => heard.audio.length === 1);
  }

  it('tells a successor what it must know, and what speaks against it', async () => {
    const { lending } = lent;
    expect(lending.obstacle).toBe('direction');
    lent.update(peer.remote());
    expect(lending.obstacle).toBe('no-source');
    await flowing();
    const state = lending.hold();
    expect(state).toEqual({
      local: lent.local,
      receivedSsrc: peer.ssrc,
      target: { address: '127.0.0.1', port: peer.port },
      rtcpPort: peer.port + 1,
      codec: 'PCMU',
      telephoneEvent: 101,
    });
    expect(state !== undefined && lending.isCurrent(state)).toBe(true);
    expect(state !== undefined && lending.isCurrent({ ...state, receivedSsrc: 1 })).toBe(false);
    expect(state !== undefined && lending.isCurrent({ ...state, target: { ...state.target, port: 9 } })).toBe(false);
    lending.open();
    lent.update(peer.remote({ codec: 'PCMA' }));
    expect(lending.obstacle).toBe('codec');
    lent.update(peer.remote({ direction: 'recvonly' }));
    expect(lending.obstacle).toBe('direction');
    lent.update(peer.remote());
    void lent.sendDtmf('1', {});
    expect(lending.obstacle).toBe('dtmf');
    tick(30, lent);
    expect(lending.obstacle).toBeUndefined();
    peer.send({ payloadType: 13, payload: Uint8Array.of(60) });
    await heard.until(() => heard.gaps === 1);
    expect(lending.obstacle).toBeUndefined();
  });

  it('another socket of the port gets what comes until it is taken back; nothing is lost, and nothing counts as lost', async () => {
    await flowing();
    const { port } = lent.local;
    const other = createSocket({ type: 'udp4', reuseAddr: true });
    let elsewhere = 0;
    other.on('message', () => elsewhere++);
    expect(lent.lending.hold()).toBeDefined();
    await new Promise<void>((resolve) => other.bind({ port, address: '127.0.0.1', exclusive: true }, resolve));
    peer.sendTone(700, 1);
    await heard.until(() => heard.audio.length === 2);
    expect(lent.play(FRAME, 'x', 0)).toBeDefined();
    await peer.until(() => peer.packets.length === 1);
    // Sent before the port is yielded, read after it.
    peer.sendTone(700, 2);
    lent.lending.yield();
    for (let n = 3; n < 10; n++) peer.sendTone(700, n);
    await new Promise<void>((resolve) => {
      other.on('message', () => {
        if (elsewhere === 7) resolve();
      });
    });
    expect(heard.audio).toHaveLength(3);
    tick(600, lent);
    lent.lending.take(clock.monotonic());
    peer.sendTone(700, 10);
    await heard.until(() => heard.audio.length === 4);
    await new Promise<void>((resolve) => other.close(resolve));
    lent.lending.open();
    expect(peer.packets).toHaveLength(1);
    lent.play(FRAME, 'x', clock.monotonic());
    await peer.until(() => peer.packets.length === 2);
    const [before, after] = peer.packets;
    expect(after?.ssrc).toBe(before?.ssrc);
    expect(((after?.sequence ?? 0) - (before?.sequence ?? 0)) & 0xffff).toBe(1);
    expect(after?.marker).toBe(true);
    expect(lent.statistics().received).toMatchObject({ packets: 4, lost: 0 });
  });
});

describe('port pairs', () => {
  it('come from the range in turn, skip what is taken, run out with a reason, and are free after close', async () => {
    const probe = await new RtpPortAllocator('127.0.0.1').open();
    const base = probe.port;
    await probe.close();
    const ports = new RtpPortAllocator('127.0.0.1', { min: base, max: base + 3 });
    const [first, second] = [await ports.open(), await ports.open()];
    expect([first.port, second.port]).toEqual([base, base + 2]);
    await expect(ports.open()).rejects.toMatchObject({ reason: 'no-free-port' });
    await first.close();
    const third = await ports.open();
    expect(third.port).toBe(base);
    expect(await RtpSocketPair.bind('127.0.0.1', base)).toBeUndefined();
    await Promise.all([second.close(), third.close(), third.close()]);
  });

  it('a range without a pair, an address that is not ours', async () => {
    expect(() => new RtpPortAllocator('127.0.0.1', { min: 4001, max: 4002 })).toThrow('no even/odd pair');
    await expect(new RtpPortAllocator('198.51.100.1').open()).rejects.toThrow('EADDRNOTAVAIL');
  });
});
