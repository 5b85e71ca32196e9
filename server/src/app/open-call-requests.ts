import {
  PlacedCalls,
  RequestEnds,
  callControl,
  callOrderSchema,
  endUnheldCall,
  sealOrder,
  serveCallControl,
} from '../calls/index.ts';
import type { CallControl, PlacedCallsOptions, UnheldCall, UnheldCallEnd } from '../calls/index.ts';
import type { Callbacks } from '../calls/ports.ts';
import { CallRequestError, FairScheduler } from '../cluster/call-requests/index.ts';
import type { RoundFacts, SchedulerOptions } from '../cluster/call-requests/index.ts';
import { NatsCallRequests } from '../cluster/call-requests/call-requests.nats.ts';
import type { CallRequest, CallRequests, StoredRequest } from '../cluster/ports.ts';
import type { DispatchLimits } from '../cluster/scheduler/index.ts';
import { delay } from '../kernel/index.ts';
import { effectiveLimits, isActive } from '../tenants/index.ts';
import type { DirectoryApplication, Directory } from '../tenants/index.ts';
import type { QueuePlaces } from '../rest/index.ts';
import { applicationView } from './application-view.ts';
import type { CallNode } from './open-call-node.ts';
import { openQueueLength } from './open-queue-length.ts';
import { openQueuePlaces } from './open-queue-places.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import { trunkView } from './trunk-view.ts';
import type { Platform } from './platform.ts';

/** Tells of the end of a call that no process has. */
export type EndUnheld = (call: UnheldCall, end: UnheldCallEnd) => void;

export interface CallRequestParts {
  readonly callRequests: CallRequests;
  readonly callControl: CallControl;
  readonly endUnheld: EndUnheld;
  /** What waits to be called, where this process schedules. */
  readonly queueFacts: () => RoundFacts | undefined;
  /** Calls of an account that wait, as far as it is known here. */
  readonly queueLength: (accountSid: string) => number | undefined;
  /** Where calls stand that wait. */
  readonly queuePlaces: QueuePlaces;
}

interface CallRequestNeeds {
  readonly bus: BusParts;
  readonly tenants: TenantReaders;
  readonly callNode: CallNode;
  /** Which node has room for a call now. */
  readonly placement: SchedulerOptions['placement'];
}

/** Calls that are asked for: stored, scheduled, placed on a call node; and requests about live calls of any node. */
export async function openCallRequests(
  { startup, clock, log, node }: Platform,
  { bus, tenants, callNode, placement }: CallRequestNeeds,
): Promise<CallRequestParts> {
  const { cluster } = bus;
  const { rpc, router, callbacks } = callNode;
  const store = await startup.step('call requests', () => NatsCallRequests.open(bus.bus));
  const endUnheld = unheldEnder({ bus, callbacks, clock, directory: tenants.directory });
  const nodes = (): string[] => {
    const able = cluster.members().filter(({ roles }) => roles.includes('call'));
    return [node, ...able.map((member) => member.node).filter((name) => name !== node)];
  };
  const control = callControl({ rpc, nodes, log });
  const failed = (request: StoredRequest, message: string): void => {
    endFailed(request, message, endUnheld);
  };
  const { secrets } = tenants;
  const open = (sealed: string, context: string): string => secrets.open(sealed, context);
  const reserveChannel: PlacedCallsOptions['reserveChannel'] = (call) => callNode.host.trunks.reserve(call);
  const ends = new RequestEnds({ clock, log });
  startup.scope.defer(() => {
    ends.close();
  });
  await startup.step(
    'calls of this node',
    () =>
      serveCallControl(rpc, router, new PlacedCalls({ store, router, node, failed, open, reserveChannel, ends, log })),
    (stop) => {
      stop();
    },
  );
  const trunks = trunkView(tenants.directory, callNode.trunkChannels);
  const scheduler = new FairScheduler({
    store,
    cluster,
    placement,
    place: (name, request, how) => control.place(name, request, how),
    trunks,
    applications: applicationView,
    failed: (request) => {
      failed(request, 'the process that dialled the call died');
    },
    expired: (request) => {
      endRequest(request, { ...EXPIRED, durationSeconds: 0 }, endUnheld);
    },
    limitsOf: (accountSid) => dispatchLimits(tenants.directory, accountSid),
    clock,
    log,
  });
  startup.scope.defer(
    tenants.directory.onChange((change) => {
      if (change.kind === 'account') scheduler.limitsChanged();
      if (change.kind !== 'account' && change.kind !== 'trunk') return;
      trunks.changed();
      scheduler.trunksChanged();
    }),
  );
  await startup.step(
    'scheduler',
    () => cluster.singleDoer.offer(scheduler.task),
    (stop) => stop(),
  );
  const lengthOf = (accountSid: string): number | undefined => scheduler.lengthOf(accountSid);
  return {
    callRequests: asked({ store, ends, clock }, secrets),
    ...{ callControl: control, endUnheld },
    queueFacts: () => scheduler.facts(),
    queuePlaces: openQueuePlaces(
      { startup, node },
      { bus, callNode, forecasts: (callSids) => scheduler.forecasts(callSids) },
    ),
    queueLength: openQueueLength({ startup, node, clock }, { bus, callNode, lengthOf }),
  };
}

