import { identityTokens } from '@hookswitch/shared';
import type { AudioDevice, BridgeRequest, Call, CallEnd, Device, HookswitchError, HubClient } from '../sdk/index.ts';
import { CLIENT_ERRORS, HookswitchError as SdkError, webAudioTones } from '../sdk/index.ts';
import type { Tones } from '../sdk/index.ts';
import { EventLog } from './event-log.ts';
import type { CallView, PhoneSnapshot, PhoneState, RecentCall } from './phone-snapshot.ts';

interface Notes {
  digitsReceived: string;
  digitsSent: string;
  warning: string | undefined;
}

const MAX_RECENTS = 6;
const SOUND_CHECK_MS = 500;
const WARNINGS = {
  client: 'The other side does not hear you: check the microphone.',
  caller: 'Nothing is heard from the other side.',
} as const;

declare global {
  interface Window {
    /** For tests and the console. */
    hookswitch?: { readonly device: Device; readonly hub: HubClient };
  }
}

/** The page's view of a device, as one immutable snapshot after every change. Lives until close(). */
export class SoftphoneStore {
  readonly device: Device;
  readonly events = new EventLog();
  readonly tones: Tones = webAudioTones();
  readonly #listeners = new Set<() => void>();
  readonly #notes = new Map<Call, Notes>();
  readonly #known = new Set<Call>();
  #errors: readonly HookswitchError[] = [];
  #recents: readonly RecentCall[] = [];
  #inputs: readonly AudioDevice[] = [];
  #outputs: readonly AudioDevice[] = [];
  #microphone: PhoneSnapshot['microphone'] = 'unknown';
  #stopRinging: (() => void) | undefined;
  #soundBlocked = false;
  #watching: string | undefined;
  #snapshot: PhoneSnapshot;

  constructor(device: Device) {
    this.device = device;
    this.#snapshot = this.#view();
    const change = (): void => {
      this.#changed();
    };
    device.on('registered', () => {
      this.#errors = this.#errors.filter(({ code }) => code >= CLIENT_ERRORS.microphoneRefused.code);
      this.#watchEvents();
      void this.refreshDevices();
    });
    device.on('calls', (calls) => {
      for (const call of calls) if (!this.#known.has(call)) this.#adopt(call);
      change();
    });
    device.on('bridgeRequest', (request) => {
      request.on('closed', change);
      change();
    });
    for (const event of ['registering', 'unregistered', 'offline', 'online'] as const) device.on(event, change);
    device.on('error', (error) => {
      this.#report(error);
    });
    device.on('tokenWillExpire', () => {
      this.#report(
        new SdkError('tokenExpired', {
          ...CLIENT_ERRORS.tokenExpired,
          message: 'The token expires in a few seconds. Sign in again to stay reachable.',
        }),
      );
    });
    device.on('deviceChange', () => void this.refreshDevices());
    device.hub.on('state', change);
    globalThis.addEventListener('online', change);
    globalThis.addEventListener('offline', change);
    window.hookswitch = { device, hub: device.hub };
    device.register().catch(() => undefined);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): PhoneSnapshot => this.#snapshot;

  dial(to: string): void {
    this.#begin(() => this.device.connect({ params: { To: to } }));
  }

  accept(request: BridgeRequest): void {
    this.#begin(() => request.accept());
  }

