import { randomHex } from '../kernel/index.ts';
import type { Random } from '../kernel/index.ts';
import { sidFromHex } from '@hookswitch/shared';
import type { AnnouncementOrder } from './announcements/announcement-order.ts';
import { admit } from './admission.ts';
import type { CallPorts } from './call-runner.ts';
import { CallRunner } from './call-runner.ts';
import type { CallUpdate } from './machine/call-input.ts';
import type { NewCall } from './machine/call-state.ts';
import { newCallState } from './machine/call-state.ts';
import { RecordingDesk } from './recordings/recording-desk.ts';
import { StreamDesk } from './streams/stream-desk.ts';
import { TranscriptionDesk } from './transcriptions/transcription-desk.ts';
import type { RecordingChange, RecordingFacts } from './recordings/recording-desk.ts';
import { LegTime } from './leg-time.ts';
import type { CallUse } from '../cluster/ports.ts';
import { incomingParams } from './incoming-params.ts';
import { TimeLimits } from './time-limits.ts';
import type {
  CallApplication,
  CallDirectory,
  CallMachineDetection,
  CallRouter,
  DialTarget,
  EndRequest,
  IncomingCall,
  LegEvent,
  RecordOptions,
  RecordingOrder,
  SipAdmission,
  SipAdmissionFacts,
  Transcriber,
} from './ports.ts';

export interface CallRouterOptions extends CallPorts {
  readonly directory: CallDirectory;
  readonly random: Random;
  /** Address of our REST API, for the addresses of recordings (default: none, they are relative). */
  readonly apiUrl?: () => string;
  /** Undefined: recordings are not written down. */
  readonly transcriber?: Transcriber | undefined;
}

