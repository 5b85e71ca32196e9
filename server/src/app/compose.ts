import type { TransportSet } from '../sip/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { openCallRequests } from './open-call-requests.ts';
import { keepRecordings } from './open-recording-retention.ts';
import { openQueueLoad } from './open-queue-load.ts';
import { openRecords, projectRecords } from './open-records.ts';
import { openCallNode } from './open-call-node.ts';
import type { CallNode } from './open-call-node.ts';
import { openDemo } from './open-demo.ts';
import type { DemoParts } from './open-demo.ts';
import { openAllocator } from './open-allocator.ts';
import { openNodeLoad } from './open-node-load.ts';
import { openMediaLayerHere, openRemotePrompts } from './open-media-layer.ts';
import { openConsole } from './open-console.ts';
import { openEdge } from './open-edge.ts';
import type { Edge } from './open-edge.ts';
import { openBus, openTenants } from './open-stores.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import { openTrace } from './open-trace.ts';
import type { TraceParts } from './open-trace.ts';
import { openRecordingFiles } from './open-recordings.ts';
import { transcode } from '../media-layer/recordings/transcode.child.ts';
import type { Platform } from './platform.ts';
import { removeRunState, writeRunState } from './run-state.ts';
import type { RunState } from './run-state.ts';
import { commonState, provisioned, serve, startServer } from './server-lifetime.ts';
import type { FirstCredentials, Server } from './server.ts';

/**
 * Starts every role in this process, in the order in which they need each other; closing goes the other way.
 *
 * @throws whatever the first part that did not start threw, after everything opened before was closed
 */
export const openServer = (config: Config, given: { log: Log; signal: AbortSignal }): Promise<Server> =>
  startServer(config, given, openParts);

async function openParts(platform: Platform): Promise<Server> {
  const { node, startup } = platform;
  const trace = await openTrace(platform);
  const bus = await openBus(platform, trace);
  const tenants = await openTenants(platform, bus);
  const demo = await openDemo(platform, tenants);
  const media = platform.config.roles.includes('media')
    ? await openMediaLayerHere(platform, { bus, tenants })
    : undefined;
  const prompts = media?.prompts ?? (await openRemotePrompts(platform, { bus, tenants }));
  const callNode = await openCallNode(platform, { bus, tenants, trace, prompts, accountSid: demo.seeded.account.sid });
  const load = await openNodeLoad(platform, { bus, callNode });
  const records = await openRecords(platform, { tenants });
  const { placement } = load;
  const requests = await openCallRequests(platform, { bus, tenants, callNode, placement });
  callNode.channels.attach((request) => requests.callControl.request(request, node));
  await projectRecords(platform, { bus, records, endUnheld: requests.endUnheld, callbacks: callNode.callbacks });
  const { conferences, queueControl: queues } = callNode.groups;
  const files = await openRecordingFiles(platform, bus, media?.housekeeping);
  await keepRecordings(platform, { bus, tenants, records, files });
  const calls = { records, ...requests, conferences, queues, recordingFiles: files, transcode };
  const queue = openQueueLoad(platform, { bus, callNode, facts: requests.queueFacts });
  const allocator = await openAllocator(platform, { bus, load, databaseUrl: tenants.databaseUrl, queue });
  const { store } = allocator;
  const { directory } = tenants;
  const { console, tellOf } = openConsole(platform, {
    ...{ bus, directory, callNode, load, store },
    queue: requests.queueFacts,
  });
  const edge = await openEdge(platform, {
    ...{ bus, tenants, callNode, trace, demo: demo.access, calls: { ...calls, cluster: console } },
    ...(media === undefined ? {} : { media: media.plugins }),
    // The calls of clients here are not for a node that takes no more.
    pickHost: () => (load.drain.begun ? load.placement.pick() : undefined) ?? node,
  });
  tellOf(edge.quotas);
  const parts: Parts = { bus, tenants, demo, callNode, edge, trace };
  callNode.recordings.announce(new URL(edge.pageUrl).origin);
  // First of all at the end: browsers hear that their call is over while they are still connected.
  startup.scope.defer(() => callNode.drain());

  await keepRunState(platform, parts);
  load.ready();
  const { address, port } = callNode.transport.advertisedFor('udp');
  const served = serve(platform, bus, {
    accountSid: demo.seeded.account.sid,
    addresses: {
      sip: `${address}:${port}`,
      hub: edge.wsUrl,
      ...provisioned(platform),
      // Other processes know no certificate of this one.
      ...(media === undefined || edge.certificate !== undefined ? {} : { media: new URL(edge.pageUrl).origin }),
    },
  });
  return {
    state: stateOf(platform, parts),
    pageLink: linkOf(edge, demo.access?.key),
    credentials: firstCredentials(demo),
    drained: load.drain.finished,
    drain: (deadlineMs) => load.drain.begin(deadlineMs),
    ...served,
  };
}

interface Parts {
  readonly bus: BusParts;
  readonly tenants: TenantParts;
  readonly demo: DemoParts;
  readonly callNode: CallNode;
  readonly edge: Edge;
  readonly trace: TraceParts;
}

/** The port of SIP over TLS, where there is one. */
function tlsPort(transport: TransportSet): { tlsPort?: number } {
  return transport.protocols.includes('tls') ? { tlsPort: transport.advertisedFor('tls').port } : {};
}

/** Writes the run-state file, and again whenever a child process named in it was replaced. */
async function keepRunState(platform: Platform, parts: Parts): Promise<void> {
  const { startup, config } = platform;
  const write = (): void => {
    if (!startup.scope.isClosed) writeRunState(stateOf(platform, parts));
  };
  await startup.step('run state', write, () => {
    removeRunState(config.dataDir);
  });
  startup.scope.defer(parts.callNode.media.on('worker-started', write));
  startup.scope.defer(parts.bus.bus.on('reconnected', write));
}

function stateOf(platform: Platform, { bus, tenants, demo, callNode, edge, trace }: Parts): RunState {
  const { address, port } = callNode.transport.advertisedFor('udp');
  return {
    ...commonState(platform, { pageUrl: edge.pageUrl, bus, accountSid: demo.seeded.account.sid }),
    ...(edge.certificate === undefined ? {} : { certificate: edge.certificate }),
    gateway: { ws: edge.wsUrl, socketio: edge.pageUrl },
    sip: { host: address, port, ...tlsPort(callNode.transport) },
    database: { url: tenants.databaseUrl },
    ...(demo.app === undefined ? {} : { demoApp: demo.app.url }),
    operatorKey: trace.operatorKey,
    numbers: [...demo.seeded.numbers],
    children: { ...natsPid(bus.pid()), mediaWorkers: callNode.media.workers.map(({ pid }) => pid) },
  };
}

function firstCredentials({ seeded }: DemoParts): FirstCredentials | undefined {
  if (!seeded.created) return undefined;
  return {
    accountSid: seeded.account.sid,
    authToken: seeded.authToken,
    apiKeySid: seeded.key.sid,
    apiKeySecret: seeded.key.secret,
  };
}

const natsPid = (pid: number | undefined): { nats?: number } => (pid === undefined ? {} : { nats: pid });

function linkOf(edge: Edge, key: string | undefined): string {
  return key === undefined ? edge.pageUrl : `${edge.pageUrl}?key=${key}`;
}
