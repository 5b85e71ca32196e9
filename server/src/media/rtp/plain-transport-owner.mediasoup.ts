import type { types } from 'mediasoup';
import { G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import type { G711Codec, LegStatistics } from '../ports.ts';
import { mediasoupStream } from './mediasoup-statistics.mediasoup.ts';
import { COMFORT_NOISE, parseRtp } from './rtp-packet.ts';
import type { RtpPacket } from './rtp-packet.ts';
import type { RtpPortOwner, RtpPortState } from './rtp-port-owner.ts';

/**
 * mediasoup forwards no telephone-event, but never looks into a payload either: under the name of a codec that it knows, and that
 * nobody speaks, the events pass: to whom asks for that codec, closed up for everybody else. In every router; not in what clients are told of it.
 */
const EVENT_ALIAS = { kind: 'audio', mimeType: 'audio/iLBC', clockRate: 8000, preferredPayloadType: 97 } as const;
/** Comfort noise likewise (RFC 3389): a packet of an unknown payload type would be dropped and be missing to the browser. */
const COMFORT_NOISE_ALIAS = {
  kind: 'audio',
  mimeType: 'audio/SILK',
  clockRate: 8000,
  preferredPayloadType: 98,
} as const;

/** What every router has to know for it. */
export const ALIASES: types.RtpCodecCapability[] = [EVENT_ALIAS, COMFORT_NOISE_ALIAS];

/** A router's capabilities as clients are told of them. */
export function clientCapabilities(capabilities: types.RtpCapabilities): types.RtpCapabilities {
  const codecs = capabilities.codecs ?? [];
  const isAlias = (name: string): boolean => ALIASES.some(({ mimeType }) => mimeType === name);
  return { ...capabilities, codecs: codecs.filter(({ mimeType }) => !isAlias(mimeType)) };
}

export interface PlainTransportOwnerOptions {
  readonly router: types.Router;
  readonly direct: types.DirectTransport;
  readonly state: RtpPortState;
  /** The client's microphone, in the codec of the state. */
  readonly microphone: types.Producer;
  /** RTCP name of the phone's stream inside the router. */
  readonly cname: string;
  /** A telephone-event packet from the phone. */
  readonly onEvent: (packet: RtpPacket) => void;
  /** A comfort-noise packet from the phone: it may say nothing for a while now. */
  readonly onComfortNoise: () => void;
}

/** Byte counters of the port, for telling whether it does its work. */
export interface PortCounters {
  /** Everything that came from the phone's address, RTCP too. */
  readonly received: number;
  /** RTP of the stream that the owner knows. */
  readonly rtpReceived: number;
  readonly rtpSent: number;
}

/**
 * A mediasoup PlainTransport on the RTP and RTCP ports that the Node endpoint has bound: the worker carries the audio of phone
 * and client both ways, reports by RTCP and counts. Node is left with the phone's keys. It knows one SSRC and one remote
 * address; when either changes the port has to go back.
 */
export class PlainTransportOwner implements RtpPortOwner {
  readonly kind = 'plain';
  /** What the phone says. */
  readonly producer: types.Producer;
  readonly #transport: types.PlainTransport;
  readonly #voice: types.Consumer;

  private constructor(transport: types.PlainTransport, producer: types.Producer, voice: types.Consumer) {
    this.#transport = transport;
    this.producer = producer;
    this.#voice = voice;
  }

  /** Everything is ready, nothing is sent until start(). Rejects as mediasoup does, and leaves nothing behind. */
  static async open(options: PlainTransportOwnerOptions): Promise<PlainTransportOwner> {
    const { router, state, microphone } = options;
    const { address: ip, port } = state.local;
    const flags = { udpReusePort: true };
    const transport = await router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip, port, flags },
      rtcpListenInfo: { protocol: 'udp', ip, port: port + 1, flags },
      rtcpMux: false,
      comedia: false,
    });
    try {
      const { address, port: remotePort } = state.target;
      await transport.connect({ ip: address, port: remotePort, rtcpPort: state.rtcpPort });
      const [producer, voice] = await Promise.all([
        transport.produce({ kind: 'audio', rtpParameters: parametersOf(options) }),
        transport.consume({ producerId: microphone.id, rtpCapabilities: onlyCodec(state.codec), paused: true }),
      ]);
      await tap(options, producer);
      return new PlainTransportOwner(transport, producer, voice);
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  /** The phone hears the client from here. */
  async start(): Promise<void> {
    await this.#voice.resume();
  }

  /** The phone hears nothing from here any more. */
  async stop(): Promise<void> {
    if (!this.#voice.closed) await this.#voice.pause();
  }

  async counters(): Promise<PortCounters> {
    const [stats] = await this.#transport.getStats();
    return {
      received: stats?.bytesReceived ?? 0,
      rtpReceived: stats?.rtpBytesReceived ?? 0,
      rtpSent: stats?.rtpBytesSent ?? 0,
    };
  }

  async statistics(): Promise<LegStatistics> {
    const [[received], sent] = await Promise.all([this.producer.getStats(), this.#voice.getStats()]);
    const outgoing = sent.find((part) => part.type === 'outbound-rtp');
    return {
      received: mediasoupStream(received),
      sent: mediasoupStream(outgoing),
      // 0 stands for unknown.
      roundTripMs: [outgoing, received].map((part) => part?.roundTripTime).find((ms) => ms !== undefined && ms > 0),
      counters: {},
    };
  }

  /** Frees the ports, and ends every consumer of `producer`. Idempotent. */
  close(): void {
    this.#transport.close();
  }
}

function parametersOf({ state, cname }: PlainTransportOwnerOptions): types.RtpParameters {
  const { codec, telephoneEvent, receivedSsrc } = state;
  const alias = ({ mimeType, clockRate }: types.RouterRtpCodecCapability, payloadType: number) => ({
    mimeType,
    clockRate,
    payloadType,
  });
  const audio = { mimeType: `audio/${codec}`, clockRate: 8000, channels: 1, payloadType: G711_PAYLOAD_TYPE[codec] };
  const events = telephoneEvent === undefined ? [] : [alias(EVENT_ALIAS, telephoneEvent)];
  // Whoever did not announce it may send it all the same.
  const noise = telephoneEvent === COMFORT_NOISE ? [] : [alias(COMFORT_NOISE_ALIAS, COMFORT_NOISE)];
  return { codecs: [audio, ...events, ...noise], encodings: [{ ssrc: receivedSsrc }], rtcp: { cname } };
}

function onlyCodec(codec: G711Codec): types.RtpCapabilities {
  const [mimeType, preferredPayloadType] = [`audio/${codec}`, G711_PAYLOAD_TYPE[codec]];
  return { codecs: [{ kind: 'audio', mimeType, clockRate: 8000, channels: 1, preferredPayloadType }] };
}

/** Gets what is no audio. */
async function tap(
  { direct, onEvent, onComfortNoise }: PlainTransportOwnerOptions,
  producer: types.Producer,
): Promise<void> {
  const consumer = await direct.consume({ producerId: producer.id, rtpCapabilities: { codecs: ALIASES } });
  consumer.on('rtp', (datagram) => {
    const packet = parseRtp(datagram);
    if (packet?.payloadType === EVENT_ALIAS.preferredPayloadType) onEvent(packet);
    if (packet?.payloadType === COMFORT_NOISE_ALIAS.preferredPayloadType) onComfortNoise();
  });
}
