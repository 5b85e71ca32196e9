import { fastify } from 'fastify';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { CallMessageReply, CallMessageRequest, CallMessaging } from '../../bridge/ports.ts';
import { BridgeRequests } from '../../bridge/requests/index.ts';
import { MemoryBridgeRequestStore } from '../../bridge/requests/request-store.memory.ts';
import { MemoryRegistrations } from '../../bridge/registrations.memory.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, seededRandom, silentLog, systemRandom } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { SecretBox, TenantStore } from '../../tenants/index.ts';
import type { Directory } from '../../tenants/index.ts';
import { StoredSessionState, TrackingLinks } from '../../app-server/index.ts';
import { MemoryDelegateStore } from '../../app-server/delegates/delegate-store.memory.ts';
import { MemorySessionStore, MemoryTrackingLinkStore } from '../../app-server/session-state/session-store.memory.ts';
import { trackingLinkVisits } from '../../app-server/tracking-links.fastify.ts';
import { createHub } from '../../hub/index.ts';
import type { Hub } from '../../hub/index.ts';
import { MemoryEventLog } from '../../hub/event-log.memory.ts';
import { NodePresence } from '../../hub/presence/index.ts';
import { MemoryPresenceCluster } from '../../hub/presence/store.memory.ts';
import { StoredEvents } from '../../hub/presence/testing/presence-world.ts';
import { MemoryRevocationStore } from '../../hub/revocation-store.memory.ts';
import { MemoryTenantMirror } from '../../tenants/mirror.memory.ts';
import { MemoryTenantRepository } from '../../tenants/repository.memory.ts';
import { Quotas, WebhookService } from '../../gateway/index.ts';
import { MemorySinkStore } from '../../gateway/sinks/sink-store.memory.ts';
import { FakeReceiver } from '../../gateway/sinks/testing/sink-world.ts';
import type {
  CallControl,
  CallControlReply,
  CallControlRequest,
  ConferenceControl,
  ConferenceReply,
  EventSink,
  QueueControl,
  QueueReply,
  UnheldCall,
  UnheldCallEnd,
} from '../../calls/index.ts';
import type { CallRequest, CallRequests, StoredRequest } from '../../cluster/ports.ts';
import type { SessionAccess } from '../services.ts';
import type { Records } from '../../records/index.ts';
import { MemoryRecordingStore } from '../../media-layer/recordings/recording-store.memory.ts';
import { transcode } from '../../media-layer/recordings/transcode.child.ts';
import type { SessionStateOptions } from '../../app-server/index.ts';
import { restApi } from '../api.fastify.ts';
import { PageTokens } from '../page-tokens.ts';
import type { QueuePlace } from '../queue-places.ts';
import { RequestLimiter } from '../request-limiter.ts';
import { FakeCluster } from './fake-cluster.ts';

export interface TestAccount {
  readonly sid: string;
  readonly authToken: string;
}

/** The operator's bearer token. */
export const OPERATOR_KEY = 'operator-key-of-this-start';

const NATS = {
  address: '127.0.0.1:4222',
  managed: true,
  subjectsOf: (sid: string) => ({ events: `ev.${sid}`, publish: `pub.${sid}`, history: `history.${sid}` }),
};

/** Messages of calls: what was asked, and the answer to it. */
export class FakeCallMessages implements CallMessaging {
  readonly asked: CallMessageRequest[] = [];
  reply: (request: CallMessageRequest) => CallMessageReply = () => ({ ok: false, reason: 'no-such-call' });

  request(request: CallMessageRequest): Promise<CallMessageReply> {
    this.asked.push(request);
    return Promise.resolve(this.reply(request));
  }
}

/** Calls that were asked for: they wait for ever, until taken back. */
export class FakeCallRequests implements CallRequests {
  readonly waiting = new Map<string, CallRequest>();
  down = false;

