// Proves that a mediasoup worker can do what a browser will ask of it: ICE, a DTLS handshake and SRTP both ways, with
// werift (WebRTC in pure TypeScript) as the browser. Run as a program: MEDIASOUP_WORKER_BIN=... node worker-guard.mjs
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './layout.mjs';

const DEADLINE_MS = 20_000;
const PACKETS_WANTED = 5;
const SSRC = 4242;
const PCMU = { mimeType: 'audio/PCMU', clockRate: 8000, payloadType: 0, parameters: {}, rtcpFeedback: [] };

/**
 * @param {number} sequence
 * @param {number} ssrc
 */
function rtpPacket(sequence, ssrc) {
  const packet = Buffer.alloc(12 + 160, 0xd5);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(sequence * 160, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

function answerSdp({ mid, transport, ssrc }) {
  const { usernameFragment, password } = transport.iceParameters;
  const fingerprint = transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256');
  const candidates = transport.iceCandidates.map(
    ({ foundation, protocol, priority, address, port }) =>
      `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ host`,
  );
  return [
    ...['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=ice-lite', `a=group:BUNDLE ${mid}`],
    ...['m=audio 7 UDP/TLS/RTP/SAVPF 0', 'c=IN IP4 127.0.0.1', 'a=rtpmap:0 PCMU/8000', 'a=setup:passive'],
    ...[`a=mid:${mid}`, 'a=sendrecv', 'a=msid:- guard', `a=ice-ufrag:${usernameFragment}`, `a=ice-pwd:${password}`],
    ...[`a=fingerprint:sha-256 ${fingerprint.value}`, ...candidates, 'a=end-of-candidates', 'a=rtcp-mux'],
    ...[`a=ssrc:${ssrc} cname:guard`, ''],
  ].join('\r\n');
}

async function guard() {
  const mediasoup = createRequire(join(ROOT, 'server', 'package.json'))('mediasoup');
  const { RTCPeerConnection, RTCRtpCodecParameters, MediaStreamTrack } = createRequire(join(ROOT, 'package.json'))(
    'werift',
  );
  const worker = await mediasoup.createWorker({ logLevel: 'error' });
  const died = new Promise((_, reject) => {
    worker.on('died', () => reject(new Error('the worker died')));
  });
  const counts = { toWorker: 0, fromWorker: 0 };

  const exchange = async () => {
    const router = await worker.createRouter({
      mediaCodecs: [{ kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000 }],
    });
    const transport = await router.createWebRtcTransport({ listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }] });
    const direct = await router.createDirectTransport();
    const source = await direct.produce({
      kind: 'audio',
      rtpParameters: { codecs: [PCMU], encodings: [{ ssrc: SSRC }], rtcp: { cname: 'guard' } },
    });
    const consumer = await transport.consume({ producerId: source.id, rtpCapabilities: router.rtpCapabilities });

    const peer = new RTCPeerConnection({
      iceServers: [],
      iceUseIpv4: true,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: ['127.0.0.1'],
      codecs: { audio: [new RTCRtpCodecParameters({ ...PCMU, channels: 1 })], video: [] },
    });
    const track = new MediaStreamTrack({ kind: 'audio' });
    const transceiver = peer.addTransceiver(track, { direction: 'sendrecv' });
    transceiver.onTrack.subscribe((remote) => remote.onReceiveRtp.subscribe(() => (counts.fromWorker += 1)));
    await peer.setLocalDescription(await peer.createOffer());
    const offer = peer.localDescription.sdp;
    const [, algorithm, value] = /a=fingerprint:(\S+) (\S+)/.exec(offer);
    const mid = /a=mid:(\S+)/.exec(offer)[1];

    const producer = await transport.produce({
      kind: 'audio',
      rtpParameters: {
        mid,
        codecs: [PCMU],
        encodings: [{ ssrc: Number(/a=ssrc:(\d+)/.exec(offer)[1]) }],
        rtcp: { cname: 'peer' },
      },
    });
    const sink = await direct.consume({ producerId: producer.id, rtpCapabilities: router.rtpCapabilities });
    sink.on('rtp', () => (counts.toWorker += 1));
    await transport.connect({ dtlsParameters: { role: 'client', fingerprints: [{ algorithm, value }] } });
    const ssrc = consumer.rtpParameters.encodings[0].ssrc;
    await peer.setRemoteDescription({ type: 'answer', sdp: answerSdp({ mid, transport, ssrc }) });

    for (let sequence = 1; counts.toWorker < PACKETS_WANTED || counts.fromWorker < PACKETS_WANTED; sequence += 1) {
      if (transport.dtlsState === 'connected') {
        track.writeRtp(rtpPacket(sequence, 1));
        source.send(rtpPacket(sequence, SSRC));
      }
      if (transport.dtlsState === 'failed') throw new Error('the DTLS handshake failed');
      await sleep(20);
    }
  };

  const late = sleep(DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error(
      `no DTLS handshake with audio both ways within ${DEADLINE_MS / 1000} s ` +
        `(packets to the worker: ${counts.toWorker}, from it: ${counts.fromWorker})`,
    );
  });
  await Promise.race([exchange(), died, late]);
  return mediasoup.version;
}

try {
  console.log(`mediasoup ${await guard()}: DTLS handshake and SRTP both ways`);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
