import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import type { SrtpMasterKey, SrtpSuite } from '../ports.ts';
import { serializeRtp } from '../rtp/rtp-packet.ts';
import { GcmTransform } from './gcm.ts';
import { deriveKeys } from './key-derivation.ts';
import { KeyStream } from './key-stream.ts';
import { estimateIndex, ReplayWindow, WINDOW } from './replay-window.ts';
import { rtpHeaderLength, SrtpProtector, SrtpUnprotector } from './srtp-context.ts';
import { SUITES } from './suites.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const SUITE_NAMES = Object.keys(SUITES) as SrtpSuite[];

function masterOf(suite: SrtpSuite, seed = 1): SrtpMasterKey {
  const random = seededRandom(seed);
  const { keyLength, saltLength } = SUITES[suite];
  return { key: random.bytes(keyLength), salt: random.bytes(saltLength) };
}

function rtp(sequence: number, payload: Uint8Array = Buffer.alloc(160, sequence & 0xff), ssrc = 7): Buffer {
  return serializeRtp({ payloadType: 0, marker: false, sequence, timestamp: sequence * 160, ssrc, payload });
}

/** The packets next to each wrap of the sequence number, and a few in between so that no wrap is missed. */
function indicesAroundWraps(wraps: number): number[] {
  const indices: number[] = [];
  for (let start = 0; start < wraps * 65_536; start += 65_536) {
    indices.push(...[20_000, 40_000, 60_000].map((between) => start + between));
    for (let n = -500; n <= 500; n++) indices.push(start + 65_536 + n);
  }
  return indices;
}

const SENDER_REPORT = hex('81c8000bcafebabe abababababababababababababababab');