  submit(request: CallRequest): Promise<void> {
    if (this.down) return Promise.reject(new Error('down'));
    this.waiting.set(request.callSid, request);
    return Promise.resolve();
  }
  /** One starts every ten seconds, from the epoch on. */
  placesOf(callSids: readonly string[]): ReadonlyMap<string, QueuePlace> {
    const order = [...this.waiting.keys()];
    const places = callSids.map((sid) => [sid, order.indexOf(sid)] as const).filter(([, index]) => index >= 0);
    return new Map(places.map(([sid, index]) => [sid, { position: index + 1, startsAt: (index + 1) * 10_000 }]));
  }
  cancel(_accountSid: string, callSid: string): Promise<StoredRequest | undefined> {
    const request = this.waiting.get(callSid);
    this.waiting.delete(callSid);
    return Promise.resolve(request === undefined ? undefined : { ...request, state: 'queued', revision: 1 });
  }
}

/** Live calls of somewhere: what was asked, and the answer to it. */
export class FakeCallControl implements CallControl {
  readonly asked: (CallControlRequest & { hint: string | undefined })[] = [];
  reply: CallControlReply = { ok: true };

  request(request: CallControlRequest, hint?: string): Promise<CallControlReply> {
    this.asked.push({ ...request, hint });
    return Promise.resolve(this.reply);
  }
}

/** Conferences of somewhere: what was asked, and the answer to it. */
export class FakeConferences implements ConferenceControl {
  readonly asked: Parameters<ConferenceControl['request']>[0][] = [];
  reply: ConferenceReply = { ok: false, reason: 'no-such-conference' };

  request(request: Parameters<ConferenceControl['request']>[0]): Promise<ConferenceReply> {
    this.asked.push(request);
    return Promise.resolve(this.reply);
  }
  sidOf(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }
}

/** Queues of somewhere. */
export class FakeQueues implements QueueControl {
  readonly asked: Parameters<QueueControl['request']>[0][] = [];
  reply: (request: Parameters<QueueControl['request']>[0]) => QueueReply = () => ({
    ok: false,
    reason: 'no-such-queue',
  });

  request(request: Parameters<QueueControl['request']>[0]): Promise<QueueReply> {
    this.asked.push(request);
    return Promise.resolve(this.reply(request));
  }
}

/** For tests that need no records. */
const NO_RECORDS = {} as Records;

function openSessions(parts: Pick<SessionStateOptions, 'clock' | 'random' | 'log'>): SessionAccess {
  const state = new StoredSessionState({ store: new MemorySessionStore(), ...parts });
  const events = { emit: () => undefined };
  const links = new TrackingLinks({ store: new MemoryTrackingLinkStore(), sessions: state, events, ...parts });
  return { state, links };
}

/** The REST API over tenants in memory, with one account. */
export class RestWorld {
  readonly clock = new FakeClock();
  readonly app: FastifyInstance = fastify({ forceCloseConnections: true });
  readonly repository = new MemoryTenantRepository();
  readonly store: TenantStore;
  readonly directory: Directory;
  readonly revocations: MemoryRevocationStore;
  readonly log: MemoryEventLog;
  readonly hub: Hub;
  readonly presence: NodePresence;
  readonly sessions: SessionAccess;
  readonly calls = new FakeCallMessages();
  readonly registrations = new MemoryRegistrations();
  readonly callRequests = new FakeCallRequests();
  readonly callControl = new FakeCallControl();
  readonly conferences = new FakeConferences();
  readonly queues = new FakeQueues();
  readonly cluster = new FakeCluster((sid) => this.directory.accountBySid(sid));
  readonly files = new MemoryRecordingStore();
  /** Ends that were told in the place of nodes. */
  readonly unheld: (UnheldCall & UnheldCallEnd)[] = [];
  /** Events of bridge requests. */
  readonly published: Parameters<EventSink['emit']>[0][] = [];
  /** Where webhooks are sent. */
  readonly receiver = new FakeReceiver();
  /** Operations that the official helper library asked for and that went well. */
  readonly driven = new Set<string>();
  /** The one that `request` asks as. */
  account: TestAccount = { sid: '', authToken: '' };

