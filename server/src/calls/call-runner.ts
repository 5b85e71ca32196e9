import { endedEventId } from './ended-event.ts';
import { Mailbox, TimerSet, describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { CallEffect, CallEvent, PromptRequest } from './machine/call-effect.ts';
import { performLegCommand } from './leg-commands.ts';
import type { LegCommandParts } from './leg-commands.ts';
import type { CallInput } from './machine/call-input.ts';
import { stepCall } from './machine/call-machine.ts';
import type { CallState } from './machine/call-state.ts';
import type {
  Callbacks,
  ConferenceDesk,
  EventSink,
  InstructionRequest,
  Instructions,
  Legs,
  Prompts,
  QueueDesk,
} from './ports.ts';
import type { StreamDesk } from './streams/stream-desk.ts';
import type { TranscriptionDesk } from './transcriptions/transcription-desk.ts';
import type { RecordingDesk } from './recordings/recording-desk.ts';

export interface CallPorts {
  readonly legs: Legs;
  readonly instructions: Instructions;
  readonly prompts: Prompts;
  readonly callbacks: Callbacks;
  readonly events: EventSink;
  /** Undefined: there are none. */
  readonly conferences?: ConferenceDesk;
  readonly queues?: QueueDesk;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CallRunnerOptions {
  readonly ports: CallPorts;
  readonly recordings: RecordingDesk;
  readonly streams: StreamDesk;
  readonly transcriptions: TranscriptionDesk;
  readonly initial: CallState;
  /** A leg belongs to this call from now on; its events are to be posted here. */
  readonly onLeg: (callSid: string) => void;
  readonly onLegEnded: (callSid: string) => void;
  /** The call and all its legs are over. Called once. */
  readonly onClosed: (legs: readonly string[]) => void;
}

/** Inputs that may wait for one call. A call that has more is stuck; it is ended. */
const MAILBOX_CAPACITY = 1000;
/** The call's own instructions; see `requestDocument`. */
const FIRST_FETCH = 'fetch-0';

/** One call: its mailbox, its state, and everything it has open. Closed by itself when its last leg has ended. */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #mailbox: Mailbox<CallInput>;
  readonly #timers: TimerSet;
  readonly #fetches = new Map<string, AbortController>();
  readonly #log: Log;
  readonly #legParts: LegCommandParts;
  #state: CallState;
  #crashed = false;
  #closed = false;

  constructor(options: CallRunnerOptions) {
    const { ports, initial } = options;
    this.#options = options;
    this.#state = initial;
    this.#log = ports.log.child({ callSid: initial.rootSid, accountSid: initial.accountSid });
    this.#legParts = {
      ...options,
      accountSid: initial.accountSid,
      ofCall: (request) => this.#ofCall(request),
    };
    this.#timers = new TimerSet(ports.clock, (name) => {
      this.post({ kind: 'timer', name });
    });
    this.#mailbox = new Mailbox<CallInput>({
      capacity: MAILBOX_CAPACITY,
      handle: (input) => {
        this.#step(input);
      },
      onError: (error, input) => {
        this.#crash(`handling of "${input.kind}" failed: ${describeError(error)}`);
      },
    });
  }

  get state(): CallState {
    return this.#state;
  }

  post(input: CallInput): void {
    if (this.#closed || this.#mailbox.post(input)) return;
    this.#crash(`more than ${MAILBOX_CAPACITY} inputs wait`);
  }

  #step(input: CallInput): void {
    if (this.#closed) return;
    const { state, effects } = stepCall(this.#state, input, this.#options.ports.clock.monotonic());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  /** A fault of ours: every leg is ended, once by the machine and, should that fail too, without it. */
  #crash(message: string): void {
    this.#log.error({ crashed: this.#crashed }, `the call is ended after an internal error: ${message}`);
    if (!this.#crashed) {
      this.#crashed = true;
      try {
        this.#step({ kind: 'crash', message: 'internal error' });
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'ending the call failed as well; its legs are dropped');
      }
    }
    for (const leg of this.#state.legs.values()) {
      if (leg.phase !== 'ended') {
        this.#options.ports.legs.end(leg.callSid, { cause: 'internal-error', message: 'internal error' });
      }
    }
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    this.#timers.close();
    for (const controller of this.#fetches.values()) controller.abort(new Error('the call is over'));
    this.#fetches.clear();
    this.#options.onClosed([...this.#state.legs.keys()]);
  }

  #perform(effect: CallEffect): void {
    switch (effect.kind) {
      case 'leg':
        performLegCommand(this.#legParts, effect.command);
        return;
      case 'fetch':
        this.#fetch(effect.fetchId, effect.request);
        return;
      case 'abort-fetch':
        this.#fetches.get(effect.fetchId)?.abort(new Error('the instructions are not needed any more'));
        this.#fetches.delete(effect.fetchId);
        return;
      case 'prompt':
        this.#prompt(effect.promptId, effect.request);
        return;
      case 'prefetch':
        for (const request of effect.requests) {
          this.#options.ports.prompts.prefetch?.({ ...request, accountSid: this.#state.accountSid });
        }
        return;
      case 'start-timer':
        this.#timers.start(effect.name, effect.delayMs);
        return;
      case 'stop-timer':
        this.#timers.stop(effect.name);
        return;
      case 'emit':
        this.#emit(effect);
        return;
      case 'conference':
        this.#conference(effect);
        return;
      case 'queue':
        this.#queue(effect);
        return;
      case 'callback':
        this.#options.ports.callbacks.send(this.#ofCall(effect.stamped ? this.#stamp(effect.request) : effect.request));
        return;
      case 'log':
        this.#log[effect.level](effect.fields, effect.message);
        return;
      case 'closed':
        this.#close();
        return;
    }
  }

  #conference({ callSid, command, callStatus }: Extract<CallEffect, { kind: 'conference' }>): void {
    const { conferences } = this.#options.ports;
    const { accountSid } = this.#state;
    if (command.do === 'leave') conferences?.leave(callSid, { reason: command.reason, callStatus });
    else if (conferences !== undefined) conferences.join({ ...command, accountSid, callSid });
    else {
      const news = { kind: 'refused', reason: 'failed', message: 'this server has no conferences' } as const;
      this.post({ kind: 'conference', callSid, news });
    }
  }

  #queue({ callSid, wish }: Extract<CallEffect, { kind: 'queue' }>): void {
    const { queues } = this.#options.ports;
    const { accountSid } = this.#state;
    if (queues !== undefined) queues.perform({ ...wish, accountSid, callSid });
    else if (wish.do === 'enqueue' || wish.do === 'dial') {
      const news = { kind: 'refused', reason: 'system-error', message: 'this server has no queues' } as const;
      this.post({ kind: 'queue', callSid, news });
    }
  }

  #emit({ type, callSid, sequence, data }: CallEvent): void {
    const { accountSid } = this.#state;
    const id = type === 'call.ended' ? { id: endedEventId(callSid) } : {};
    this.#options.ports.events.emit({ accountSid, type, subject: callSid, data, sequence, ...id });
    if (type === 'call.ended') this.#options.onLegEnded(callSid);
    if (type === 'call.initiated' || type === 'call.answered' || type === 'call.ended') {
      const { callSid: leg, ...facts } = data;
      this.#log.info({ leg, ...facts }, type);
    }
  }

  #stamp(request: InstructionRequest): InstructionRequest {
    const timestamp = new Date(this.#options.ports.clock.now()).toUTCString().replace('GMT', '+0000');
    return { ...request, params: { ...request.params, Timestamp: timestamp } };
  }

  /** All requests of a call belong to the session of those whom it began with. */
  #ofCall<T extends object>(request: T): T & Pick<InstructionRequest, 'session'> {
    const { initial } = this.#options;
    const root = initial.legs.get(initial.rootSid);
    if (root === undefined) return request;
    return { ...request, session: { callSid: root.callSid, from: root.from, to: root.to } };
  }

  #fetch(fetchId: string, request: InstructionRequest): void {
    const controller = new AbortController();
    this.#fetches.set(fetchId, controller);
    this.#settle(
      this.#options.ports.instructions.fetch(this.#asked(fetchId, request), controller.signal),
      (response) => {
        if (this.#fetches.delete(fetchId)) this.post({ kind: 'fetched', fetchId, response });
      },
    );
  }

  /** Delegates are asked for the first instructions alone. */
  #asked(fetchId: string, request: InstructionRequest): InstructionRequest {
    const { document, application } = this.#options.initial;
    const { applicationSid } = application;
    const isFirst = fetchId === FIRST_FETCH && document === undefined && applicationSid !== undefined;
    return isFirst ? { ...this.#ofCall(request), firstOf: applicationSid } : this.#ofCall(request);
  }

  #prompt(promptId: string, request: PromptRequest): void {
    const { prompts } = this.#options.ports;
    const { accountSid } = this.#state;
    const result =
      request.kind === 'fetch'
        ? prompts.fetch({ accountSid, url: request.url })
        : prompts.say({ ...request, accountSid });
    this.#settle(result, (ready) => {
      this.post({ kind: 'prompt-ready', promptId, result: ready });
    });
  }

  /** The ports promise not to reject; one that does is a fault of this call only. */
  #settle<T>(work: Promise<T>, then: (value: T) => void): void {
    work.then(then).catch((error: unknown) => {
      if (!this.#closed) this.#crash(describeError(error));
    });
  }
}