/** A call to place; its instructions run when it is answered. */
export interface PlaceCallRequest {
  /** Default: a new one. A sid that is known already is not placed again. */
  readonly callSid?: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly target: DialTarget;
  readonly application: CallApplication;
  /** TwiML that runs in place of the application's URL. */
  readonly document?: string;
  /** Ringing time, milliseconds. */
  readonly timeoutMs: number;
  /** From the answer on, milliseconds; the call ends then. */
  readonly timeLimitMs?: number;
  /** Who answers is found out. */
  readonly machineDetection?: CallMachineDetection | undefined;
  /** Records it from the answer on. */
  readonly record?: Pick<RecordOptions, 'channels' | 'track' | 'trim'> & Pick<RecordingOrder, 'callback'>;
  /** Called once, when the call and all its legs are over. */
  readonly onOver?: (use: CallUse) => void;
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

/** What is done to a leg of a call beside its instructions. */
export type LegAction = { readonly kind: 'send-digits'; readonly digits: string };

/** Longest recording of a call that is recorded as a whole, milliseconds. */
const MAX_RECORDING_MS = 14_400_000;
/** Of a call that has a document and nobody to ask. */
const NO_APPLICATION: CallApplication = {
  applicationSid: undefined,
  voice: { url: '', method: 'POST' },
  fallback: undefined,
  statusCallback: undefined,
};
const SHUTDOWN: EndRequest = { cause: 'shutdown', message: 'the service is shutting down' };
const TIME_LIMIT: EndRequest = { cause: 'time-limit', message: 'the call reached its time limit' };

/** The calls of this node: admits them, gives each its mailbox, and hands every leg's events to the call it belongs to. */
export class NodeCallRouter implements CallRouter {
  readonly #options: CallRouterOptions;
  readonly #calls = new Map<string, CallRunner>();
  /** Leg to call. */
  readonly #legs = new Map<string, CallRunner>();
  readonly #limits: TimeLimits;
  /** Placed calls that are to be recorded once they are answered. */
  readonly #toRecord = new Map<string, NonNullable<PlaceCallRequest['record']>>();
  readonly #recordings: RecordingDesk;
  /** Media streams of live legs. */
  readonly streams: StreamDesk;
  /** What is said on live legs, in words. */
  readonly transcriptions: TranscriptionDesk;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: CallRouterOptions) {
    this.#options = options;
    this.streams = new StreamDesk(options);
    this.transcriptions = new TranscriptionDesk(options);
    this.#recordings = new RecordingDesk({
      ...options,
      recordingsUrl: (accountSid) => this.#recordingsUrl(accountSid),
    });
    this.#limits = new TimeLimits(options.clock, (callSid) => {
      this.update(callSid, { kind: 'end', request: TIME_LIMIT });
    });
    options.conferences?.attach((callSid, news) => {
      this.#legs.get(callSid)?.post({ kind: 'conference', callSid, news });
    });
    options.queues?.attach((callSid, news) => {
      this.#legs.get(callSid)?.post({ kind: 'queue', callSid, news });
    });
  }

  admitSip(facts: SipAdmissionFacts): SipAdmission {
    const { calledUser } = facts;
    if (this.#draining) {
      return { admitted: false, kind: 'shutting-down', problem: SHUTDOWN.message, from: '', to: calledUser };
    }
    return admit(this.#options.directory, facts);
  }

  incoming(call: IncomingCall): void {
    const { callSid, accountSid, from, to, applicationSid, origin } = call;
    if (this.#calls.has(callSid)) return;
    if (this.#draining) {
      this.#options.legs.end(callSid, { ...SHUTDOWN, sipStatus: 503 });
      return;
    }
    const application = this.#applicationOf(call);
    if (application === undefined) {
      const message = `application ${applicationSid ?? ''} does not exist: create it or assign another one`;
      this.#options.log.error({ callSid, accountSid, applicationSid }, `call refused: ${message}`);
      this.#options.legs.end(callSid, { cause: 'application-error', message, sipStatus: 480 });
      return;
    }
    const facts = origin.kind === 'sip' ? sipFacts(origin) : {};
    this.#open({
      callSid,
      parentCallSid: origin.kind === 'application' ? origin.parentCallSid : undefined,
      accountSid,
      from,
      to,
      direction: 'inbound',
      application,
      document: call.document,
      extraParams: incomingParams(call),
      origin: facts,
    }).post({ kind: 'start-incoming' });
  }

  #applicationOf({ accountSid, applicationSid, document }: IncomingCall): CallApplication | undefined {
    if (applicationSid !== undefined) return this.#options.directory.application(accountSid, applicationSid);
    return document === undefined ? undefined : NO_APPLICATION;
  }

  legEvent(event: LegEvent): void {
    if (event.kind === 'leg-answered') this.#limits.answered(event.callSid);
    this.#legs.get(event.callSid)?.post({ kind: 'leg', event });
    if (event.kind === 'leg-answered') this.#recordAnswered(event.callSid);
  }

  /** Places a call and returns its sid; what becomes of it is published. Undefined while draining. */
  placeCall(request: PlaceCallRequest): string | undefined {
    if (this.#draining) return undefined;
    const { accountSid, from, to, target, application, document, timeoutMs, timeLimitMs, onOver } = request;
    const callSid = request.callSid ?? sidFromHex('call', randomHex(this.#options.random, 16));
    if (this.#legs.has(callSid)) return undefined;
    const call = { callSid, accountSid, from, to, direction: 'outbound-api' as const, application, document };
    const { applicationSid } = application;
    const place = { callSid, parentCallSid: callSid, accountSid, target, from, to, timeoutMs, applicationSid };
    if (timeLimitMs !== undefined) this.#limits.set(callSid, timeLimitMs);
    if (request.record !== undefined) this.#toRecord.set(callSid, request.record);
    this.#open({ ...call, machineDetection: request.machineDetection, extraParams: {}, origin: {} }, onOver).post({
      kind: 'start-outgoing',
      place,
    });
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

  /** The leg, if this node has it and it is not over. */
  liveLeg(
    callSid: string,
  ): { readonly accountSid: string; readonly answered: boolean; readonly isCall: boolean } | undefined {
    const state = this.#legs.get(callSid)?.state;
    const leg = state?.legs.get(callSid);
    if (state === undefined || leg === undefined || leg.phase === 'ended') return undefined;
    return { accountSid: state.accountSid, answered: leg.phase === 'answered', isCall: state.rootSid === callSid };
  }

  /** Does something to an answered leg; its instructions go on. @returns false when there is no such leg */
  act(callSid: string, { digits }: LegAction): boolean {
    if (this.liveLeg(callSid)?.answered !== true) return false;
    this.#options.legs.sendDigits(callSid, digits);
    return true;
  }

  /** Plays something over what an answered leg hears; its instructions go on. @returns undefined: no such leg */
  announce(callSid: string, order: AnnouncementOrder): string | undefined {
    if (this.liveLeg(callSid)?.answered !== true) return undefined;
    const announcementSid = sidFromHex('announcement', randomHex(this.#options.random, 16));
    this.#legs.get(callSid)?.post({ kind: 'announce', callSid, announcementSid, order });
    return announcementSid;
  }

  /** @param announcementSid undefined: whatever is announced to the leg. @returns its sid; undefined: there is none */
  stopAnnouncement(callSid: string, announcementSid: string | undefined): string | undefined {
    const runner = this.#legs.get(callSid);
    const own = [...(runner?.state.announcements.values() ?? [])].filter((one) => one.callSid === callSid);
    const meant = own.findLast((one) => (announcementSid ?? one.announcementSid) === one.announcementSid);
    if (meant !== undefined) runner?.post({ kind: 'stop-announcement', callSid, announcementSid });
    return meant?.announcementSid;
  }

  /** Ends the call after this time, counted from its answer or, when it is answered, from now. Milliseconds. */
  limit(callSid: string, timeLimitMs: number): void {
    const leg = this.liveLeg(callSid);
    if (leg === undefined) return;
    this.#limits.set(callSid, timeLimitMs);
    if (leg.answered) this.#limits.answered(callSid);
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

  /** Records an answered leg beside its instructions. @returns undefined when there is no such leg */
  record(callSid: string, order: Omit<RecordingOrder, 'recordingSid'>): RecordingFacts | undefined {
    const leg = this.liveLeg(callSid);
    if (leg?.answered !== true) return undefined;
    const recordingSid = sidFromHex('recording', randomHex(this.#options.random, 16));
    this.#recordings.start(leg.accountSid, callSid, { ...order, recordingSid });
    return this.#recordings.of(callSid).at(-1);
  }

  #recordAnswered(callSid: string): void {
    const wanted = this.#toRecord.get(callSid);
    if (wanted === undefined) return;
    this.#toRecord.delete(callSid);
    const { callback, ...options } = wanted;
    this.record(callSid, {
      source: 'OutboundAPI',
      options: { ...options, endSilenceMs: undefined, maxMs: MAX_RECORDING_MS },
      callback,
      transcribe: undefined,
    });
  }

  /** Pauses, resumes or stops a recording; without a sid the latest one. @returns undefined when there is none */
  changeRecording(
    callSid: string,
    recordingSid: string | undefined,
    change: RecordingChange,
  ): RecordingFacts | undefined {
    return this.#recordings.change(callSid, recordingSid, change);
  }

  #recordingsUrl(accountSid: string): string {
    return `${this.#options.apiUrl?.() ?? ''}/2010-04-01/Accounts/${accountSid}/Recordings/`;
  }

  #open(call: Omit<NewCall, 'seed'>, onOver?: (use: CallUse) => void): CallRunner {
    const { callSid } = call;
    const time = new LegTime(this.#options.clock);
    const runner = new CallRunner({
      ports: this.#options,
      recordings: this.#recordings,
      streams: this.streams,
      transcriptions: this.transcriptions,
      initial: newCallState({
        ...call,
        seed: randomHex(this.#options.random, 16),
        recordingsUrl: this.#recordingsUrl(call.accountSid),
      }),
      onLeg: (leg) => {
        this.#legs.set(leg, runner);
        time.begin(leg);
      },
      onLegEnded: (leg) => {
        time.end(leg);
      },
      onClosed: (legs) => {
        this.#calls.delete(callSid);
        for (const leg of legs) {
          this.#legs.delete(leg);
          this.#limits.forget(leg);
          this.#toRecord.delete(leg);
        }
        onOver?.(time.use());
        if (this.#calls.size === 0) this.#idle?.resolve();
      },
    });
    this.#calls.set(callSid, runner);
    this.#legs.set(callSid, runner);
    time.begin(callSid);
    return runner;
  }
}

function sipFacts({ trunkSid, sipCallId }: Extract<IncomingCall['origin'], { kind: 'sip' }>) {
  return { sipCallId, ...(trunkSid === undefined ? {} : { trunk: trunkSid }) };
}