  #begin(work: () => Call): void {
    try {
      work();
    } catch (error) {
      if (error instanceof SdkError) this.#report(error);
      else throw error;
    }
  }

  sendDigit(call: Call, digit: string): void {
    this.tones.digit(digit);
    const notes = this.#notes.get(call);
    if (notes !== undefined) notes.digitsSent = `${notes.digitsSent}${digit}`.slice(-32);
    this.#changed();
    call.sendDigits(digit).catch((error: unknown) => {
      if (error instanceof SdkError) this.#report(error);
    });
  }

  dismiss(error: HookswitchError): void {
    this.#errors = this.#errors.filter((other) => other !== error);
    this.#changed();
  }

  /** Asks for the microphone now. */
  async allowMicrophone(): Promise<void> {
    try {
      await this.device.audio.allowMicrophone();
      this.#errors = this.#errors.filter(({ name }) => !name.startsWith('microphone'));
    } catch (error) {
      if (error instanceof SdkError) this.#report(error);
    }
    await this.refreshDevices();
  }

  async refreshDevices(): Promise<void> {
    try {
      this.#microphone = await this.device.audio.microphonePermission();
      ({ inputs: this.#inputs, outputs: this.#outputs } = await this.device.audio.list());
    } catch (error) {
      if (error instanceof SdkError) this.#report(error);
    }
    this.#changed();
  }

  async chooseInput(id: string): Promise<void> {
    await this.#choose(() => this.device.audio.setInputDevice(id === '' ? undefined : id));
  }

  async chooseOutput(id: string): Promise<void> {
    await this.#choose(() => this.device.audio.setOutputDevice(id === '' ? undefined : id));
  }

  async unblockSound(): Promise<void> {
    await this.tones.unblock().catch(() => undefined);
    this.#soundBlocked = false;
    this.#changed();
  }

  close(): void {
    this.#stopRinging?.();
    this.tones.close();
    this.device.destroy();
    this.#listeners.clear();
    delete window.hookswitch;
  }

  async #choose(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      if (error instanceof SdkError) this.#report(error);
    }
    this.#changed();
  }

  #adopt(call: Call): void {
    const notes: Notes = { digitsReceived: '', digitsSent: '', warning: undefined };
    this.#known.add(call);
    this.#notes.set(call, notes);
    const change = (): void => {
      this.#changed();
    };
    for (const event of ['status', 'mute', 'codec', 'accept', 'reconnected'] as const) call.on(event, change);
    call.on('accept', () => {
      // The first call made the browser ask: the devices have names now.
      if (this.#microphone !== 'granted') void this.refreshDevices();
    });
    call.on('digit', (digit) => {
      notes.digitsReceived = `${notes.digitsReceived}${digit}`.slice(-32);
      change();
    });
    call.on('warning', ({ silent }) => {
      notes.warning = call.direction === 'incoming' ? WARNINGS[silent] : WARNINGS.caller;
      change();
    });
    call.on('error', (error) => {
      this.#report(error);
    });
    for (const event of ['cancel', 'reject', 'disconnect'] as const) {
      call.on(event, (end) => {
        this.#ended(call, end);
      });
    }
  }

  #ended(call: Call, end: CallEnd): void {
    this.#notes.delete(call);
    this.#known.delete(call);
    const { openedAt } = call;
    const now = Date.now();
    const recent: RecentCall = {
      key: now + Math.random(),
      direction: call.direction,
      peer: call.peer,
      outcome: end.message,
      missed:
        call.direction === 'incoming' &&
        openedAt === undefined &&
        end.cause !== 'local-reject' &&
        end.cause !== 'answered-elsewhere',
      durationMs: openedAt === undefined ? undefined : now - openedAt,
      at: now,
    };
    this.#recents = [recent, ...this.#recents].slice(0, MAX_RECENTS);
    this.#changed();
  }

  #report(error: HookswitchError): void {
    this.#errors = [...this.#errors.filter(({ name }) => name !== error.name), error].slice(-3);
    this.#changed();
  }

  #watchEvents(): void {
    const { identity } = this.device;
    const key = identity ?? '';
    if (this.#watching === key) return;
    this.#watching = key;
    const topics = ['calls.>', ...(identity === undefined ? [] : [`clients.${identityTokens(identity)}.>`])];
    for (const topic of topics) {
      const subscription = this.device.hub.subscribe(topic, (_event, delivered) => {
        this.events.add(delivered);
      });
      subscription.on('gap', () => {
        this.events.markGap();
      });
      subscription.on('error', () => {
        this.events.refused(topic);
      });
    }
  }

  #changed(): void {
    this.#ring();
    this.#snapshot = this.#view();
    for (const listener of this.#listeners) listener();
  }

  #ring(): void {
    const { calls, activeCall } = this.device;
    const ringing = calls.some(({ status }) => status === 'pending') && activeCall === undefined;
    if (ringing && this.#stopRinging === undefined) {
      this.#stopRinging = this.#ringSoon();
      // An audio context that is allowed to play needs a moment to begin.
      setTimeout(() => {
        this.#soundBlocked = this.#stopRinging !== undefined && this.tones.isBlocked;
        if (this.#soundBlocked) this.#changed();
      }, SOUND_CHECK_MS);
    }
    if (!ringing) {
      this.#soundBlocked = false;
      this.#stopRinging?.();
      this.#stopRinging = undefined;
    }
  }

  /** The card is shown first: opening the audio device takes a while. */
  #ringSoon(): () => void {
    let stop: (() => void) | undefined;
    const timer = setTimeout(() => {
      stop = this.tones.ring();
    }, 0);
    return () => {
      clearTimeout(timer);
      stop?.();
    };
  }

  #view(): PhoneSnapshot {
    const views = this.device.calls.map((call) => this.#callView(call));
    return {
      state: this.#state(),
      identity: this.device.identity ?? this.#watching,
      incoming: views.filter(({ status }) => status === 'pending'),
      requests: this.device.bridgeRequests,
      active: views.find(({ status }) => status !== 'pending'),
      errors: this.#errors,
      recents: this.#recents,
      inputs: this.#inputs,
      outputs: this.#outputs,
      inputDevice: this.device.audio.inputDevice,
      outputDevice: this.device.audio.outputDevice,
      microphone: this.#microphone,
      soundBlocked: this.#soundBlocked,
    };
  }

  #state(): PhoneState {
    const { state: hub } = this.device.hub;
    if (hub === 'stopped') return 'stopped';
    if (!navigator.onLine && hub !== 'connected') return 'offline';
    if (hub === 'reconnecting') return 'reconnecting';
    return this.device.state === 'destroyed' ? 'unregistered' : this.device.state;
  }

  #callView(call: Call): CallView {
    const notes = this.#notes.get(call);
    return {
      call,
      status: call.status,
      muted: call.isMuted,
      codec: call.codec,
      openedAt: call.openedAt,
      digitsReceived: notes?.digitsReceived ?? '',
      digitsSent: notes?.digitsSent ?? '',
      warning: notes?.warning,
    };
  }
}