interface AskParts {
  readonly store: Pick<NatsCallRequests, 'submit' | 'cancel' | 'get'>;
  readonly ends: RequestEnds;
  readonly clock: Platform['clock'];
}

/**
 * Where REST asks for calls. Passwords of SIP addresses are in no store in clear. A request that cannot be stored for sure is taken
 * back when the store is there again, because whoever asked is told that it was not taken.
 */
function asked(parts: AskParts, secrets: TenantReaders['secrets']): CallRequests {
  const { store, ends } = parts;
  const submit = async (request: CallRequest): Promise<void> => {
    try {
      await submitSurely(parts, request);
    } catch (error) {
      const { accountSid, callSid } = request;
      if (isUnavailable(error)) ends.tell(callSid, () => store.cancel(accountSid, callSid));
      throw error;
    }
  };
  return {
    submit: async (request) => {
      const order = callOrderSchema.safeParse(request.order);
      const seal = (text: string, context: string): string => secrets.seal(text, context);
      await submit(order.success ? { ...request, order: sealOrder(order.data, request.callSid, seal) } : request);
    },
    cancel: (accountSid, callSid) => store.cancel(accountSid, callSid),
  };
}

const isUnavailable = (error: unknown): boolean => error instanceof CallRequestError && error.reason === 'unavailable';
/** Before it is looked whether a request that the store did not answer is there, milliseconds. */
const LOOK_MS = 500;

/** An answer may be lost with the request stored. It is not sent again: it may be over by then, and would be dialled twice. */
async function submitSurely({ store, clock }: AskParts, request: CallRequest): Promise<void> {
  try {
    await store.submit(request);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    await delay(clock, LOOK_MS);
    const stored = await store.get(request.accountSid, request.callSid).catch(() => undefined);
    if (stored === undefined) throw error;
  }
}

interface EnderParts {
  readonly bus: BusParts;
  readonly callbacks: Callbacks;
  readonly clock: Platform['clock'];
  readonly directory: Directory;
}

/** A call of an application is reported where the application says, unless it has a callback of its own. */
function unheldEnder({ bus, callbacks, clock, directory }: EnderParts): EndUnheld {
  return (call, end) => {
    const { applicationSid, parentCallSid } = call;
    const application =
      applicationSid === undefined || parentCallSid !== undefined ? undefined : directory.application(applicationSid);
    const statusCallback = call.statusCallback ?? callbackOf(application);
    endUnheldCall({ events: bus.outbox, callbacks, clock }, { ...call, statusCallback }, end);
  };
}

function callbackOf(application: DirectoryApplication | undefined): UnheldCall['statusCallback'] {
  if (application?.statusCallback === undefined) return undefined;
  return { url: application.statusCallback, method: application.statusCallbackMethod, events: ['completed'] };
}

function dispatchLimits(directory: Directory, accountSid: string): DispatchLimits {
  const limits = effectiveLimits(directory.accountBySid(accountSid)?.limits);
  const { callWeight: weight, callsPerSecond, callBurst: burst, concurrentCalls: concurrent } = limits;
  const { callWindowCalls: calls, callWindowSeconds: seconds } = limits;
  // What a suspended account has asked for waits until it is resumed, expires or is taken back.
  const most = isActive(directory, accountSid) ? concurrent : 0;
  return { weight, callsPerSecond, burst, concurrent: most, ...(calls === 0 ? {} : { window: { calls, seconds } }) };
}

const EXPIRED = {
  status: 'canceled',
  cause: 'canceled',
  message: 'the call was not dialled before it expired',
} as const;

function endFailed(request: StoredRequest, message: string, endUnheld: EndUnheld): void {
  endRequest(request, { status: 'failed', cause: 'internal-error', message, durationSeconds: 0 }, endUnheld);
}

function endRequest({ accountSid, callSid, order }: StoredRequest, end: UnheldCallEnd, endUnheld: EndUnheld): void {
  const parsed = callOrderSchema.safeParse(order);
  const { from, to, application } = parsed.success
    ? parsed.data
    : { from: '', to: '', application: { applicationSid: undefined, statusCallback: undefined } };
  const { applicationSid, statusCallback } = application;
  endUnheld({ accountSid, callSid, direction: 'outbound-api', from, to, applicationSid, statusCallback }, end);
}
