import { createBridgeHost } from '../bridge/index.ts';
import type { BridgeHost, BridgeRequests, NodeRpc, Registrations } from '../bridge/index.ts';
import type { ControlChannels, DelegateStore } from '../app-server/index.ts';
import { NatsNodeRpc } from '../bridge/node-rpc.nats.ts';
import { NatsRegistrations } from '../bridge/registrations.nats.ts';
import { CallbackSender, allTaps, exchangeEvents } from '../app-server/index.ts';
import { UndiciInstructions } from '../app-server/instructions.undici.ts';
import { NodeCallRouter, callDirectory } from '../calls/index.ts';
import { createMediaEngine } from '../media/engine.mediasoup.ts';
import type { ChannelDesk } from '../cluster/channels/index.ts';
import type { Callbacks, Prompts } from '../calls/index.ts';
import type { Metrics } from '../kernel/index.ts';
import type { MediaEngine } from '../media/index.ts';
import type { TransportSet } from '../sip/index.ts';
import { openBridgeRequests } from './open-bridge-requests.ts';
import { openMediaStreams } from './open-media-streams.ts';
import type { CallGuard } from '../bridge/guards/index.ts';
import { openCallGuard } from './open-call-guard.ts';
import { openChannels } from './open-channels.ts';
import { openPhones } from './open-phones.ts';
import { openRecordings } from './open-recordings.ts';
import type { RecordingParts } from './open-recordings.ts';
import { openSipTransport, openUserAgent } from './open-sip.ts';
import { endCallsOfSuspended } from './open-suspension.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import type { TraceParts } from './open-trace.ts';
import { openControlChannels } from './open-control-channels.ts';
import { openDelegates } from './open-delegates.ts';
import { openSessionState } from './open-session-state.ts';
import type { SessionParts } from './open-session-state.ts';
import { announcedAddress } from './platform.ts';
import type { Platform } from './platform.ts';
import { localFirstRpc } from './local-first-rpc.ts';
import { openCallGroups } from './open-call-groups.ts';
import type { CallGroups } from './open-call-groups.ts';
import { sweepRegistrations } from './open-cluster.ts';

/** SIP, media, bridge and call router of this process. */
export interface CallNode {
  readonly host: BridgeHost;
  readonly callGuard: CallGuard;
  readonly router: NodeCallRouter;
  readonly groups: CallGroups;
  /** Status callbacks of the calls. */
  readonly callbacks: Callbacks;
  readonly media: MediaEngine;
  /** Channels of trunks, counted over all nodes. */
  readonly trunkChannels: Pick<ChannelDesk, 'used'>;
  readonly rpc: NodeRpc;
  readonly registrations: Registrations;
  readonly bridgeRequests: BridgeRequests;
  readonly recordings: RecordingParts;
  readonly transport: TransportSet;
  /** To applications that stay connected; they wait for what acts on calls. */
  readonly channels: ControlChannels;
  /** Who is asked in the place of applications. */
  readonly delegates: DelegateStore;
  /** What application servers keep with callers. */
  readonly sessions: SessionParts;
  /**
   * Takes no more calls; resolves when the last one is over. Those still up at the deadline are ended, each party told.
   * Before clients are disconnected. May be repeated with an earlier deadline.
   *
   * @param deadlineMs default: at once
   */
  drain(deadlineMs?: number): Promise<void>;
}

export async function openCallNode(platform: Platform, stores: Stores): Promise<CallNode> {
  const { startup, node, metrics } = platform;
  const { bus, tenants, trace, prompts } = stores;
  const media = await openMedia(platform);
  const sessions = await openSessionState(platform, bus);
  const recordings = await openRecordings(platform, bus);
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
    () => NatsRegistrations.open({ bus: bus.bus, node, isAlive: (other) => bus.cluster.isAlive(other) }),
    (opened) => {
      opened.close();
    },
  );
  bus.cluster.registerSweep(sweepRegistrations(registrations, bus.outbox));
  const bridgeRequests = await openBridgeRequests(platform, bus, { watchesExpiry: true });
  const trunkChannels = await openChannels(platform, { bus, tenants, rpc });
  const callGuard = await openCallGuard(platform, { bus, tenants });
  const host = await openHost(platform, {
    ...stores,
    trunkChannels,
    callGuard,
    bridgeRequests,
    media,
    rpc,
    registrations,
    recordings,
    sessions,
    transport,
  });
  const routing = await openRouter(platform, { host, rpc, bus, tenants, trace, sessions, recordings, prompts });
  const { router, instructions } = routing;
  const userAgent = await openUserAgent(platform, {
    transport,
    handlers: host.sipHandlers,
    teller: { events: bus.outbox, accountSid: stores.accountSid },
    ...(trace.taps.sip === undefined ? {} : { tap: trace.taps.sip }),
  });
  host.start({ router, userAgent, instructions });
  const { clock, log } = platform;
  startup.scope.defer(endCallsOfSuspended({ directory: tenants.directory, router, clock, log }));
  metrics.gauge('hookswitch_calls', 'Calls in progress on this node', [], () => router.activeCalls().length);
  countMedia(metrics, media);
  platform.health.add({
    name: 'media',
    problem: () => (media.workers.length > 0 ? undefined : 'no media worker is running'),
  });
  const drain = async (deadlineMs = 0): Promise<void> => {
    userAgent.drain();
    await Promise.all([host.drain(), router.drain(deadlineMs)]);
  };
  return {
    ...routing,
    host,
    media,
    trunkChannels,
    callGuard,
    rpc,
    registrations,
    bridgeRequests,
    recordings,
    transport,
    sessions,
    drain,
  };
}

