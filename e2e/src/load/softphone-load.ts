import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { LegMedia, SoftphonePush, SoftphoneRequestInput } from '@hookswitch/shared';
import { WebRtcConnection } from './webrtc-load.ts';
import type { WebRtcTally } from './webrtc-load.ts';

/** A softphone without a browser: speaks the hub protocol's softphone extension, accepts every call. */
export class SoftphoneLoad {
  readonly identity: string;
  readonly #socket: WebSocket;
  readonly #tally: WebRtcTally;
  readonly #results = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #merged = Promise.withResolvers<void>();
  readonly #microphone = Promise.withResolvers<WebRtcConnection>();
  #id = 1;
  #callSid = '';
  #connections: WebRtcConnection[] = [];
  #consumers = 0;

  readonly #accepts: boolean;

  private constructor(identity: string, parts: { socket: WebSocket; tally: WebRtcTally; accepts: boolean }) {
    const { socket, tally } = parts;
    this.identity = identity;
    this.#accepts = parts.accepts;
    this.#socket = socket;
    this.#tally = tally;
    // What is of interest to nobody yet is no error of the process.
    this.#merged.promise.catch(() => undefined);
    socket.on('message', (text: Buffer) => {
      this.#receive(JSON.parse(text.toString('utf8')) as Record<string, unknown>);
    });
  }

  /** Connected and registered. `accepts`: takes every call (default), or lets them ring. */
  static async open(
    url: string,
    who: { readonly identity: string; readonly token: string; readonly accepts?: boolean },
    tally: WebRtcTally,
  ): Promise<SoftphoneLoad> {
    const { identity, token, accepts = true } = who;
    const socket = new WebSocket(url, 'hookswitch.v1');
    const phone = new SoftphoneLoad(identity, { socket, tally, accepts });
    await once(socket, 'open');
    await phone.#command({ type: 'connect', token });
    await phone.#request({ type: 'register' });
    return phone;
  }

  /** Resolves when the server says that audio is up both ways. */
  get merged(): Promise<void> {
    return this.#merged.promise;
  }

  /** The microphone, from when the call was accepted on. */
  get microphone(): Promise<WebRtcConnection> {
    return this.#microphone.promise;
  }

  /** How often the server replaced what is heard. */
  get consumers(): number {
    return this.#consumers;
  }

  async hangup(): Promise<void> {
    if (this.#callSid !== '') await this.#request({ type: 'hangup', callSid: this.#callSid }).catch(() => undefined);
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
  }

  async close(): Promise<void> {
    await this.hangup();
    this.#socket.close();
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close');
  }

  #command(frame: Record<string, unknown>): Promise<unknown> {
    const id = this.#id++;
    const waiting = Promise.withResolvers<unknown>();
    this.#results.set(id, waiting);
    this.#socket.send(JSON.stringify({ ...frame, id }));
    return waiting.promise;
  }

