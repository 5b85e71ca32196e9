import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { DelegateStore, StoredSessionState, TrackingLinks } from '../app-server/index.ts';
import type { BridgeRequestAccess, CallMessaging, Registrations } from '../bridge/ports.ts';
import type { CallControl, ConferenceControl, QueueControl, UnheldCall, UnheldCallEnd } from '../calls/index.ts';
import type { CallRequests, ClusterConsole } from '../cluster/ports.ts';
import type { RecordingStore } from '../media-layer/ports.ts';
import type { PublishQuota, Webhooks } from '../gateway/ports.ts';
import type { Hub, Presence, RevocationStore } from '../hub/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import type { Records } from '../records/index.ts';
import type { Directory, DirectoryAccount, TenantStore } from '../tenants/index.ts';
import type { Principal } from './auth.ts';
import type { PageTokens } from './page-tokens.ts';
import type { QueuePlaces } from './queue-places.ts';
import type { IceServers } from './turn-credentials.ts';

/** How backends reach events over NATS. */
export interface NatsAccess {
  /** Host and port. */
  readonly address: string;
  /** Whether every account has one there, with its API keys as logins. */
  readonly managed: boolean;
  readonly subjectsOf: (accountSid: string) => { events: string; publish: string; history: string };
}

/** What application servers keep with callers. */
export interface SessionAccess {
  readonly state: StoredSessionState;
  readonly links: TrackingLinks;
}

/** What routes work with. */
export interface RestServices {
  readonly store: TenantStore;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly pages: PageTokens;
  readonly random: Random;
  readonly revocations: RevocationStore;
  readonly hub: Pick<Hub, 'publish' | 'history'>;
  readonly presence: Presence;
  /** Rates at which accounts publish. Undefined: there are none here. */
  readonly quotas?: PublishQuota | undefined;
  readonly nats: NatsAccess;
  /** Messages of calls, wherever they are. */
  readonly callMessages: CallMessaging;
  /** What clients may answer by a call of theirs. */
  readonly bridgeRequests: BridgeRequestAccess;
  /** Softphones that are registered. */
  readonly registrations: Pick<Registrations, 'list'>;
  /** What calls left behind. */
  readonly records: Records;
  /** Calls that are to be placed. */
  readonly callRequests: CallRequests;
  /** How many of an account wait, as far as it is known here. Undefined: it is not, or nobody can say. */
  readonly queueLength?: ((accountSid: string) => number | undefined) | undefined;
  /** Where calls stand that wait. Undefined: nobody can say. */
  readonly queuePlaces?: QueuePlaces | undefined;
  /** Live calls, wherever they are. */
  readonly callControl: CallControl;
  /** Conferences and queues that are up, wherever they are. */
  readonly conferences: ConferenceControl;
  readonly queues: QueueControl;
  /** Files of recordings. */
  readonly recordingFiles: Pick<RecordingStore, 'stat' | 'read' | 'remove'>;
  /** A WAV file in another form, as it is read. `channels`: 1 mixes both into one. */
  readonly transcode: (
    wav: AsyncIterable<Uint8Array>,
    options: { readonly format: 'wav' | 'mp3'; readonly channels?: 1 | 2 },
  ) => AsyncIterable<Uint8Array>;
  /** Tells of the end of a call that no node has. */
  readonly endUnheld: (call: UnheldCall, end: UnheldCallEnd) => void;
  /** Bearer token of the operator. Undefined or empty: there is no operator here. */
  readonly operatorKey?: string | undefined;
  /** What the operator sees of the cluster. Undefined: this process knows nothing of it. */
  readonly cluster?: ClusterConsole | undefined;
  /** Undefined: the operator named none. */
  readonly iceServers?: IceServers | undefined;
  /** Undefined: this process knows of none. */
  readonly webhooks?: Webhooks | undefined;
  /** Undefined: there is none here. */
  readonly sessions?: SessionAccess | undefined;
  /** Undefined: there are none here. */
  readonly delegates?: DelegateStore | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The operator of the server may ask too, for any account. */
    operator?: boolean;
  }
}

/** An HTTP server whose routes take zod schemas. */
export type RestApp =
  FastifyInstance extends FastifyInstance<infer S, infer Q, infer R, infer L>
    ? FastifyInstance<S, Q, R, L, ZodTypeProvider>
    : never;

/** Of one request, once it is authenticated. */
export interface RestContext {
  readonly principal: Principal;
  /** The one in the path, else the principal's own. */
  readonly account: DirectoryAccount;
}

/** Name of the decorator that holds it. */
export const CONTEXT = 'restContext';
export const REQUEST_ID = 'restRequestId';

export function contextOf(request: FastifyRequest): RestContext {
  return request.getDecorator<RestContext>(CONTEXT);
}

/** Scheme and authority that the client used, for absolute addresses. */
export function baseOf(request: FastifyRequest): string {
  const host = /^[\w.:[\]-]{1,255}$/.test(request.host) ? request.host : 'localhost';
  return `${request.protocol}://${host}`;
}

/** The longest that a write waits for this process to see it, milliseconds. */
const SEEN_WITHIN_MS = 2000;

/** Resolves when calls are handled by this version of a record, or a newer one. */
export function inUse(
  services: RestServices,
  { sid, revision }: { readonly sid: string; readonly revision: number },
): Promise<void> {
  return seen(services, () => (services.directory.revisionOf(sid) ?? -1) >= revision);
}

/**
 * Resolves when the directory shows what was just written, so that what a request made can be used at once. After two
 * seconds it resolves anyway: the write is committed.
 */
export function seen({ directory, clock }: RestServices, shows: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stop();
      timer.cancel();
      resolve();
    };
    const stop = directory.onChange(() => {
      if (shows()) finish();
    });
    const timer = clock.setTimer(SEEN_WITHIN_MS, finish);
    if (shows()) finish();
  });
}