describe('published vectors', () => {
  it.each([
    [
      'RFC 3711 B.2, AES-128-CM',
      '2b7e151628aed2a6abf7158809cf4f3c',
      'e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0',
    ],
    [
      'RFC 6188 7.1, AES-256-CM',
      '57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98',
      '92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31',
    ],
  ])('%s: the key stream', (_name, key, expected) => {
    const stream = new KeyStream(hex(key));
    expect(stream.bytes(hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd0000'), 48)).toEqual(hex(expected));
    expect(stream.bytes(hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd0000'), 17)).toEqual(hex(expected).subarray(0, 17));
  });

  it.each<{ name: string; suite: SrtpSuite; master: [string, string]; session: [string, string, string] }>([
    {
      name: 'RFC 3711 B.3',
      suite: 'AES_CM_128_HMAC_SHA1_80',
      master: ['e1f97a0d3e018be0d64fa32c06de4139', '0ec675ad498afeebb6960b3aabe6'],
      session: [
        'c61e7a93744f39ee10734afe3ff7a087',
        'cebe321f6ff7716b6fd4ab49af256a156d38baa4',
        '30cbbc08863d8c85d49db34a9ae1',
      ],
    },
    {
      name: 'RFC 6188 7.4',
      suite: 'AES_256_CM_HMAC_SHA1_80',
      master: ['f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6', '3b04803de51ee7c96423ab5b78d2'],
      session: [
        '5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4',
        'fd9c32d39ed5fbb5a9dc96b30818454d1313dc05',
        'fa31791685ca444a9e07c6c64e93',
      ],
    },
  ])('$name: keys derived', ({ suite, master: [key, salt], session }) => {
    const keys = deriveKeys(suite, { key: hex(key), salt: hex(salt) }, 'rtp');
    expect([keys.encryption, keys.authentication, keys.salt]).toEqual(session.map(hex));
  });

  it.each([
    [
      'RFC 7714 16.1.1, AES-128-GCM',
      '000102030405060708090a0b0c0d0e0f',
      'f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833' +
        '899d7f27beb16a9152cf765ee4390cce',
    ],
    [
      'RFC 7714 16.2.1, AES-256-GCM',
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      '32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b' +
        '7aa3db36dfffd6b0f9bb7878d7a76c13',
    ],
  ])('%s: an RTP packet', (_name, key, sealed) => {
    const keys = { encryption: hex(key), authentication: Buffer.alloc(0), salt: hex('517569642070726f2071756f') };
    const transform = new GcmTransform({ rtp: keys, rtcp: keys });
    const header = hex('8040f17b8041f8d35501a0b2');
    const clear = Buffer.concat([header, Buffer.from('Gallia est omnis divisa in partes tres', 'latin1')]);
    const secure = Buffer.concat([header, hex(sealed)]);
    expect(transform.protectRtp(clear, 12, 0xf17b)).toEqual(secure);
    expect(transform.unprotectRtp(secure, 12, 0xf17b)).toEqual(clear);
  });

  it('RFC 7714 17.1, AES-128-GCM: an RTCP packet', () => {
    const keys = {
      encryption: hex('000102030405060708090a0b0c0d0e0f'),
      authentication: Buffer.alloc(0),
      salt: hex('517569642070726f2071756f'),
    };
    const transform = new GcmTransform({ rtp: keys, rtcp: keys });
    const clear = hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
      deadbeef deadbeef deadbeef deadbeef deadbeef`);
    const secure = hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
      c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`);
    expect(transform.protectRtcp(clear, 0x5d4)).toEqual(secure);
    expect(transform.unprotectRtcp(secure)).toEqual({ packet: clear, index: 0x5d4 });
  });

  it('the reference packet of libsrtp, keys derived: RTP and RTCP', () => {
    const master = { key: hex('e1f97a0d3e018be0d64fa32c06de4139'), salt: hex('0ec675ad498afeebb6960b3aabe6') };
    const clear = hex('800f1234decafbadcafebabe abababababababababababababababab');
    const secure = hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
    expect(new SrtpProtector('AES_CM_128_HMAC_SHA1_80', master).rtp(clear)).toEqual(secure);
    const report = hex('81c8000bcafebabe7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798');
    const protector = new SrtpProtector('AES_CM_128_HMAC_SHA1_80', master);
    protector.rtcp(SENDER_REPORT);
    expect(protector.rtcp(SENDER_REPORT)).toEqual(report);
    expect(new SrtpUnprotector('AES_CM_128_HMAC_SHA1_80', master).rtcp(report)).toEqual({
      ok: true,
      packet: SENDER_REPORT,
    });
  });
});

describe.each(SUITE_NAMES)('%s', (suite) => {
  const pair = (seed = 1): { from: SrtpProtector; to: SrtpUnprotector } => ({
    from: new SrtpProtector(suite, masterOf(suite, seed)),
    to: new SrtpUnprotector(suite, masterOf(suite, seed)),
  });
  const seal = (from: SrtpProtector, packet: Buffer): Buffer => from.rtp(packet) ?? Buffer.alloc(0);

  it('what is protected opens again, header in clear and payload not', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 0, max: 65_535 }),
        fc.uint8Array({ maxLength: 5 }),
        (payload, sequence, csrcs) => {
          const { from, to } = pair();
          const plain = rtp(sequence, payload);
          const packet = Buffer.concat([plain.subarray(0, 12), Buffer.alloc(4 * csrcs.length, 9), plain.subarray(12)]);
          packet[0] = 0x80 | csrcs.length;
          const secure = seal(from, packet);
          expect(secure.length).toBe(packet.length + SUITES[suite].rtpTagLength);
          expect(secure.subarray(0, 12)).toEqual(packet.subarray(0, 12));
          if (payload.length > 8) expect(secure.includes(Buffer.from(payload))).toBe(false);
          expect(to.rtp(secure)).toEqual({ ok: true, packet });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('any bit changed is refused, and the state stays as it was', () => {
    const { from, to } = pair();
    const secure = seal(from, rtp(100, Buffer.from('the payload of one packet')));
    const report = from.rtcp(SENDER_REPORT) ?? Buffer.alloc(0);
    for (const [packet, open] of [
      [secure, to.rtp.bind(to)],
      [report, to.rtcp.bind(to)],
    ] as const) {
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const damaged = Buffer.from(packet);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(open(damaged).ok, `bit ${String(bit)}`).toBe(false);
      }
      expect(open(packet).ok).toBe(true);
      expect(open(packet)).toEqual({ ok: false, refusal: 'replayed' });
      for (let length = 0; length < packet.length; length++) expect(open(packet.subarray(0, length)).ok).toBe(false);
    }
  });

  it('packets out of order, lost and repeated, over three wraps: each opens once', () => {
    const random = seededRandom(5);
    const { from, to } = pair();
    const late: Buffer[] = [];
    const opened = new Set<number>();
    const deliver = (packet: Buffer, repeated = false): void => {
      const result = to.rtp(packet);
      if (result.ok) opened.add(result.packet.readUInt32BE(12));
      expect(result.ok ? 'opened' : result.refusal).toBe(repeated ? 'replayed' : 'opened');
    };
    let [sent, lost] = [0, 0];
    for (const index of indicesAroundWraps(3)) {
      const payload = Buffer.alloc(8);
      payload.writeUInt32BE(index);
      const secure = seal(from, rtp(index & 0xffff, payload));
      sent++;
      const between = index % 65_536 > 1000 && index % 65_536 < 65_000;
      const fate = between ? 5 : random.int(10);
      if (fate === 0) lost++;
      else if (fate < 4) late.push(secure);
      else deliver(secure);
      if (fate === 9) deliver(secure, true);
      // Nothing is later than 128 packets, and nothing waits over the jump from one wrap to the next.
      while (late.length > (index % 65_536 === 500 || between ? 0 : 20))
        deliver(late.splice(random.int(Math.min(2, late.length)), 1)[0] ?? secure);
    }
    expect(opened.size).toBe(sent - lost);
  });

  it('another key opens nothing; streams of several SSRCs do not disturb each other', () => {
    const { from, to } = pair();
    const stranger = pair(2).from;
    for (let n = 0; n < 200; n++) {
      for (const ssrc of [1, 2, 3]) expect(to.rtp(seal(from, rtp(65_500 + n * ssrc, undefined, ssrc))).ok).toBe(true);
      expect(to.rtp(seal(stranger, rtp(n)))).toEqual({ ok: false, refusal: 'forged' });
    }
    expect(to.positions.size).toBe(3);
  });

  it('a stream whose beginning was not heard is followed from its first wrap on', () => {
    const { from, to } = pair();
    seal(from, rtp(65_535));
    expect(to.rtp(seal(from, rtp(3))).ok).toBe(true);
    expect(to.rtp(seal(from, rtp(4))).ok).toBe(true);
  });

  it('after a new key the far end may keep its rollover counter or start over', () => {
    const first = pair(1);
    for (let n = 0; n < 5; n++) first.to.rtp(seal(first.from, rtp((n * 30_000) & 0xffff)));
    const keeping = new SrtpProtector(suite, masterOf(suite, 2));
    for (let n = 0; n < 5; n++) seal(keeping, rtp((n * 30_000) & 0xffff));
    const next = new SrtpUnprotector(suite, masterOf(suite, 2), first.to);
    expect(next.rtp(seal(keeping, rtp((4 * 30_000 + 1) & 0xffff))).ok).toBe(true);
    const over = new SrtpUnprotector(suite, masterOf(suite, 3), first.to);
    expect(over.rtp(seal(new SrtpProtector(suite, masterOf(suite, 3)), rtp(50_000))).ok).toBe(true);
  });

  it('a key of the wrong length is refused', () => {
    const { key, salt } = masterOf(suite);
    expect(() => new SrtpProtector(suite, { key: key.subarray(1), salt })).toThrow(/wants a key of/);
    expect(() => new SrtpUnprotector(suite, { key, salt: new Uint8Array(30) })).toThrow(/wants a key of/);
  });
});

describe('SRTCP without encryption', () => {
  it('the E flag is read: an authenticated report in clear is taken', () => {
    const keys = deriveKeys('AEAD_AES_128_GCM', masterOf('AEAD_AES_128_GCM'), 'rtcp');
    const transform = new GcmTransform({ rtp: keys, rtcp: keys });
    const secure = transform.protectRtcp(SENDER_REPORT, 5);
    secure[secure.length - 4] = 0;
    expect(transform.unprotectRtcp(secure)).toBeUndefined();
  });
});

describe('the window against replays', () => {
  it('RFC 3711 3.3.2: new and late ones pass once, old ones never', () => {
    const window = new ReplayWindow();
    for (const index of [0, 5, 3, 5 + WINDOW]) {
      expect(window.isFresh(index)).toBe(true);
      window.accept(index);
      expect(window.isFresh(index)).toBe(false);
    }
    expect(window.isFresh(5)).toBe(false);
    expect(window.isFresh(6)).toBe(true);
  });

  it('agrees with a plain set over the same reach', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 300 }), (indices) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const index of indices) {
          const highest = Math.max(-1, ...seen);
          expect(window.isFresh(index)).toBe(!seen.has(index) && highest - index < WINDOW);
          if (!window.isFresh(index)) continue;
          window.accept(index);
          seen.add(index);
        }
      }),
    );
  });

  it.each([
    [10, -1, 10],
    [11, 10, 11],
    [2, 65_535, 65_538],
    [65_535, 65_538, 65_535],
    [65_535, 2, -1],
    [40_000, 10, -25_536],
    [32_767, 0, 32_767],
    [0, 3 * 65_536 + 65_000, 4 * 65_536],
  ])('sequence number %i after index %i is index %i', (sequence, highest, expected) => {
    expect(estimateIndex(sequence, highest)).toBe(expected);
  });
});

it('nothing that arrives makes it throw', () => {
  const suites = SUITE_NAMES.map((suite) => new SrtpUnprotector(suite, masterOf(suite)));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const to of suites) expect([to.rtp(bytes).ok, to.rtcp(bytes).ok]).toEqual([false, false]);
      expect((rtpHeaderLength(Buffer.from(bytes)) ?? 0) <= bytes.length).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
