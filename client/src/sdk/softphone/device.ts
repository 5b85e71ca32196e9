import type { SoftphonePush, SoftphoneResults } from '@hookswitch/shared';
import { HubClient } from '../hub/index.ts';
import type { HubOptions, TokenOption } from '../hub/index.ts';
import { Emitter, clientError, systemClock, toHookswitchError } from '../kit/index.ts';
import type { HookswitchError, Unsubscribe } from '../kit/index.ts';
import { BridgeRequests } from './bridge-request.ts';
import type { BridgeRequest } from './bridge-request.ts';
import { Call } from './call.ts';
import type { CallContext } from './call-events.ts';
import type { LegReference } from './call-leg.ts';
import type { MicrophoneOptions } from './browser-audio.ts';
import { DeviceAudio } from './device-audio.ts';
import { browserPlatform } from './platform.mediasoup.ts';
import type { ProducedCodec, Signal, SoftphonePlatform } from './ports.ts';
import { Registration } from './registration.ts';
import type { DeviceState } from './registration.ts';
import { onSoftphonePush, softphoneSignal } from './signalling.ts';

export interface DeviceOptions extends Omit<HubOptions, 'token'> {
  /** A name an agent recognises, shown where the identity's devices are listed. */
  readonly name?: string;
  /** Default PCMU and opus. Calls begin on PCMU; without opus here they stay on it between browsers too. */
  readonly codecPreferences?: readonly ProducedCodec[];
  /** Default false: a call that comes in during another one is declined as busy. */
  readonly allowIncomingWhileBusy?: boolean;
  /** The browser asks before the page is left during a call (default false). */
  readonly closeProtection?: boolean;
  readonly audio?: MicrophoneOptions & { readonly outputDevice?: string };
  /** Use this connection instead of one of its own; the device does not close it then. */
  readonly hub?: HubClient;
  /** Default: the browser. */
  readonly platform?: SoftphonePlatform;
}

export interface DeviceEvents {
  registering: undefined;
  registered: undefined;
  unregistered: undefined;
  incoming: Call;
  /** Something that is no call and may be answered by one. */
  bridgeRequest: BridgeRequest;
  /** A call began in either direction, or one ended: `calls` changed. */
  calls: readonly Call[];
  error: HookswitchError;
  /** There is no token provider: call updateToken() before this time (epoch milliseconds). */
  tokenWillExpire: { readonly expiresAt: number };
  destroyed: undefined;
  /** The connection to the server is gone; it is being re-established. */
  offline: HookswitchError;
  online: undefined;
  /** Microphones or speakers were plugged in or out. */
  deviceChange: undefined;
}

type CallPush = Parameters<Call['push']>[0];

/** Pushes for calls whose number is not known yet: the answer to `connect` is on its way. */
const MAX_EARLY = 50;

/**
 * A softphone. Made with a token (or a function that fetches one), it registers under the token's identity, rings, and
 * makes calls. Lifetime: until destroy().
 */
export class Device {
  /** For events of the hub on the same connection. */
  readonly hub: HubClient;
  readonly audio: DeviceAudio;
  readonly #emitter = new Emitter<DeviceEvents>();
  readonly #platform: SoftphonePlatform;
  readonly #signal: Signal;
  readonly #registration: Registration;
  readonly #offs: Unsubscribe[];
  readonly #calls = new Set<Call>();
  /** Hang-ups that could not be sent. */
  readonly #hangUps = new Map<string, LegReference>();
  readonly #requests: BridgeRequests;
  #early: CallPush[] = [];
  #options: DeviceOptions;

