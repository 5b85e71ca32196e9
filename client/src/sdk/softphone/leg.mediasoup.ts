import { Device } from 'mediasoup-client';
import type { types } from 'mediasoup-client';
import type { LegMedia } from '@hookswitch/shared';
import { clientError, toHookswitchError } from '../kit/index.ts';
import type { Codec, Leg, LegOptions, LegStatistics, Media, MediaParameters, ProducedCodec } from './ports.ts';

/** How long what was heard or said before goes on after a change of codec, so that nothing is lost in between. */
const OVERLAP_MS = 2000;

/** WebRTC by mediasoup-client: one send and one receive transport a call, against the server's WebRtcServer. */
export function mediasoupMedia(): Media {
  let device: Device | undefined;
  let loading: Promise<Device> | undefined;
  return {
    load: async (serverCapabilities) => {
      loading ??= load(serverCapabilities);
      try {
        device = await loading;
      } catch (error) {
        loading = undefined;
        throw toHookswitchError(error, 'mediaUnsupported');
      }
    },
    get capabilities() {
      if (device === undefined) throw clientError('invalidState', { message: 'register the device first' });
      return device.recvRtpCapabilities as MediaParameters;
    },
    openLeg: async (options) => {
      if (device === undefined) throw clientError('invalidState', { message: 'register the device first' });
      const leg = new MediasoupLeg(device, options);
      try {
        await leg.open();
        return leg;
      } catch (error) {
        leg.close();
        throw toHookswitchError(error, 'mediaLost');
      }
    },
  };
}

async function load(serverCapabilities: MediaParameters): Promise<Device> {
  const device = await Device.factory();
  await device.load({ routerRtpCapabilities: serverCapabilities });
  return device;
}

const MIME: Record<ProducedCodec, string> = { PCMU: 'audio/pcmu', opus: 'audio/opus' };
const NAMES: Readonly<Record<string, Codec>> = { 'audio/pcmu': 'PCMU', 'audio/pcma': 'PCMA', 'audio/opus': 'opus' };

class MediasoupLeg implements Leg {
  readonly remoteStream = new MediaStream();
  readonly localStream: MediaStream;
  readonly #device: Device;
  readonly #options: LegOptions;
  readonly #send: types.Transport;
  readonly #recv: types.Transport;
  readonly #producers = new Map<ProducedCodec, types.Producer>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #microphone: MediaStreamTrack;
  #consumer: types.Consumer | undefined;
  #producing: ProducedCodec | undefined;
  #muted = false;
  #wasConnected = false;
  #closed = false;

