import { createBridgeHost } from '../bridge/index.ts';
import type { BridgeHost, NodeRpc, Registrations } from '../bridge/index.ts';
import { NatsNodeRpc } from '../bridge/node-rpc.nats.ts';
import { NatsRegistrations } from '../bridge/registrations.nats.ts';
import { CallbackSender } from '../app-server/index.ts';
import { UndiciInstructions } from '../app-server/instructions.undici.ts';
import { NodeCallRouter, callDirectory } from '../calls/index.ts';
import { createMediaEngine } from '../media/engine.mediasoup.ts';
import type { MediaEngine } from '../media/index.ts';
import { createPrompts } from '../media-layer/index.ts';
import { createFetcher } from '../media-layer/fetch.undici.ts';
import { createSpeech } from '../media-layer/speech.child.ts';
import { createUserAgent, openUdpTransport } from '../sip/index.ts';
import type { Transport, UserAgent } from '../sip/index.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import { announcedAddress } from './platform.ts';
import type { Platform } from './platform.ts';
import { localFirstRpc } from './local-first-rpc.ts';
import { directoryTrunks } from './trunks.ts';

/** SIP, media, bridge and call router of this process. */
export interface CallNode {
  readonly host: BridgeHost;
  readonly router: NodeCallRouter;
  readonly media: MediaEngine;
  readonly rpc: NodeRpc;
  readonly registrations: Registrations;
  readonly transport: Transport;
  /** Takes no more calls and ends those there are, each party told. Before clients are disconnected. Idempotent. */
  drain(): Promise<void>;
}

/** Time that calls get to end by themselves when the process stops, milliseconds: the default start ends them at once. */
const DRAIN_MS = 0;

export async function openCallNode(
  platform: Platform,
  stores: { bus: BusParts; tenants: TenantParts },
): Promise<CallNode> {
  const { startup, clock, random, log, node, metrics } = platform;
  const { bus, tenants } = stores;
  const media = await openMedia(platform);
  const transport = await openSipTransport(platform);
  const remote = await startup.step(
    'node requests',
    () => new NatsNodeRpc(bus.bus, node),
    (opened) => {
      opened.close();
    },
  );
  const rpc = localFirstRpc(remote);
  const registrations = await startup.step(
    'registrations',
    () => NatsRegistrations.open({ bus: bus.bus, node, isAlive: (other) => other === node }),
    (opened) => {
      opened.close();
    },
  );
  const host = await startup.step(
    'bridge',
    () =>
      createBridgeHost({
        clock,
        random,
        log,
        media,
        events: bus.outbox,
        registrations,
        rpc,
        trunks: directoryTrunks(tenants.directory),
        sipAddress: bracketed(transport.advertised.address),
      }),
    (opened) => {
      opened.close();
    },
  );
  const router = await openRouter(platform, { host, bus, tenants });
  const userAgent: UserAgent = await startup.step(
    'SIP user agent',
    () => createUserAgent({ transport, clock, random, log, handlers: host.sipHandlers }),
    (opened) => {
      opened.close();
    },
  );
  host.start({ router, userAgent });
  metrics.gauge('hookswitch_calls', 'Calls in progress on this node', [], () => router.activeCalls().length);
  metrics.gauge('hookswitch_media_workers', 'Live mediasoup workers', [], () => media.workers.length);
  platform.health.add({
    name: 'media',
    problem: () => (media.workers.length > 0 ? undefined : 'no media worker is running'),
  });
  const drain = async (): Promise<void> => {
    userAgent.drain();
    await router.drain(DRAIN_MS);
  };
  return { host, router, media, rpc, registrations, transport, drain };
}

function openMedia({ config, startup, log, clock, random }: Platform): Promise<MediaEngine> {
  const { sip, webrtc, publicAddress, rtpPorts } = config;
  const announcedRtp = announcedAddress(sip.host, publicAddress);
  const announcedWebRtc = announcedAddress(webrtc.host, publicAddress);
  return startup.step(
    'media workers',
    () =>
      createMediaEngine({
        log,
        clock,
        random,
        ...(webrtc.workers === undefined ? {} : { workers: webrtc.workers }),
        webRtc: {
          ip: webrtc.host,
          ...(announcedWebRtc === webrtc.host ? {} : { announcedAddress: announcedWebRtc }),
          ...(webrtc.port === 0 ? {} : { port: webrtc.port }),
        },
        rtp: {
          ip: sip.host,
          ...(announcedRtp === sip.host ? {} : { announcedAddress: announcedRtp }),
          ...(rtpPorts === undefined ? {} : { ports: { min: rtpPorts.from, max: rtpPorts.to } }),
        },
      }),
    (engine) => engine.close(),
  );
}

function openSipTransport({ config, startup, log }: Platform): Promise<Transport> {
  const { host, port } = config.sip;
  const options = { address: host, advertisedAddress: announcedAddress(host, config.publicAddress), log };
  return startup.step(
    'SIP transport',
    async () => {
      try {
        return await openUdpTransport({ ...options, port: port.number });
      } catch (error) {
        if (port.fixed || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
        log.warn({ port: port.number }, 'the preferred SIP port is taken: using a free one');
        return await openUdpTransport({ ...options, port: 0 });
      }
    },
    (transport) => transport.close(),
  );
}

async function openRouter(
  { startup, clock, random, log }: Platform,
  { host, bus, tenants }: { host: BridgeHost; bus: BusParts; tenants: TenantParts },
): Promise<NodeCallRouter> {
  const keys = tenants.directory;
  const instructions = await startup.step(
    'application client',
    () => new UndiciInstructions({ keys, clock, random, log }),
    (client) => client.close(),
  );
  const callbacks = await startup.step(
    'callback sender',
    () => new CallbackSender({ instructions, clock, random, log }),
    (sender) => sender.close(),
  );
  const fetcher = await startup.step(
    'media fetcher',
    () => createFetcher({ clock }),
    (opened) => opened.close(),
  );
  const prompts = createPrompts({ speech: createSpeech(), fetcher, log, clock });
  return new NodeCallRouter({
    legs: host.legs,
    instructions,
    prompts,
    callbacks,
    events: bus.outbox,
    directory: callDirectory(tenants.directory),
    clock,
    random,
    log,
  });
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