  constructor(token: TokenOption, options: DeviceOptions = {}) {
    this.#options = options;
    this.hub = options.hub ?? new HubClient({ ...options, token });
    this.#platform = options.platform ?? browserPlatform(options.audio);
    this.#signal = softphoneSignal(this.hub);
    this.audio = new DeviceAudio(
      this.#platform,
      () => this.calls,
      () => {
        this.#emitter.emit('deviceChange', undefined);
      },
    );
    this.#requests = new BridgeRequests({
      clock: options.clock ?? systemClock,
      call: (bridgeToken, to) => this.answerBridgeRequest(bridgeToken, { to }),
      offered: (request) => {
        this.#emitter.emit('bridgeRequest', request);
      },
    });
    const registration = {
      hub: this.hub,
      signal: this.#signal,
      clock: options.clock ?? systemClock,
      name: options.name,
    };
    this.#registration = new Registration(registration, {
      changed: (state) => {
        if (state !== 'destroyed') this.#emitter.emit(state, undefined);
      },
      registered: (result, again) => this.#registered(result, again),
      lost: (error) => {
        for (const call of this.calls) call.signallingLost();
        this.#emitter.emit('offline', error);
      },
      error: (error) => {
        this.#emitter.emit('error', error);
      },
    });
    this.#offs = [...this.#listenToHub(), ...this.#listenToPage()];
  }

  get state(): DeviceState {
    return this.#registration.state;
  }

  /** Of the token in use; undefined while there is no connection. */
  get identity(): string | undefined {
    return this.hub.info?.identity;
  }

  /** Every call that is not closed. */
  get calls(): readonly Call[] {
    return [...this.#calls];
  }

  /** The call that is being made or held; pending ones are not active. */
  get activeCall(): Call | undefined {
    return this.calls.find(({ status }) => status !== 'pending');
  }

  /** What this device may answer by a call now. */
  get bridgeRequests(): readonly BridgeRequest[] {
    return this.#requests.pending;
  }

  get isBusy(): boolean {
    return this.activeCall !== undefined;
  }

  on<K extends keyof DeviceEvents>(event: K, listener: (payload: DeviceEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  once<K extends keyof DeviceEvents>(event: K, listener: (payload: DeviceEvents[K]) => void): Unsubscribe {
    return this.#emitter.once(event, listener);
  }

  /** Connects if need be and stays registered until unregister(). @throws HookswitchError */
  register(): Promise<void> {
    if (this.state === 'destroyed') return Promise.reject(clientError('closed'));
    return this.#registration.register();
  }

  /** No more calls come in; calls that are open go on. */
  unregister(): Promise<void> {
    return this.#registration.unregister();
  }

  /**
   * Calls somebody. `params` is handed to the application that the token names; by convention `To` says whom: a number,
   * `client:identity` or a SIP URI. Asks for the microphone. @throws HookswitchError `invalidState`
   */
  connect({ params }: { readonly params: Readonly<Record<string, string>> }): Call {
    return this.#begin(params);
  }

  /**
   * Answers a bridge request whose token got here by a way of the application's own, such as an event of its. `to` is what
   * is shown as the other party. Asks for the microphone. @throws HookswitchError `invalidState`
   */
  answerBridgeRequest(bridgeToken: string, { to = '' }: { readonly to?: string } = {}): Call {
    return this.#begin({ To: to }, bridgeToken);
  }

  /** Away: calls do not ring this device until it is back. @throws HookswitchError `notRegistered` */
  async setAway(away: boolean): Promise<void> {
    await this.#signal('presence', { state: away ? 'away' : 'available' });
  }

  disconnectAll(): void {
    for (const call of this.calls) call.disconnect();
  }

  /** @throws HookswitchError when the server refuses it */
  updateToken(token: TokenOption): Promise<void> {
    return this.hub.updateToken(token);
  }

  /** Takes effect for what happens next. */
  updateOptions(options: Pick<DeviceOptions, 'codecPreferences' | 'allowIncomingWhileBusy' | 'closeProtection'>): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Ends calls, registration and connection. Idempotent. */
  destroy(): void {
    if (this.state === 'destroyed') return;
    this.disconnectAll();
    this.#tellUnregistered();
    this.#registration.destroy();
    for (const off of this.#offs) off();
    this.#requests.close();
    this.audio.close();
    if (this.#options.hub === undefined) this.hub.close();
    this.#emitter.emit('destroyed', undefined);
    this.#emitter.clear();
  }

  #begin(params: Readonly<Record<string, string>>, bridgeToken?: string): Call {
    if (this.state === 'destroyed') throw clientError('closed');
    if (this.isBusy) throw clientError('invalidState', { message: 'there is a call already; hang up first' });
    const call = new Call(
      {
        direction: 'outgoing',
        from: this.identity === undefined ? '' : `client:${this.identity}`,
        to: params['To'] ?? '',
        callerName: undefined,
        parameters: params,
      },
      this.#context(),
    );
    this.#add(call);
    call.start(bridgeToken);
    return call;
  }

  #tellUnregistered(): void {
    if (this.state === 'registered') this.#signal('unregister', {}).catch(() => undefined);
  }

  #listenToHub(): Unsubscribe[] {
    return [
      onSoftphonePush(this.hub, (push) => {
        this.#push(push);
      }),
      this.hub.on('error', (error) => {
        this.#emitter.emit('error', error);
      }),
      this.hub.on('tokenWillExpire', (expiry) => {
        this.#emitter.emit('tokenWillExpire', expiry);
      }),
    ];
  }

  #listenToPage(): Unsubscribe[] {
    const { onPage } = this.#platform;
    return [
      onPage('online', () => {
        this.hub.wakeUp();
      }),
      // A page that is left says so, instead of leaving callers with silence or in vain ringing until a time-out. Should
      // the browser show it again, the new connection registers again.
      onPage('pagehide', () => {
        this.disconnectAll();
        this.#tellUnregistered();
      }),
      onPage('beforeunload', (event) => {
        if (this.#options.closeProtection === true && this.isBusy) event.preventDefault();
      }),
    ];
  }

  async #registered(result: SoftphoneResults['register'], again: boolean): Promise<void> {
    await this.#platform.media.load(result.rtpCapabilities);
    this.#requests.registered(result.bridgeRequests ?? []);
    for (const leg of [...this.#hangUps.values()]) void this.#hangUpAgain(leg);
    if (!again) return;
    for (const call of this.calls) if (call.status !== 'pending') call.signallingBack();
    this.#emitter.emit('online', undefined);
  }

  #push(push: SoftphonePush): void {
    if (push.type === 'bridge-request') {
      this.#requests.offered(push);
      return;
    }
    if (push.type === 'bridge-request-closed') {
      this.#requests.closed(push.requestSid, push.status);
      return;
    }
    const call = this.calls.find(({ callSid }) => callSid === push.callSid);
    if (push.type === 'incoming') {
      if (call === undefined) this.#incoming(push);
      else call.offered(push);
      return;
    }
    if (call !== undefined) call.push(push);
    else if (this.calls.some(({ callSid }) => callSid === '')) this.#early = [...this.#early, push].slice(-MAX_EARLY);
  }

  #incoming(offer: Extract<SoftphonePush, { type: 'incoming' }>): void {
    if (this.isBusy && this.#options.allowIncomingWhileBusy !== true) {
      const { callSid, token, hint } = offer;
      this.#signal('reject', { callSid, token, hint, reason: 'busy' }).catch(() => undefined);
      return;
    }
    const { from, to, callerName, parameters } = offer;
    const call = new Call({ direction: 'incoming', from, to, callerName, parameters }, this.#context(), offer);
    this.#add(call);
    this.#emitter.emit('incoming', call);
  }

  #context(): CallContext {
    return {
      signal: this.#signal,
      platform: this.#platform,
      clock: this.#options.clock ?? systemClock,
      codecs: this.#options.codecPreferences ?? ['PCMU', 'opus'],
      whenRegistered: () =>
        this.state === 'unregistered' ? this.#registration.register() : this.#registration.whenRegistered(),
      hangUp: (leg) => {
        this.#hangUp(leg);
      },
      identified: (call) => {
        const early = this.#early;
        this.#early = [];
        for (const push of early) if (push.callSid === call.callSid) call.push(push);
      },
      closed: (call) => {
        this.#calls.delete(call);
        this.#emitter.emit('calls', this.calls);
      },
    };
  }

  #add(call: Call): void {
    this.#calls.add(call);
    this.#emitter.emit('calls', this.calls);
  }

  #hangUp(leg: LegReference): void {
    const { callSid } = leg;
    this.#hangUps.set(callSid, leg);
    this.#signal('hangup', { callSid }).then(
      () => {
        this.#hangUps.delete(callSid);
      },
      (error: unknown) => {
        const { name } = toHookswitchError(error, 'timeout');
        if (name !== 'offline' && name !== 'connectionLost') this.#hangUps.delete(callSid);
      },
    );
  }

  /** A hang-up got lost with its connection: the leg is taken up by this one, and hung up. */
  async #hangUpAgain(leg: LegReference): Promise<void> {
    try {
      await this.#signal('reattach', leg);
      this.#hangUp(leg);
    } catch {
      // The call is over, or the server ends it when the device does not come back in time.
      this.#hangUps.delete(leg.callSid);
    }
  }
}