  constructor(device: Device, options: LegOptions) {
    const { media, microphone } = options;
    this.#device = device;
    this.#options = options;
    this.#microphone = microphone;
    this.localStream = new MediaStream([microphone]);
    this.#send = device.createSendTransport(transportOptions(media.send, media));
    this.#recv = device.createRecvTransport(transportOptions(media.recv, media));
    for (const transport of [this.#send, this.#recv]) this.#wire(transport);
  }

  get codec(): Codec {
    const mime = this.#consumer?.rtpParameters.codecs[0]?.mimeType.toLowerCase() ?? '';
    return NAMES[mime] ?? 'PCMU';
  }

  get isConnected(): boolean {
    return this.#send.connectionState === 'connected' && this.#recv.connectionState === 'connected';
  }

  async open(): Promise<void> {
    await Promise.all([this.replaceConsumer(this.#options.media.consumer), this.produceIn('PCMU')]);
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#microphone.enabled = !muted;
    for (const producer of this.#producers.values()) {
      if (muted) producer.pause();
      else producer.resume();
    }
  }

  async replaceMicrophone(track: MediaStreamTrack): Promise<void> {
    const before = this.#microphone;
    this.#microphone = track;
    track.enabled = !this.#muted;
    // `replaceTrack` stops the producer's earlier track.
    for (const producer of this.#producers.values()) await producer.replaceTrack({ track: track.clone() });
    this.localStream.addTrack(track);
    this.localStream.removeTrack(before);
    before.stop();
  }

  async replaceConsumer(parameters: LegMedia['consumer']): Promise<void> {
    const before = this.#consumer;
    const consumer = await this.#recv.consume({
      ...parameters,
      rtpParameters: parameters.rtpParameters as unknown as types.RtpParameters,
    });
    if (this.#closed) return;
    this.#consumer = consumer;
    this.remoteStream.addTrack(consumer.track);
    if (before === undefined) return;
    this.remoteStream.removeTrack(before.track);
    before.close();
    this.#options.on.codec(this.codec);
    this.#later(() => {
      for (const [codec, producer] of this.#producers) if (codec !== this.#producing) this.#drop(codec, producer);
    });
  }

  async produceIn(codec: ProducedCodec): Promise<void> {
    this.#producing = codec;
    const capability = this.#device.sendRtpCapabilities.codecs?.find(
      ({ mimeType }) => mimeType.toLowerCase() === MIME[codec],
    );
    if (capability === undefined)
      throw clientError('mediaUnsupported', { message: `this browser cannot send ${codec}` });
    const track = this.#microphone.clone();
    const before = this.#producers.get(codec);
    const producer = await this.#send.produce({
      track,
      codec: capability,
      codecOptions: { opusStereo: false, opusDtx: true, opusFec: true },
      appData: { codec },
    });
    if (this.#isClosed()) return;
    this.#producers.set(codec, producer);
    before?.close();
    if (this.#muted) producer.pause();
  }

  async restartIce(): Promise<void> {
    const { signal, media } = this.#options;
    await Promise.all(
      [this.#send, this.#recv].map(async (transport) => {
        const answer = await signal('restart-ice', { callSid: media.callSid, transportId: transport.id });
        if (!this.#closed) await transport.restartIce({ iceParameters: answer.iceParameters as types.IceParameters });
      }),
    );
  }

  async statistics(): Promise<LegStatistics> {
    const [recv, send] = await Promise.all([this.#recv.getStats(), this.#send.getStats()]);
    const inbound = streams(recv, 'inbound-rtp');
    const outbound = find(send, 'outbound-rtp');
    const pair = find(send, 'candidate-pair');
    const seconds = (value: unknown): number | undefined => (typeof value === 'number' ? value * 1000 : undefined);
    return {
      packetsReceived: sum(inbound, 'packetsReceived'),
      packetsLost: sum(inbound, 'packetsLost'),
      jitterMs: seconds(inbound.at(-1)?.['jitter']),
      packetsSent: Number(outbound['packetsSent'] ?? 0),
      roundTripMs: seconds(pair['currentRoundTripTime']),
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#send.close();
    this.#recv.close();
    for (const track of this.localStream.getTracks()) track.stop();
    for (const track of this.remoteStream.getTracks()) this.remoteStream.removeTrack(track);
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #drop(codec: ProducedCodec, producer: types.Producer): void {
    this.#producers.delete(codec);
    producer.close();
  }

  #later(action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#closed) action();
    }, OVERLAP_MS);
    this.#timers.add(timer);
  }

  #wire(transport: types.Transport): void {
    const { signal, media } = this.#options;
    const { callSid } = media;
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      // Not waited for: ICE and DTLS start while the request travels. A refusal shows as a failed transport.
      signal('connect-transport', {
        callSid,
        transportId: transport.id,
        dtlsParameters: dtlsParameters,
      }).catch((error: unknown) => {
        if (!this.#closed) failed(toHookswitchError(error, 'mediaLost'));
        transport.close();
        this.#options.on.connected(false);
      });
      done();
    });
    transport.on('produce', ({ rtpParameters, appData }, done, failed) => {
      signal('produce', {
        callSid,
        transportId: transport.id,
        rtpParameters: rtpParameters,
        codec: appData['codec'] as ProducedCodec,
      }).then(
        ({ producerId }) => {
          done({ id: producerId });
        },
        (error: unknown) => {
          failed(toHookswitchError(error, 'mediaLost'));
        },
      );
    });
    transport.on('connectionstatechange', (state) => {
      if (this.#closed) return;
      if (this.isConnected) {
        this.#wasConnected = true;
        this.#options.on.connected(true);
      } else if (state === 'failed' || (state === 'disconnected' && this.#wasConnected)) {
        this.#options.on.connected(false);
      }
    });
  }
}

function transportOptions(parameters: LegMedia['send'], media: LegMedia): types.TransportOptions {
  return {
    id: parameters.id,
    iceParameters: parameters.iceParameters as unknown as types.IceParameters,
    iceCandidates: parameters.iceCandidates as unknown as types.IceCandidate[],
    dtlsParameters: parameters.dtlsParameters as unknown as types.DtlsParameters,
    iceServers: media.iceServers.map(({ urls, username, credential }) => ({
      urls,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    })),
  };
}

function find(report: RTCStatsReport, type: string): Record<string, unknown> {
  let found: Record<string, unknown> = {};
  report.forEach((entry: Record<string, unknown>) => {
    if (entry['type'] === type && (type !== 'candidate-pair' || entry['nominated'] === true)) found = entry;
  });
  return found;
}

/** Every stream of that type, the one heard last at the end: the server changes SSRCs within a call. */
function streams(report: RTCStatsReport, type: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  report.forEach((entry: Record<string, unknown>) => {
    if (entry['type'] === type) found.push(entry);
  });
  const heardAt = (entry: Record<string, unknown>): number => Number(entry['lastPacketReceivedTimestamp'] ?? 0);
  return found.sort((a, b) => heardAt(a) - heardAt(b));
}

const sum = (entries: readonly Record<string, unknown>[], key: string): number =>
  entries.reduce((total, entry) => total + Number(entry[key] ?? 0), 0);