  #request(body: SoftphoneRequestInput): Promise<unknown> {
    return this.#command({ type: 'extension', extension: 'softphone', body });
  }

  #receive(frame: Record<string, unknown>): void {
    if (frame['type'] === 'ping') this.#socket.send(JSON.stringify({ type: 'pong' }));
    else if (frame['type'] === 'extension') this.#push(frame['body'] as SoftphonePush);
    const waiting = this.#results.get(frame['id'] as number);
    if (waiting === undefined) return;
    this.#results.delete(frame['id'] as number);
    if (frame['type'] === 'error') waiting.reject(new Error(`${this.identity}: ${String(frame['message'])}`));
    else waiting.resolve(frame['body']);
  }

  #push(push: SoftphonePush): void {
    if (push.type === 'incoming' && this.#accepts)
      this.#accept(push).catch((error: unknown) => {
        this.#merged.reject(error);
      });
    else if (push.type === 'merged') this.#merged.resolve();
    else if (push.type === 'consumer') this.#consumers++;
    else if (push.type === 'ended' || push.type === 'cancel')
      this.#merged.reject(new Error(`${this.identity}: call ended: ${JSON.stringify(push)}`));
  }

  async #accept(incoming: Extract<SoftphonePush, { type: 'incoming' }>): Promise<void> {
    const { callSid, token, hint } = incoming;
    this.#callSid = callSid;
    const rtpCapabilities = {
      codecs: [
        {
          mimeType: 'audio/PCMU',
          kind: 'audio',
          clockRate: 8000,
          channels: 1,
          preferredPayloadType: 0,
          parameters: {},
          rtcpFeedback: [],
        },
      ],
      headerExtensions: [],
    };
    const media = (await this.#request({ type: 'accept', callSid, token, hint, rtpCapabilities })) as LegMedia;
    const microphone = new WebRtcConnection(`${this.identity}-send`, this.#tally);
    const speaker = new WebRtcConnection(`${this.identity}-recv`, this.#tally);
    this.#connections = [microphone, speaker];
    this.#microphone.resolve(microphone);
    microphone.addAudio('sendonly');
    speaker.addAudio('recvonly');
    await Promise.all([
      this.#connect(microphone, media.send, 'recvonly').then(() =>
        this.#request({
          type: 'produce',
          callSid,
          transportId: media.send.id,
          codec: 'PCMU',
          rtpParameters: {
            mid: '0',
            codecs: [
              {
                mimeType: 'audio/PCMU',
                payloadType: 0,
                clockRate: 8000,
                channels: 1,
                parameters: {},
                rtcpFeedback: [],
              },
            ],
            encodings: [{ ssrc: microphone.ssrc }],
            headerExtensions: [],
            rtcp: { cname: 'load' },
          },
        }),
      ),
      this.#connect(speaker, media.recv, 'sendonly'),
    ]);
  }

  async #connect(
    connection: WebRtcConnection,
    transport: LegMedia['send'],
    direction: 'sendonly' | 'recvonly',
  ): Promise<void> {
    const offer = await connection.offer();
    const [, algorithm = '', value = ''] = /a=fingerprint:(\S+) (\S+)/i.exec(offer) ?? [];
    await this.#request({
      type: 'connect-transport',
      callSid: this.#callSid,
      transportId: transport.id,
      dtlsParameters: { role: 'client', fingerprints: [{ algorithm: algorithm.toLowerCase(), value }] },
    });
    connection.accept(answerOf(transport, direction));
  }
}

/** The answer that stands for a mediasoup transport: ICE lite, DTLS server. No a=ssrc: replaced consumers are followed. */
function answerOf(transport: LegMedia['send'], direction: string): string {
  const ice = transport.iceParameters as { usernameFragment: string; password: string };
  const { fingerprints } = transport.dtlsParameters as { fingerprints: { algorithm: string; value: string }[] };
  const candidates = transport.iceCandidates as {
    foundation: string;
    protocol: string;
    priority: number;
    address?: string;
    ip?: string;
    port: number;
  }[];
  return [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=group:BUNDLE 0',
    'm=audio 7 UDP/TLS/RTP/SAVPF 0',
    'c=IN IP4 127.0.0.1',
    'a=rtpmap:0 PCMU/8000',
    'a=setup:passive',
    'a=mid:0',
    `a=${direction}`,
    `a=ice-ufrag:${ice.usernameFragment}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:sha-256 ${fingerprints.find(({ algorithm }) => algorithm === 'sha-256')?.value ?? ''}`,
    ...candidates
      .filter(({ protocol }) => protocol === 'udp')
      .map(
        ({ foundation, priority, address, ip, port }) =>
          `a=candidate:${foundation} 1 udp ${priority} ${address ?? ip ?? ''} ${port} typ host`,
      ),
    'a=end-of-candidates',
    'a=rtcp-mux',
    '',
  ].join('\r\n');
}
