import type { SoftphonePush } from '@hookswitch/shared';
import { Emitter, Runner, Timers, clientError, toHookswitchError } from '../kit/index.ts';
import type { HookswitchError, Unsubscribe } from '../kit/index.ts';
import { CallLeg } from './call-leg.ts';
import type { CallContext, CallEvents, CallFacts, CallStatus, MessageAnswer } from './call-events.ts';
import type { Offer } from './call-leg.ts';
import { stepCall } from './call-machine.ts';
import type { CallDirection, CallEffect, CallEnd, CallInput, CallState, CallTimer } from './call-machine.ts';
import { MessageAnswers } from './message-answers.ts';
import type { Codec, LegStatistics } from './ports.ts';

/** What is about a call. */
type CallPush = Exclude<Extract<SoftphonePush, { callSid: string }>, { type: 'incoming' }>;

const VOLUME_MS = 100;
const DIGITS = /^[0-9A-D#*wW]{1,32}$/;
const REATTACH_TRIES = 5;

/** One call of this device. Lives from Device's `incoming` or connect() to the status `closed`. */
export class Call {
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly callerName: string | undefined;
  /** Of an incoming call: what the application passed along. Of an outgoing one: what connect() was given. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly #context: CallContext;
  readonly #emitter = new Emitter<CallEvents>();
  readonly #timers: Timers<CallTimer | 'volume' | 'reattach'>;
  readonly #runner: Runner<CallState, CallInput, CallEffect>;
  readonly #leg: CallLeg;
  readonly #messages: MessageAnswers;
  #offer: Offer | undefined;
  #callSid: string | undefined;
  #codec: Codec | undefined;
  #muted = false;
  #openedAt: number | undefined;

  /** Made by Device. */
  constructor(facts: CallFacts, context: CallContext, offer?: Offer) {
    this.direction = facts.direction;
    this.from = facts.from;
    this.to = facts.to;
    this.callerName = facts.callerName;
    this.parameters = facts.parameters;
    this.#context = context;
    this.#timers = new Timers(context.clock);
    this.#messages = new MessageAnswers(context.clock);
    this.#leg = new CallLeg(context, {
      identified: (callSid) => {
        this.#callSid = callSid;
        context.identified(this);
      },
      opened: (leg) => {
        this.#codec = leg.codec;
        this.#emitter.emit('audio', leg.remoteStream);
        this.#measure();
      },
      codec: (codec) => {
        this.#codec = codec;
        this.#emitter.emit('codec', codec);
      },
      input: (input) => {
        this.#dispatch(input);
      },
    });
    const initial: CallState =
      facts.direction === 'incoming'
        ? { status: 'pending' }
        : { status: 'connecting', progress: { ready: false, answered: false } };
    this.#runner = new Runner<CallState, CallInput, CallEffect>(stepCall, initial, (effect) => {
      this.#perform(effect);
    });
    if (offer !== undefined) this.offered(offer);
  }

  /** Empty for an outgoing call until the server has named it. */
  get callSid(): string {
    return this.#callSid ?? '';
  }

  get status(): CallStatus {
    return this.#runner.state.status;
  }

  /** How it ended; undefined while it lives. */
  get end(): CallEnd | undefined {
    const { state } = this.#runner;
    return state.status === 'closed' ? state.end : undefined;
  }

  get isMuted(): boolean {
    return this.#muted;
  }

  /** The codec that is heard; undefined before there is audio. */
  get codec(): Codec | undefined {
    return this.#codec;
  }

  /** When the call became open, epoch milliseconds. */
  get openedAt(): number | undefined {
    return this.#openedAt;
  }

  /** The other party: a number, `client:identity` or a SIP URI. */
  get peer(): string {
    return this.direction === 'incoming' ? this.from : this.to;
  }

  on<K extends keyof CallEvents>(event: K, listener: (payload: CallEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  once<K extends keyof CallEvents>(event: K, listener: (payload: CallEvents[K]) => void): Unsubscribe {
    return this.#emitter.once(event, listener);
  }

  /**
   * Answers an incoming call. When the microphone is refused the call goes on ringing (`error` tells) and may be
   * accepted again. Does nothing unless the call is pending.
   */
  accept(): void {
    this.#dispatch({ kind: 'accept' });
  }

  /** Declines an incoming call; other devices go on ringing. */
  reject(): void {
    this.#dispatch({ kind: 'reject' });
  }

  /** Stops ringing here without telling anybody. */
  ignore(): void {
    this.#dispatch({ kind: 'ignore' });
  }

  /** Hangs up (or rejects a call that is still pending). */
  disconnect(): void {
    this.#dispatch({ kind: 'hangup' });
  }

  /** The other party hears silence. The server is told, so that supervisors see it. */
  mute(muted = true): void {
    if (this.status === 'closed' || this.#muted === muted) return;
    this.#muted = muted;
    this.#leg.setMuted(muted);
    this.#emitter.emit('mute', muted);
    if (this.#callSid !== undefined && this.status !== 'pending') {
      this.#context.signal('mute', { callSid: this.#callSid, muted }).catch(() => undefined);
    }
  }

  /** @throws HookswitchError `badDigits`, `invalidState`, or the server's refusal */
  async sendDigits(digits: string): Promise<void> {
    if (!DIGITS.test(digits)) throw clientError('badDigits');
    const { status } = this;
    if (this.#callSid === undefined || status === 'pending' || status === 'closed') {
      throw clientError('invalidState', { message: `digits cannot be sent while the call is ${status}` });
    }
    await this.#context.signal('digits', { callSid: this.#callSid, digits });
  }

  /**
   * Sends any JSON value of up to 10 kB to the application and resolves with its answer. A message that may have got lost
   * (`connectionLost`, `unavailable`) can be sent again with its `messageId` without being stored twice.
   *
   * @throws HookswitchError `invalidState`, `messageNotAnswered` (the message says why), or the server's refusal
   */
  async sendMessage(content: unknown, options: { readonly messageId?: string } = {}): Promise<MessageAnswer> {
    const callSid = this.#callSid;
    if (callSid === undefined || this.status === 'pending' || this.status === 'closed') {
      throw clientError('invalidState', { message: `messages cannot be sent while the call is ${this.status}` });
    }
    const messageId = options.messageId ?? this.#messages.nextId();
    return await this.#messages.wait(messageId, () => this.#context.signal('message', { callSid, messageId, content }));
  }

  getLocalStream(): MediaStream | undefined {
    return this.#leg.leg?.localStream;
  }

  getRemoteStream(): MediaStream | undefined {
    return this.#leg.leg?.remoteStream;
  }

  /** Loudness now, 0 to 1. */
  levels(): { readonly input: number; readonly output: number } {
    return this.#leg.levels();
  }

  /** Undefined before there is audio. */
  async statistics(): Promise<LegStatistics | undefined> {
    return this.#leg.leg?.statistics();
  }

  // ------------------------------------------------------------------------------------- for the device that owns it

  /** Begins an outgoing call. */
  start(bridgeToken?: string): void {
    void this.#leg.open({ kind: 'connect', params: this.parameters, bridgeToken });
  }

  /** The offer, or the same offer again with a newer token. */
  offered(offer: Offer): void {
    this.#offer = offer;
    this.#callSid = offer.callSid;
    if (this.status !== 'pending') return;
    this.#timers.start('offer', offer.expiresAt - this.#context.clock.now(), () => {
      this.#dispatch({ kind: 'timer', name: 'offer' });
    });
  }

  push(push: CallPush): void {
    switch (push.type) {
      case 'cancel':
        this.#dispatch({ kind: 'cancel', reason: push.reason, by: push.by });
        return;
      case 'ended':
        this.#dispatch({ kind: 'ended', cause: push.cause, message: push.message });
        return;
      case 'ringing':
        this.#dispatch({ kind: 'ringing', earlyMedia: push.earlyMedia });
        return;
      case 'answered':
      case 'merged':
        this.#dispatch({ kind: 'answered' });
        return;
      case 'consumer':
        this.#leg.replaceConsumer(push.consumer);
        return;
      case 'codec':
        this.#leg.produceIn(push.codec);
        return;
      case 'digit':
        this.#emitter.emit('digit', push.digit);
        return;
      case 'message':
        this.#emitter.emit('message', { messageSid: push.messageSid, content: push.content });
        return;
      case 'message-answer':
        this.#messages.answered(push);
        return;
      case 'one-way-audio':
        this.#emitter.emit('warning', { name: 'one-way-audio', silent: push.silent });
        return;
      default:
    }
  }

  signallingLost(): void {
    this.#timers.stop('reattach');
    this.#dispatch({ kind: 'signalling', up: false });
  }

  /** The device is registered again. */
  signallingBack(attempt = 0): void {
    this.#leg.reattach().then(
      (answer) => {
        if (answer?.state === 'open') this.#dispatch({ kind: 'answered' });
        this.#dispatch({ kind: 'signalling', up: true });
        if (this.#muted) this.#context.signal('mute', { callSid: this.callSid, muted: true }).catch(() => undefined);
      },
      (error: unknown) => {
        this.#notReattached(toHookswitchError(error, 'connectionLost'), attempt);
      },
    );
  }

  /** Another microphone for this call, which takes it over. */
  async replaceMicrophone(track: MediaStreamTrack): Promise<void> {
    if (this.#leg.leg === undefined) track.stop();
    else await this.#leg.leg.replaceMicrophone(track);
  }

  get hasLeg(): boolean {
    return this.#leg.leg !== undefined;
  }

  // --------------------------------------------------------------------------------------------------------- private

  #notReattached(error: HookswitchError, attempt: number): void {
    if (this.status === 'closed' || error.name === 'connectionLost' || error.name === 'offline') return;
    if (error.temporary && attempt + 1 < REATTACH_TRIES) {
      this.#timers.start('reattach', 500 * 2 ** attempt, () => {
        this.signallingBack(attempt + 1);
      });
      return;
    }
    this.#dispatch({
      kind: 'ended',
      cause: 'connection-lost',
      message: `the call could not be resumed: ${error.message}`,
    });
  }

  #dispatch(input: CallInput): void {
    const before = this.status;
    this.#runner.dispatch(input);
    if (this.status !== before) this.#emitter.emit('status', this.status);
  }

  #perform(effect: CallEffect): void {
    switch (effect.kind) {
      case 'open-leg':
        this.#timers.stop('offer');
        this.#acceptOffer();
        return;
      case 'release':
        this.#timers.stopAll();
        this.#messages.close();
        this.#leg.close();
        this.#context.closed(this);
        return;
      case 'send-reject':
        if (this.#offer !== undefined) {
          const { callSid, token, hint } = this.#offer;
          this.#context.signal('reject', { callSid, token, hint }).catch(() => undefined);
        }
        return;
      case 'send-hangup':
        this.#leg.hangUp();
        return;
      case 'restart-ice':
        this.#leg.restartIce();
        return;
      case 'start-timer':
        this.#timers.start(effect.name, effect.delayMs, () => {
          this.#dispatch({ kind: 'timer', name: effect.name });
        });
        return;
      case 'stop-timer':
        this.#timers.stop(effect.name);
        return;
      case 'emit':
        this.#emit(effect.event);
        return;
      case 'emit-ringing':
        this.#emitter.emit('ringing', { hasEarlyMedia: effect.earlyMedia });
        return;
      case 'emit-reconnecting':
        this.#emitter.emit('reconnecting', { what: effect.what });
        return;
      case 'emit-error':
        this.#emitter.emit('error', effect.error);
        return;
    }
  }

  #emit(event: Extract<CallEffect, { kind: 'emit' }>['event']): void {
    const end = this.end;
    if (event === 'accept') {
      this.#openedAt = this.#context.clock.now();
      // Audio that was lost before the call was open has not been counted yet.
      if (this.#leg.isMediaLost) this.#dispatch({ kind: 'media', up: false });
    }
    if (event === 'accept' || event === 'reconnected') this.#emitter.emit(event, this);
    else if (end !== undefined) this.#emitter.emit(event, end);
  }

  #acceptOffer(): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    void this.#leg.open({ kind: 'accept', offer: () => this.#offer ?? offer });
  }

  #measure(): void {
    this.#timers.start('volume', VOLUME_MS, () => {
      if (this.#emitter.count('volume') > 0) this.#emitter.emit('volume', this.levels());
      this.#measure();
    });
  }
}
