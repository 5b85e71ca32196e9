import type { types } from 'mediasoup';
import { MediaError } from '../media-error.ts';
import type { ClientTransportParameters, ClientTransportState, MediasoupJson } from '../ports.ts';
import { refusal } from './refusal.mediasoup.ts';

export type TransportSide = 'send' | 'recv';

/** The two WebRTC transports of a browser: one that it sends on, one that it receives on. */
export interface TransportPair {
  readonly send: types.WebRtcTransport;
  readonly recv: types.WebRtcTransport;
}

export interface ClientTransportsOptions {
  readonly router: types.Router;
  readonly server: types.WebRtcServer;
  readonly onState: (transportId: string, side: TransportSide, state: ClientTransportState) => void;
}

/** ICE and DTLS as one state. */
export function foldState(ice: types.IceState, dtls: types.DtlsState): ClientTransportState {
  if (dtls === 'failed') return 'failed';
  if (dtls === 'closed' || ice === 'closed') return 'closed';
  if (ice === 'disconnected') return 'disconnected';
  if (dtls === 'connected') return 'connected';
  return ice === 'new' && dtls === 'new' ? 'new' : 'connecting';
}

/** Creates, connects and watches the transports of one client leg. */
export class ClientTransports {
  readonly #options: ClientTransportsOptions;
  readonly #connecting = new Map<string, Promise<void>>();
  readonly #states = new Map<string, ClientTransportState>();
  #pair: Promise<TransportPair> | undefined;
  #closed = false;

  constructor(options: ClientTransportsOptions) {
    this.#options = options;
  }

  /** True when both are connected. */
  get isConnected(): boolean {
    const states = [...this.#states.values()];
    return states.length === 2 && states.every((state) => state === 'connected');
  }

  /** Both transports, created on the first call. @throws MediaError `closed` */
  pair(): Promise<TransportPair> {
    this.#pair ??= (async () => {
      const [send, recv] = await Promise.all([this.#create('send'), this.#create('recv')]);
      return { send, recv };
    })();
    return this.#pair;
  }

  /** @throws MediaError `unknown-transport`, `bad-parameters`, `closed` */
  async connect(transportId: string, dtlsParameters: MediasoupJson): Promise<void> {
    const transport = await this.find(transportId);
    let connecting = this.#connecting.get(transportId);
    if (connecting === undefined) {
      connecting = transport.connect({ dtlsParameters: structuredClone(dtlsParameters) as types.DtlsParameters });
      this.#connecting.set(transportId, connecting);
    }
    try {
      await connecting;
    } catch (error) {
      this.#connecting.delete(transportId);
      throw refusal(error, 'the DTLS parameters of the client');
    }
  }

  /** @throws MediaError `unknown-transport`, `closed` */
  async restartIce(transportId: string): Promise<MediasoupJson> {
    const transport = await this.find(transportId);
    try {
      return await transport.restartIce();
    } catch (error) {
      throw refusal(error, 'the ICE restart');
    }
  }

  /** @throws MediaError `unknown-transport` */
  async find(transportId: string): Promise<types.WebRtcTransport> {
    const pair = await this.#pair;
    const found = [pair?.send, pair?.recv].find((transport) => transport?.id === transportId);
    if (found === undefined) {
      throw new MediaError(
        'unknown-transport',
        `this leg has no transport ${transportId}; create its transports first`,
      );
    }
    return found;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pair = await this.#pair?.catch(() => undefined);
    pair?.send.close();
    pair?.recv.close();
  }

  async #create(side: TransportSide): Promise<types.WebRtcTransport> {
    const { router, server, onState } = this.#options;
    let transport: types.WebRtcTransport;
    try {
      transport = await router.createWebRtcTransport({ webRtcServer: server, preferUdp: true });
    } catch (error) {
      throw refusal(error, 'a WebRTC transport');
    }
    if (this.#closed) {
      transport.close();
      throw new MediaError('closed', 'the client leg was closed while its transports were being made');
    }
    const changed = (): void => {
      const state = foldState(transport.iceState, transport.dtlsState);
      if (this.#states.get(transport.id) === state) return;
      this.#states.set(transport.id, state);
      onState(transport.id, side, state);
    };
    this.#states.set(transport.id, 'new');
    transport.on('icestatechange', changed);
    transport.on('dtlsstatechange', changed);
    return transport;
  }
}

/** What the client's library needs to make its end of a transport. */
export function describeTransport(transport: types.WebRtcTransport): ClientTransportParameters {
  const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
  return { id, iceParameters, iceCandidates, dtlsParameters };
}
