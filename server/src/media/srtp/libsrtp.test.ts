import { createWorker } from 'mediasoup';
import type { types } from 'mediasoup';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemRandom } from '../../kernel/index.ts';
import type { SrtpMasterKey, SrtpSuite } from '../ports.ts';
import { serializeRtp } from '../rtp/rtp-packet.ts';
import { RtpPortAllocator } from '../rtp/rtp-socket.ts';
import { requireWorkerBin } from '../testing/worker-bin.ts';
import { SrtpSockets } from './srtp-sockets.ts';
import { SUITES } from './suites.ts';

// The other side is libsrtp, in a media worker.
const SUITES_OF_LIBSRTP = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_32',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
] as const satisfies readonly SrtpSuite[];

let worker: types.Worker;
beforeAll(async () => {
  worker = await createWorker({ workerBin: requireWorkerBin(), logLevel: 'error' });
});
afterAll(() => {
  worker.close();
});

function inline({ key, salt }: SrtpMasterKey): string {
  return Buffer.concat([key, salt]).toString('base64');
}

it.each(SUITES_OF_LIBSRTP)(
  '%s: libsrtp opens what we protect, and we open what it protects',
  async (suite) => {
    const { keyLength, saltLength } = SUITES[suite];
    const local = { key: systemRandom.bytes(keyLength), salt: systemRandom.bytes(saltLength) };
    const router = await worker.createRouter({
      mediaCodecs: [{ kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 }],
    });
    const plain = await router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip: '127.0.0.1' },
      rtcpMux: false,
      enableSrtp: true,
      srtpCryptoSuite: suite,
    });
    const sockets = new SrtpSockets(await new RtpPortAllocator('127.0.0.1').open());
    await plain.connect({
      ip: '127.0.0.1',
      port: sockets.port,
      rtcpPort: sockets.port + 1,
      srtpParameters: { cryptoSuite: suite, keyBase64: inline(local) },
    });
    const theirs = Buffer.from(plain.srtpParameters?.keyBase64 ?? '', 'base64');
    sockets.agree({ suite, local, remote: { key: theirs.subarray(0, keyLength), salt: theirs.subarray(keyLength) } });

    const heard: Uint8Array[] = [];
    const reports: Uint8Array[] = [];
    const complete = Promise.withResolvers<undefined>();
    const check = (): void => {
      if (heard.length >= 50 && reports.length > 0) complete.resolve(undefined);
    };
    sockets.attach({
      onRtp: (datagram) => {
        heard.push(datagram);
        check();
      },
      onRtcp: (datagram) => {
        reports.push(datagram);
        check();
      },
      onSocketError: (error) => {
        complete.reject(error);
      },
    });
    const codec = { mimeType: 'audio/PCMU', clockRate: 8000, payloadType: 0 };
    const producer = await plain.produce({
      kind: 'audio',
      rtpParameters: { codecs: [codec], encodings: [{ ssrc: 7 }], rtcp: { cname: 'x' } },
    });
    await plain.consume({ producerId: producer.id, rtpCapabilities: router.rtpCapabilities });
    const to = { address: '127.0.0.1', port: plain.tuple.localPort };
    for (let n = 0; n < 50; n++) {
      const sequence = (65_520 + n) & 0xffff;
      const payload = Buffer.alloc(160, n);
      sockets.sendRtp(
        serializeRtp({ payloadType: 0, marker: false, sequence, timestamp: n * 160, ssrc: 7, payload }),
        to,
      );
    }
    await complete.promise;
    expect(heard.slice(0, 50).map((packet) => packet.at(-1))).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(reports[0]?.[1]).toBeGreaterThanOrEqual(200);
    expect(sockets.counters).toEqual({ srtpAuthFailures: 0, srtpReplayed: 0 });

    const [stats] = await producer.getStats();
    expect(stats?.packetCount).toBe(50);
    router.close();
    await sockets.close();
  },
  20_000,
);
