import { createMediaEngine } from '../../media/engine.mediasoup.ts';
import type { ClientLegMedia, MediaEngine } from '../../media/ports.ts';
import { requireWorkerBin } from '../../media/testing/worker-bin.ts';
import { WebRtcPeer } from '../../media/testing/webrtc-peer.ts';
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createUserAgent, openUdpTransport } from '../../sip/index.ts';
import type { SingleTransport, UserAgent } from '../../sip/index.ts';
import type { LegEvent } from '../../calls/ports.ts';
import type { ExtensionConnection } from '../../gateway/ports.ts';
import type { SoftphonePush, SoftphoneRequestInput } from '@hookswitch/shared';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import { createSoftphoneExtension } from '../softphone-extension.ts';
import type { SoftphoneExtension } from '../softphone-extension.ts';
import { Waiting } from '../../testing/waiting.ts';
import { FakeTrunks, aTrunk } from './trunks.fake.ts';
import { ACCOUNT, FakeBus, FakeRouter, grantsOf } from './world.fake.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

/** The bridge on the real SIP stack and the real media engine; the call router is a script. */
export class RealWorld {
  readonly media: MediaEngine;
  readonly transport: SingleTransport;
  readonly agent: UserAgent;
  readonly host: BridgeHost;
  readonly front: SoftphoneExtension;
  readonly router: FakeRouter;
  readonly bus: FakeBus;
  readonly trunks: FakeTrunks;
  readonly #waiting = new Waiting();

  private constructor(made: {
    media: MediaEngine;
    transport: SingleTransport;
    agent: UserAgent;
    host: BridgeHost;
    front: SoftphoneExtension;
    router: FakeRouter;
    bus: FakeBus;
    trunks: FakeTrunks;
  }) {
    this.media = made.media;
    this.transport = made.transport;
    this.agent = made.agent;
    this.host = made.host;
    this.front = made.front;
    this.router = made.router;
    this.bus = made.bus;
    this.trunks = made.trunks;
  }

  static async open(): Promise<RealWorld> {
    const media = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const transport = await openUdpTransport({ log: silentLog });
    const router = new FakeRouter();
    const bus = new FakeBus(undefined as never);
    const network = new MemoryRpcNetwork(silentLog);
    const registrations = new MemoryRegistrations();
    const common = { ...parts, registrations, events: bus };
    const trunks = new FakeTrunks(aTrunk({ allow: ['127.0.0.0/8'], gateways: [] }));
    const host = createBridgeHost({
      ...common,
      media,
      rpc: network.node('node-a'),
      trunks,
      sipAddress: '127.0.0.1',
    });
    const agent = createUserAgent({ ...parts, transport, handlers: host.sipHandlers, timers: { t1: 200, t4: 100 } });
    const front = createSoftphoneExtension({
      ...common,
      rpc: network.node('gate-a'),
      notifications: bus,
      pickHost: () => 'node-a',
    });
    const world = new RealWorld({ media, transport, agent, host, front, router, bus, trunks });
    router.onEvent = () => {
      world.wake();
    };
    host.start({ router, userAgent: agent });
    return world;
  }

  get sipTarget(): string {
    return `127.0.0.1:${String(this.transport.local.port)}`;
  }

  wake(): void {
    this.#waiting.wake();
  }

  /** Waits for an event (of a leg or a device) that makes the condition true. */
  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  has(kind: LegEvent['kind'], callSid?: string): boolean {
    return this.router.events.some(
      (event) => event.kind === kind && (callSid === undefined || event.callSid === callSid),
    );
  }

