import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters } from 'werift';
import type { RtpPacket as WeriftPacket } from 'werift';
import { systemClock } from '../../kernel/index.ts';
import { decodeG711, encodeG711, G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import { renderTone } from '../audio/tones.ts';
import type { ClientLegMedia, ClientTransportParameters, G711Codec } from '../ports.ts';
import { serializeRtp } from '../rtp/rtp-packet.ts';
import { Waiting } from '../../testing/waiting.ts';

export const PCMU = { mimeType: 'audio/PCMU', kind: 'audio', clockRate: 8000, channels: 1, preferredPayloadType: 0 };
export const PCMA = { mimeType: 'audio/PCMA', kind: 'audio', clockRate: 8000, channels: 1, preferredPayloadType: 8 };
export const OPUS = {
  mimeType: 'audio/opus',
  kind: 'audio',
  clockRate: 48_000,
  channels: 2,
  preferredPayloadType: 100,
};

interface Received {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
  /** When it came, monotonic milliseconds. */
  readonly at: number;
}
interface Sdp {
  readonly ufrag: string;
  readonly fingerprint: { algorithm: string; value: string };
  readonly ssrc: number;
  readonly mid: string;
}

const UFRAG = /a=ice-ufrag:(\S+)/;

function readOffer(sdp: string): Sdp {
  const [, algorithm = '', value = ''] = /a=fingerprint:(\S+) (\S+)/.exec(sdp) ?? [];
  return {
    ufrag: UFRAG.exec(sdp)?.[1] ?? '',
    fingerprint: { algorithm, value },
    ssrc: Number(/a=ssrc:(\d+)/.exec(sdp)?.[1] ?? 0),
    mid: /a=mid:(\S+)/.exec(sdp)?.[1] ?? '0',
  };
}

function answer(
  transport: ClientTransportParameters,
  offer: Sdp,
  line: { direction: string; codec: G711Codec; ssrc?: number },
): string {
  const ice = transport.iceParameters as { usernameFragment: string; password: string };
  const candidates = transport.iceCandidates as {
    foundation: string;
    protocol: string;
    priority: number;
    ip: string;
    port: number;
  }[];
  const dtls = transport.dtlsParameters as { fingerprints: { algorithm: string; value: string }[] };
  const print = dtls.fingerprints.find((one) => one.algorithm === 'sha-256');
  return [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${offer.mid}`,
    `m=audio 7 UDP/TLS/RTP/SAVPF ${String(G711_PAYLOAD_TYPE[line.codec])}`,
    'c=IN IP4 127.0.0.1',
    `a=rtpmap:${String(G711_PAYLOAD_TYPE[line.codec])} ${line.codec}/8000`,
    'a=setup:passive',
    `a=mid:${offer.mid}`,
    `a=${line.direction}`,
    `a=ice-ufrag:${ice.usernameFragment}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:sha-256 ${print?.value ?? ''}`,
    ...candidates
      .filter((one) => one.protocol === 'udp')
      .map(
        (one) => `a=candidate:${one.foundation} 1 udp ${String(one.priority)} ${one.ip} ${String(one.port)} typ host`,
      ),
    'a=end-of-candidates',
    'a=rtcp-mux',
    ...(line.ssrc === undefined ? [] : [`a=ssrc:${String(line.ssrc)} cname:x`]),
    '',
  ].join('\r\n');
}

/** A browser without a browser: werift, with one peer connection for each direction as mediasoup-client has them. */
export class WebRtcPeer {
  readonly packets: Received[] = [];
  readonly #connections: RTCPeerConnection[] = [];
  readonly #waiting = new Waiting();
  #track: MediaStreamTrack | undefined;
  #codec: G711Codec = 'PCMU';
  #sequence = 1000;
  ssrc = 0;
  producerId = '';

  /** Opens both directions on the leg; resolves when the answers are set (ICE and DTLS go on). */
  async join(leg: ClientLegMedia, codec: G711Codec = 'PCMU'): Promise<void> {
    this.#codec = codec;
    const [{ send, recv }, consumer] = [
      await leg.createTransports(),
      await leg.consume({ codecs: [PCMU, PCMA, OPUS] }),
    ];
    await this.#openSend(leg, send);
    const encodings = (consumer.rtpParameters as { encodings: { ssrc: number }[] }).encodings;
    await this.#openRecv(leg, recv, encodings[0]?.ssrc ?? 0);
  }

  sendTone(hertz: number, n: number): void {
    const samples = renderTone({ frequencies: [hertz], cadenceMs: [], levelDbm0: -10 }, n * 160, 160);
    this.send(encodeG711(this.#codec, samples), n);
  }

  /** One 20 ms packet, the n-th. */
  send(payload: Uint8Array, n: number): void {
    const [payloadType, sequence] = [G711_PAYLOAD_TYPE[this.#codec], this.#sequence++];
    this.#track?.writeRtp(
      serializeRtp({ payloadType, marker: false, sequence, timestamp: n * 160, ssrc: this.ssrc, payload }),
    );
  }

  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  heard(from = 0): Int16Array {
    const parts = this.packets
      .slice(from)
      .map((packet) => decodeG711(packet.payloadType === 8 ? 'PCMA' : 'PCMU', packet.payload));
    return Int16Array.from(parts.flatMap((part) => [...part]));
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  #connection(): RTCPeerConnection {
    const codec = new RTCRtpCodecParameters({
      mimeType: `audio/${this.#codec}`,
      clockRate: 8000,
      channels: 1,
      payloadType: G711_PAYLOAD_TYPE[this.#codec],
    });
    const connection = new RTCPeerConnection({
      iceServers: [],
      iceUseIpv4: true,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: ['127.0.0.1'],
      codecs: { audio: [codec], video: [] },
    });
    this.#connections.push(connection);
    return connection;
  }

  async #openSend(leg: ClientLegMedia, transport: ClientTransportParameters): Promise<void> {
    const connection = this.#connection();
    this.#track = new MediaStreamTrack({ kind: 'audio' });
    connection.addTransceiver(this.#track, { direction: 'sendonly' });
    await connection.setLocalDescription(await connection.createOffer());
    const offer = readOffer(connection.localDescription?.sdp ?? '');
    this.ssrc = offer.ssrc;
    await leg.connectTransport(transport.id, { role: 'client', fingerprints: [offer.fingerprint] });
    const [mimeType, payloadType] = [`audio/${this.#codec}`, G711_PAYLOAD_TYPE[this.#codec]];
    const produced = await leg.produce(transport.id, {
      mid: offer.mid,
      codecs: [{ mimeType, payloadType, clockRate: 8000, channels: 1, parameters: {}, rtcpFeedback: [] }],
      encodings: [{ ssrc: offer.ssrc }],
      rtcp: { cname: 'peer' },
    });
    this.producerId = produced.producerId;
    await connection.setRemoteDescription({
      type: 'answer',
      sdp: answer(transport, offer, { direction: 'recvonly', codec: this.#codec }),
    });
  }

  async #openRecv(leg: ClientLegMedia, transport: ClientTransportParameters, ssrc: number): Promise<void> {
    const connection = this.#connection();
    const transceiver = connection.addTransceiver('audio', { direction: 'recvonly' });
    // As a browser does: whatever comes with the MID is the stream, whichever SSRC it has. werift's tracks know SSRCs only.
    transceiver.dtlsTransport.onRtp.subscribe((packet: WeriftPacket) => {
      const { payloadType, sequenceNumber, timestamp, ssrc: from } = packet.header;
      this.packets.push({
        payloadType,
        sequence: sequenceNumber,
        timestamp,
        ssrc: from,
        payload: packet.payload,
        at: systemClock.monotonic(),
      });
      this.#waiting.wake();
    });
    await connection.setLocalDescription(await connection.createOffer());
    const offer = readOffer(connection.localDescription?.sdp ?? '');
    await leg.connectTransport(transport.id, { role: 'client', fingerprints: [offer.fingerprint] });
    const sdp = answer(transport, offer, { direction: 'sendonly', codec: this.#codec, ssrc });
    await connection.setRemoteDescription({ type: 'answer', sdp });
  }
}