  private constructor(log: Log, records: Records) {
    const random = seededRandom(1);
    const secrets = new SecretBox(new Uint8Array(32).fill(3), systemRandom);
    const mirror = new MemoryTenantMirror({ secrets, log });
    const { repository, clock } = this;
    this.directory = mirror.directory;
    this.store = new TenantStore({ repository, mirror, secrets, clock, random });
    const pages = new PageTokens(secrets.deriveKey('page tokens'));
    this.revocations = new MemoryRevocationStore({ clock, log });
    this.presence = new NodePresence({
      store: new MemoryPresenceCluster().open(),
      events: new StoredEvents().sink,
      node: 'n1',
      gate: () => 'open',
      clock,
      random,
      log,
      metrics: createMetrics(),
    });
    this.log = new MemoryEventLog(clock);
    this.hub = createHub({
      log: this.log,
      keys: { apiKey: () => undefined },
      clock,
      logger: log,
      metrics: createMetrics(),
    });
    const bridge = { callMessages: this.calls, registrations: this.registrations };
    const { callRequests, callControl, conferences, queues } = this;
    const endUnheld = (call: UnheldCall, end: UnheldCallEnd): void => {
      this.unheld.push({ ...call, ...end });
    };
    const { hub, store, directory, revocations, presence } = this;
    const webhooks = new WebhookService({
      store: new MemorySinkStore(),
      hub,
      poster: this.receiver,
      sealing: secrets,
      clock,
      random: systemRandom,
    });
    this.app.addHook('onResponse', (request, reply, done) => {
      const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
      const byLibrary = request.headers['user-agent']?.startsWith('twilio-node') === true;
      if (byLibrary && reply.statusCode < 300 && operationId !== undefined) this.driven.add(operationId);
      done();
    });
    this.sessions = openSessions({ clock, random, log });
    const { sessions } = this;
    void this.app.register(trackingLinkVisits({ links: sessions.links, log }));
    void this.app.register(
      restApi({
        sessions,
        bridgeRequests: new BridgeRequests({
          store: new MemoryBridgeRequestStore(),
          events: { emit: (event) => void this.published.push(event as never) },
          clock,
          random,
        }),
        delegates: new MemoryDelegateStore(),
        ...bridge,
        queueLength: () => callRequests.waiting.size,
        queuePlaces: (sids) => Promise.resolve(callRequests.placesOf(sids)),
        // A pause on a clock that stands still has no end.
        requests: new RequestLimiter({ clock, utilization: () => 0 }),
        records,
        callRequests,
        callControl,
        endUnheld,
        conferences,
        recordingFiles: this.files,
        transcode,
        queues,
        nats: NATS,
        iceServers: { urls: ['stun:turn.example.com', 'turn:turn.example.com?transport=udp'], secret: 'shared' },
        hub,
        presence,
        webhooks,
        quotas: new Quotas({ clock, source: (sid) => directory.accountBySid(sid)?.limits }),
        operatorKey: OPERATOR_KEY,
        cluster: this.cluster,
        store,
        directory,
        revocations,
        clock,
        pages,
        random,
        log,
      }),
    );
  }

  static async open(log: Log = silentLog, records: Records = NO_RECORDS): Promise<RestWorld> {
    const world = new RestWorld(log, records);
    world.account = await world.newAccount('Main');
    await world.app.ready();
    return world;
  }

  async newAccount(name: string, ownerSid?: string): Promise<TestAccount> {
    const { account, authToken } = await this.store.createAccount(name, ownerSid ?? null);
    this.tick();
    return { sid: account.sid, authToken };
  }

  /** Lists are ordered by time. */
  tick(): void {
    this.clock.advance(1000);
  }

  /** `path` below the account's own, or absolute with a leading slash. */
  async request(
    method: InjectOptions['method'],
    path: string,
    options: { form?: string; json?: unknown; as?: TestAccount; headers?: Record<string, string> } = {},
  ): Promise<LightMyRequestResponse> {
    const { form, json, as = this.account, headers = {} } = options;
    const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const payload = form ?? (json as object | undefined);
    return await this.app.inject({
      method: method ?? 'GET',
      url: path.startsWith('/') ? path : `/2010-04-01/Accounts/${this.account.sid}/${path}`,
      headers: { authorization: basic(as), ...type, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
  }
}

export const basic = ({ sid, authToken }: TestAccount): string =>
  `Basic ${Buffer.from(`${sid}:${authToken}`).toString('base64')}`;