  /** The application `<Dial><Client>alice</Client></Dial>` with answerOnBridge, for every incoming call. */
  dialClient(identity: string): void {
    let next = 0;
    const child = new Map<string, string>();
    const { router, host } = this;
    const incoming = router.incoming.bind(router);
    router.incoming = (call) => {
      incoming(call);
      const callSid = `CA${String(++next).padStart(32, '0')}`;
      child.set(callSid, call.callSid);
      host.legs.ring(call.callSid);
      const target = { kind: 'client', identity, parameters: {} } as const;
      const { accountSid, from, to } = call;
      host.legs.place({ callSid, parentCallSid: call.callSid, accountSid, target, from, to, timeoutMs: 20_000 });
      this.wake();
    };
    router.onEvent = (event) => {
      const root = child.get(event.callSid);
      if (root !== undefined && event.kind === 'leg-answered') {
        host.legs.answer(root);
        host.legs.merge(root, event.callSid);
      }
      if (root !== undefined && event.kind === 'leg-ended') {
        host.legs.end(root, { cause: 'hangup-callee', message: 'the callee hung up' });
      }
      this.wake();
    };
  }

  async close(): Promise<void> {
    await this.front.close();
    this.host.close();
    this.agent.close();
    await this.transport.close();
    await this.media.close();
  }
}

/** A softphone: messages to the front, media by a WebRTC peer. */
export class RealDevice {
  readonly pushes: SoftphonePush[] = [];
  readonly peer = new WebRtcPeer();
  readonly #world: RealWorld;
  readonly connection: ExtensionConnection;

  constructor(world: RealWorld, identity = 'alice') {
    this.#world = world;
    this.connection = {
      id: `conn-${String(systemRandom.int(1e9))}`,
      grants: grantsOf(identity, { accountSid: ACCOUNT }),
      push: (body) => {
        this.pushes.push(body as SoftphonePush);
        world.wake();
      },
    };
  }

  async ask(request: SoftphoneRequestInput): Promise<Record<string, unknown>> {
    const answer = await this.#world.front.handle(this.connection, request);
    if (!('result' in answer)) throw new Error(JSON.stringify(answer));
    return answer.result as Record<string, unknown>;
  }

  told(type: SoftphonePush['type']): boolean {
    return this.pushes.some((push) => push.type === type);
  }

  /** Accepts the last incoming call and opens its media. */
  async accept(): Promise<string> {
    const incoming = this.pushes.findLast((push) => push.type === 'incoming');
    if (incoming?.type !== 'incoming') throw new Error('nothing rings');
    const { callSid, token, hint } = incoming;
    await this.#open(await this.ask({ type: 'accept', callSid, token, hint, rtpCapabilities: CAPABILITIES }));
    return callSid;
  }

  async connect(params: Record<string, string>): Promise<string> {
    const media = await this.ask({ type: 'connect', params, rtpCapabilities: CAPABILITIES });
    await this.#open(media);
    return String(media['callSid']);
  }

  close(): Promise<void> {
    return this.peer.close();
  }

  /** The peer drives a media leg; here each of its calls is a softphone message. */
  async #open(media: Record<string, unknown>): Promise<void> {
    const callSid = String(media['callSid']);
    const leg = {
      createTransports: () => Promise.resolve({ send: media['send'], recv: media['recv'] }),
      consume: () => Promise.resolve(media['consumer']),
      connectTransport: async (transportId: string, dtlsParameters: object) => {
        await this.ask({ type: 'connect-transport', callSid, transportId, dtlsParameters: { ...dtlsParameters } });
      },
      produce: (transportId: string, rtpParameters: object) =>
        this.ask({ type: 'produce', callSid, transportId, rtpParameters: { ...rtpParameters }, codec: 'PCMU' }),
    };
    await this.peer.join(leg as unknown as ClientLegMedia);
  }
}

const CAPABILITIES = {
  codecs: [
    { mimeType: 'audio/PCMU', kind: 'audio', clockRate: 8000, channels: 1, preferredPayloadType: 0 },
    { mimeType: 'audio/PCMA', kind: 'audio', clockRate: 8000, channels: 1, preferredPayloadType: 8 },
    { mimeType: 'audio/opus', kind: 'audio', clockRate: 48_000, channels: 2, preferredPayloadType: 100 },
  ],
};
