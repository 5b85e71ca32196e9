import { randomHex } from '../kernel/index.ts';
import type { Random } from '../kernel/index.ts';
import { sidFromHex } from '@hookswitch/shared';
import { admit } from './admission.ts';
import type { CallPorts } from './call-runner.ts';
import { CallRunner } from './call-runner.ts';
import type { CallUpdate } from './machine/call-input.ts';
import type { NewCall } from './machine/call-state.ts';
import { newCallState } from './machine/call-state.ts';
import type {
  CallApplication,
  CallDirectory,
  CallRouter,
  DialTarget,
  EndRequest,
  IncomingCall,
  LegEvent,
  SipAdmission,
  SipAdmissionFacts,
} from './ports.ts';

export interface CallRouterOptions extends CallPorts {
  readonly directory: CallDirectory;
  readonly random: Random;
}

/** A call to place; its instructions run when it is answered. */
export interface PlaceCallRequest {
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly target: DialTarget;
  readonly application: CallApplication;
  /** TwiML that runs in place of the application's URL. */
  readonly document?: string;
  /** Ringing time, milliseconds. */
  readonly timeoutMs: number;
}

/** A call in progress, for operators and health. */
export interface ActiveCall {
  readonly callSid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly phase: 'initiated' | 'ringing' | 'answered' | 'ended';
  /** Legs that have not ended, the caller's included. */
  readonly legs: number;
}

export type UpdateResult = 'accepted' | 'unknown-call' | 'not-supported';

const SHUTDOWN: EndRequest = { cause: 'shutdown', message: 'the service is shutting down' };

/** The calls of this node: admits them, gives each its mailbox, and hands every leg's events to the call it belongs to. */
export class NodeCallRouter implements CallRouter {
  readonly #options: CallRouterOptions;
  readonly #calls = new Map<string, CallRunner>();
  /** Leg to call. */
  readonly #legs = new Map<string, CallRunner>();
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: CallRouterOptions) {
    this.#options = options;
  }

  admitSip(facts: SipAdmissionFacts): SipAdmission {
    if (this.#draining) return { admitted: false, sipStatus: 503, reason: SHUTDOWN.message };
    const admission = admit(this.#options.directory, facts);
    if (!admission.admitted) {
      const { sipStatus } = admission;
      this.#options.log.warn({ ...facts, sipStatus }, `incoming call refused: ${admission.reason}`);
    }
    return admission;
  }

  incoming(call: IncomingCall): void {
    const { callSid, accountSid, from, to, applicationSid } = call;
    if (this.#calls.has(callSid)) return;
    if (this.#draining) {
      this.#options.legs.end(callSid, { ...SHUTDOWN, sipStatus: 503 });
      return;
    }
    const application = this.#options.directory.application(accountSid, applicationSid);
    if (application === undefined) {
      const message = `application ${applicationSid} does not exist: create it or assign another one`;
      this.#options.log.error({ callSid, accountSid, applicationSid }, `call refused: ${message}`);
      this.#options.legs.end(callSid, { cause: 'application-error', message, sipStatus: 480 });
      return;
    }
    const { origin } = call;
    const facts = origin.kind === 'sip' ? { trunk: origin.trunkSid, sipCallId: origin.sipCallId } : {};
    this.#open({
      callSid,
      accountSid,
      from,
      to,
      direction: 'inbound',
      application,
      extraParams: incomingParams(call),
      origin: facts,
    }).post({ kind: 'start-incoming' });
  }

  legEvent(event: LegEvent): void {
    this.#legs.get(event.callSid)?.post({ kind: 'leg', event });
  }

  /** Places a call and returns its sid; what becomes of it is published. Undefined while draining. */
  placeCall(request: PlaceCallRequest): string | undefined {
    if (this.#draining) return undefined;
    const { accountSid, from, to, target, application, document, timeoutMs } = request;
    const callSid = sidFromHex('call', randomHex(this.#options.random, 16));
    const call = { callSid, accountSid, from, to, direction: 'outbound-api' as const, application, document };
    const place = { callSid, parentCallSid: callSid, accountSid, target, from, to, timeoutMs };
    this.#open({ ...call, extraParams: {}, origin: {} }).post({ kind: 'start-outgoing', place });
    return callSid;
  }

  /** Changes a call in progress. A dialled leg can only be ended. */
  update(callSid: string, change: CallUpdate): UpdateResult {
    const runner = this.#legs.get(callSid);
    if (runner === undefined) return 'unknown-call';
    if (runner.state.rootSid !== callSid && change.kind !== 'end') return 'not-supported';
    runner.post({ kind: 'update', callSid, change });
    return 'accepted';
  }

  activeCalls(): ActiveCall[] {
    return [...this.#calls.values()].map(({ state }) => {
      const root = state.legs.get(state.rootSid);
      return {
        callSid: state.rootSid,
        accountSid: state.accountSid,
        from: root?.from ?? '',
        to: root?.to ?? '',
        phase: root?.phase ?? 'ended',
        legs: [...state.legs.values()].filter((leg) => leg.phase !== 'ended').length,
      };
    });
  }

  /**
   * Takes no new calls and resolves when the last one is over; calls still up at `deadlineMs` are ended with cause
   * `shutdown`. Idempotent.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    if (this.#calls.size === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(deadlineMs, () => {
      for (const [callSid, runner] of [...this.#calls]) {
        runner.post({ kind: 'update', callSid, change: { kind: 'end', request: SHUTDOWN } });
      }
    });
    await this.#idle.promise;
    timer.cancel();
  }

  #open(call: Omit<NewCall, 'seed'>): CallRunner {
    const { callSid } = call;
    const runner = new CallRunner({
      ports: this.#options,
      initial: newCallState({ ...call, seed: randomHex(this.#options.random, 16) }),
      onLeg: (leg) => {
        this.#legs.set(leg, runner);
      },
      onClosed: (legs) => {
        this.#calls.delete(callSid);
        for (const leg of legs) this.#legs.delete(leg);
        if (this.#calls.size === 0) this.#idle?.resolve();
      },
    });
    this.#calls.set(callSid, runner);
    this.#legs.set(callSid, runner);
    return runner;
  }
}

/** Request parameters that only incoming calls have. */
function incomingParams({
  origin,
  applicationSid,
  forwardedFrom,
  sipHeaders = {},
}: IncomingCall): Record<string, string> {
  const params: Record<string, string> = {};
  if (forwardedFrom !== undefined) params['ForwardedFrom'] = forwardedFrom;
  for (const [name, value] of Object.entries(sipHeaders)) params[`SipHeader_${name}`] = value;
  if (origin.kind === 'sip') {
    return { ...params, SipCallId: origin.sipCallId, SipSourceIp: origin.sourceIp };
  }
  // A client's own parameters come first: they never replace one of the standard names.
  return { ...origin.params, ...params, ApplicationSid: applicationSid };
}
