import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import type { SrtpAgreement, SrtpMasterKey } from '../ports.ts';
import { parseRtp, serializeRtp } from '../rtp/rtp-packet.ts';
import type { DatagramHandler, RtpSockets } from '../rtp/rtp-socket.ts';
import { SrtpProtector, SrtpUnprotector } from './srtp-context.ts';
import { SrtpSockets } from './srtp-sockets.ts';

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const TO = { address: '192.0.2.1', port: 4000 };
const REPORT = Buffer.from('81c8000bcafebabeabababababababababababababababab', 'hex');

function keyOf(seed: number): SrtpMasterKey {
  const random = seededRandom(seed);
  return { key: random.bytes(16), salt: random.bytes(14) };
}

function agreement(local: number, remote: number): SrtpAgreement {
  return { suite: SUITE, local: keyOf(local), remote: keyOf(remote) };
}

function packet(sequence: number): Buffer {
  const payload = Buffer.alloc(20, 1);
  return serializeRtp({ payloadType: 0, marker: false, sequence, timestamp: 0, ssrc: 7, payload });
}

/** A pair whose wire is two arrays. */
class Wire implements RtpSockets {
  readonly address = '127.0.0.1';
  readonly port = 4000;
  readonly sent: Uint8Array[] = [];
  readonly heard: Uint8Array[] = [];
  readonly errors: Error[] = [];
  handler: DatagramHandler | undefined;
  closed = false;

  attach(handler: DatagramHandler): void {
    this.handler = handler;
  }
  sendRtp(datagram: Uint8Array): void {
    this.sent.push(datagram);
  }
  sendRtcp(datagram: Uint8Array): void {
    this.sent.push(datagram);
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function secured(): { wire: Wire; sockets: SrtpSockets } {
  const wire = new Wire();
  const sockets = new SrtpSockets(wire);
  const take = (datagram: Uint8Array): void => {
    wire.heard.push(datagram);
  };
  sockets.attach({ onRtp: take, onRtcp: take, onSocketError: (error) => wire.errors.push(error) });
  return { wire, sockets };
}

describe('a port pair with SRTP', () => {
  it('is a plain pair until keys are agreed, and passes on what is not media', async () => {
    const { wire, sockets } = secured();
    sockets.sendRtp(packet(1), TO);
    wire.handler?.onRtp(packet(2), TO);
    wire.handler?.onSocketError(new Error('no route'));
    expect([wire.sent[0], wire.heard[0]]).toEqual([packet(1), packet(2)]);
    expect([sockets.isSecure, sockets.counters, sockets.port, wire.errors.length]).toEqual([false, {}, 4000, 1]);
    await sockets.close();
    expect(wire.closed).toBe(true);
  });

  it('sends nothing in clear and takes nothing in clear once keys are agreed, RTP and RTCP', () => {
    const { wire, sockets } = secured();
    sockets.agree(agreement(1, 2));
    expect(sockets.isSecure).toBe(true);
    sockets.sendRtp(packet(1), TO);
    sockets.sendRtcp(REPORT, TO);
    const peer = new SrtpUnprotector(SUITE, keyOf(1));
    expect(peer.rtp(wire.sent[0] ?? REPORT)).toEqual({ ok: true, packet: packet(1) });
    expect(peer.rtcp(wire.sent[1] ?? REPORT)).toEqual({ ok: true, packet: REPORT });

    wire.handler?.onRtp(packet(2), TO);
    wire.handler?.onRtcp(REPORT, TO);
    expect(wire.heard).toEqual([]);
    const theirs = new SrtpProtector(SUITE, keyOf(2));
    const secure = theirs.rtp(packet(3)) ?? REPORT;
    wire.handler?.onRtp(secure, TO);
    wire.handler?.onRtp(secure, TO);
    wire.handler?.onRtcp(theirs.rtcp(REPORT) ?? REPORT, TO);
    // RTCP on the port of RTP.
    wire.handler?.onRtp(theirs.rtcp(REPORT) ?? REPORT, TO);
    expect(wire.heard).toEqual([packet(3), REPORT, REPORT]);
    expect(sockets.counters).toEqual({ srtpAuthFailures: 2, srtpReplayed: 1 });
  });

  it('the same keys agreed on again change nothing: counters and windows go on', () => {
    const { wire, sockets } = secured();
    sockets.agree(agreement(1, 2));
    const theirs = new SrtpProtector(SUITE, keyOf(2));
    const secure = theirs.rtp(packet(3)) ?? REPORT;
    wire.handler?.onRtp(secure, TO);
    sockets.sendRtp(packet(65_535), TO);
    sockets.agree(agreement(1, 2));
    wire.handler?.onRtp(secure, TO);
    expect(sockets.counters).toEqual({ srtpAuthFailures: 0, srtpReplayed: 1 });
    sockets.sendRtp(packet(0), TO);
    const peer = new SrtpUnprotector(SUITE, keyOf(1));
    // The rollover counter went on to 1: a stream that had started over would not open.
    expect(wire.sent.map((sent) => peer.rtp(sent).ok)).toEqual([true, true]);
  });

  it('a new key of the far end: packets under way with the old one are still heard, for a while', () => {
    const { wire, sockets } = secured();
    sockets.agree(agreement(1, 2));
    const [old, fresh] = [new SrtpProtector(SUITE, keyOf(2)), new SrtpProtector(SUITE, keyOf(3))];
    const hear = (from: SrtpProtector, sequence: number): void => {
      wire.handler?.onRtp(from.rtp(packet(sequence)) ?? REPORT, TO);
    };
    hear(old, 1);
    sockets.agree(agreement(1, 3));
    hear(old, 2);
    hear(fresh, 4);
    hear(old, 3);
    expect(wire.heard.map((heard) => parseRtp(heard)?.sequence)).toEqual([1, 2, 4, 3]);
    for (let sequence = 5; sequence < 105; sequence++) hear(fresh, sequence);
    hear(old, 105);
    expect(sockets.counters).toEqual({ srtpAuthFailures: 1, srtpReplayed: 0 });
  });

  it('keys of the wrong length are refused and leave the present ones', () => {
    const { wire, sockets } = secured();
    sockets.agree(agreement(1, 2));
    const short = { key: new Uint8Array(3), salt: new Uint8Array(14) };
    expect(() => {
      sockets.agree({ suite: SUITE, local: keyOf(5), remote: short });
    }).toThrow(/wants a key of 16/);
    sockets.sendRtp(packet(1), TO);
    expect(new SrtpUnprotector(SUITE, keyOf(1)).rtp(wire.sent[0] ?? REPORT).ok).toBe(true);
  });

  it('goes back to plain RTP when that was agreed', () => {
    const { wire, sockets } = secured();
    sockets.agree(agreement(1, 2));
    sockets.agree(undefined);
    sockets.sendRtp(packet(1), TO);
    wire.handler?.onRtp(packet(2), TO);
    expect([wire.sent[0], wire.heard[0], sockets.isSecure]).toEqual([packet(1), packet(2), false]);
  });
});