interface Stores {
  readonly bus: BusParts;
  readonly tenants: TenantParts;
  readonly trace: TraceParts;
  /** Where what calls say and play comes from. */
  readonly prompts: Prompts;
  readonly accountSid: string;
}

async function openHost(
  platform: Platform,
  parts: Stores & { readonly trunkChannels: ChannelDesk; readonly callGuard: CallGuard } & Pick<
      CallNode,
      'media' | 'rpc' | 'registrations' | 'bridgeRequests' | 'recordings' | 'sessions' | 'transport'
    >,
): Promise<BridgeHost> {
  const { startup, clock, random, log, metrics } = platform;
  const { bus, tenants, trace, media, rpc, registrations, recordings, sessions, transport } = parts;
  const phones = await openPhones(platform, parts);
  return await startup.step(
    'bridge',
    () =>
      createBridgeHost({
        clock,
        random,
        log,
        media,
        events: bus.outbox,
        registrations,
        requests: parts.bridgeRequests,
        rpc,
        trunks: tenants.directory,
        channels: parts.trunkChannels,
        callGuard: parts.callGuard,
        mostLegs: platform.config.mostLegs,
        phones,
        metrics,
        ...recordings.ofLegs,
        streams: openMediaStreams(platform, { directory: tenants.directory, sessions: sessions.state }),
        strangers: { policy: platform.config.sip.strangers },
        ...platform.config.watch,
        ...(trace.taps.calls === undefined ? {} : { observer: trace.taps.calls }),
        sipAddress: bracketed(transport.advertisedFor('udp').address),
      }),
    (opened) => {
      opened.close();
    },
  );
}

function countMedia(metrics: Metrics, media: MediaEngine): void {
  metrics.gauge('hookswitch_media_workers', 'Live mediasoup workers', [], () => media.workers.length);
  metrics.gauge('hookswitch_media_rooms', 'Calls with media', [], () => media.counts.rooms);
  metrics.gauge('hookswitch_media_legs', 'Legs with media', [], () => media.counts.legs);
  metrics.gauge('hookswitch_rtp_ports', 'RTP and RTCP ports that are bound', [], () => media.counts.rtpPorts);
  metrics.gauge('hookswitch_media_objects', 'Live mediasoup objects of calls', ['kind'], () =>
    Object.entries(media.counts.objects).map(([kind, count]) => [{ kind }, count] as const),
  );
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
        handOver: config.mediaHandOver,
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

async function openRouter(
  platform: Platform,
  parts: {
    host: BridgeHost;
    rpc: NodeRpc;
    bus: BusParts;
    tenants: TenantParts;
    trace: TraceParts;
    sessions: SessionParts;
    recordings: RecordingParts;
    prompts: Prompts;
  },
): Promise<
  Pick<CallNode, 'router' | 'callbacks' | 'groups' | 'channels' | 'delegates'> & { instructions: UndiciInstructions }
> {
  const { startup, clock, random, log } = platform;
  const { host, rpc, bus, tenants, trace, sessions, prompts } = parts;
  const keys = tenants.directory;
  const tap = allTaps(trace.taps.http, exchangeEvents(bus.outbox));
  const instructions = await startup.step(
    'application client',
    () =>
      new UndiciInstructions({ keys, sessions: sessions.state, clock, random, log, tap, metrics: platform.metrics }),
    (client) => client.close(),
  );
  const http = { http: instructions, keys, sessions: sessions.state, tap };
  const channels = await openControlChannels(platform, http);
  const { delegates, delegating } = await openDelegates(platform, { bus, inner: channels });
  const callbacks = await startup.step(
    'callback sender',
    () => new CallbackSender({ instructions, clock, random, log }),
    (sender) => sender.close(),
  );
  const events = bus.outbox;
  const groups = await openCallGroups(platform, {
    bus,
    rpc,
    host,
    events,
    instructions,
    prompts,
    callbacks,
    apiUrl: parts.recordings.apiUrl,
  });
  const router = new NodeCallRouter({
    legs: host.legs,
    transcriber: parts.recordings.transcriber,
    apiUrl: parts.recordings.apiUrl,
    conferences: groups.conferences,
    queues: groups.queues,
    instructions: delegating,
    prompts,
    callbacks,
    events: channels.events(bus.outbox),
    directory: callDirectory(tenants.directory),
    clock,
    random,
    log,
  });
  return { router, instructions, callbacks, groups, channels, delegates };
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
