import type { EndCause, LegMedia } from '@hookswitch/shared';
import type { EndRequest, PlaceRequest } from '../calls/ports.ts';
import { describeError, MachineRunner, TimerSet } from '../kernel/index.ts';
import { ClientLeg } from './client-leg.ts';
import { RINGING_START, ringingMachine } from './client-ringing.ts';
import type {
  CancelReason,
  RingingEffect,
  RingingInput,
  RingingState,
  RingingTimer,
  RungDevice,
} from './client-ringing.ts';
import type { HostContext } from './host-context.ts';
import type { BridgeLeg, LegCore } from './leg.ts';
import type { RegistrationChange } from './ports.ts';
import { refusal } from './rpc-messages.ts';
import type { Caller, Reply } from './rpc-messages.ts';

const MESSAGES: Readonly<Partial<Record<EndCause, string>>> = {
  'not-registered': 'no device is registered',
  busy: 'every device rejected the call',
  'no-answer': 'no device answered in time',
  'connection-lost': 'every device was lost while ringing',
};

/**
 * A leg that rings the devices of a client target. The first device that accepts takes the leg over: a
 * {@link ClientLeg} with the same core replaces this one in the table.
 */
export class ClientDial implements BridgeLeg {
  readonly core: LegCore;
  readonly #context: HostContext;
  readonly #request: PlaceRequest;
  readonly #target: string;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #timers: TimerSet<RingingTimer>;
  readonly #runner: MachineRunner<RingingState, RingingInput, RingingEffect>;
  /** Which connection of a registration was told last: a change means that the device is back. */
  readonly #told = new Map<string, string>();
  #expiresAt = 0;
  #endMessage: string | undefined;

  constructor(
    core: LegCore,
    parts: {
      readonly context: HostContext;
      readonly request: PlaceRequest;
      readonly target: { readonly identity: string; readonly parameters: Readonly<Record<string, string>> };
    },
  ) {
    this.core = core;
    this.#context = parts.context;
    this.#request = parts.request;
    this.#target = parts.target.identity;
    this.#parameters = parts.target.parameters;
    this.#timers = new TimerSet(parts.context.clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner<RingingState, RingingInput, RingingEffect>({
      machine: ringingMachine,
      initial: RINGING_START,
      perform: (effect) => {
        if (!this.#timers.perform(effect)) this.#perform(effect);
      },
    });
    core.defer(() => {
      this.#timers.close();
    });
  }

  get canHear(): boolean {
    return false;
  }
  get isRinging(): boolean {
    return this.#runner.state.phase === 'ringing' || this.#runner.state.phase === 'idle';
  }

  /** Looks the devices up and rings them. Never rejects: what goes wrong ends the leg. */
  async start(): Promise<void> {
    const { accountSid, timeoutMs } = this.#request;
    this.#expiresAt = this.#context.clock.now() + timeoutMs;
    try {
      // Watched before they are read, so that a device which registers in between is not missed.
      const watch = this.#context.registrations.watch(accountSid, this.#target, (change) => {
        this.#changed(change);
      });
      this.core.defer(() => {
        watch.close();
      });
      await watch.ready;
      const found = await this.#context.registrations.find(accountSid, this.#target);
      if (this.core.isEnded) return;
      const present = found.filter(({ state }) => state !== 'away');
      for (const { registration, connection } of present) this.#told.set(registration, connection);
      if (found.length > 0 && present.length === 0) this.#endMessage = 'every device is set away';
      this.#runner.dispatch({ kind: 'start', devices: present.map(deviceOf), timeoutMs });
      if (this.#runner.state.phase === 'ringing') {
        this.core.post({ kind: 'leg-ringing', callSid: this.core.callSid, earlyMedia: false });
      }
    } catch (error) {
      this.core.finish({
        cause: 'internal-error',
        message: `registrations cannot be read: ${describeError(error)}`,
        by: 'local',
      });
    }
  }

  /** A device accepts, with a token that was opened for it. The first one wins; the check and the win are one step. */
  async accept(caller: Caller & { readonly registration: string }, rtpCapabilities: object): Promise<Reply> {
    if (this.#runner.state.phase !== 'ringing') return this.lateAccept();
    // Before it wins: a device that cannot hear must not take the call from those that can.
    if (!hearsG711(rtpCapabilities)) return refusal('mediaFailed', 'the device names neither PCMU nor PCMA');
    this.#runner.dispatch({ kind: 'accept', registration: caller.registration });
    if ((this.#runner.state as RingingState).phase !== 'accepted') return refusal('bridgeTokenInvalid');
    const leg = new ClientLeg(this.core, { context: this.#context, owner: ownerOf(caller), address: caller });
    this.#context.table.set(leg);
    return this.#openLeg(leg, rtpCapabilities);
  }

  /** Why a device that comes too late cannot have the call. */
  lateAccept(): Reply {
    return refusal(this.#runner.state.phase === 'accepted' ? 'answeredElsewhere' : 'callGone');
  }

  reject(registration: string, reason: 'rejected' | 'busy'): void {
    this.#runner.dispatch({ kind: 'reject', registration, reason });
  }

  /** Another leg of the same parent was answered first. */
  answeredElsewhere(by: string | undefined): void {
    if (!this.isRinging) return;
    this.#context.table.markAnsweredElsewhere(this.core.callSid);
    this.#endMessage = 'another party answered first';
    this.#runner.dispatch({
      kind: 'stop',
      cause: 'canceled',
      reason: 'answered-elsewhere',
      ...(by === undefined ? {} : { by }),
    });
  }

  end(request: EndRequest): void {
    const winner = this.core.call.siblings(this.core).find((other) => other.isAnswered);
    if (winner !== undefined && request.cause === 'canceled') {
      this.answeredElsewhere(winner.answeredBy);
      return;
    }
    this.#endMessage = request.message;
    this.#runner.dispatch({ kind: 'stop', cause: request.cause, reason: this.#cancelReason(request.cause) });
    // Accepted, but its media is not up yet: nobody rings any more.
    this.core.finish({ cause: request.cause, message: request.message, by: 'local' });
  }

  ring(): void {
    // Rings from the start.
  }
  answer(): void {
    // A device answers, not the router.
  }
  openAudio(): void {
    // Nobody listens yet.
  }
  sendDigits(): void {
    // Nobody listens yet.
  }
  tell(): void {
    // No device has the leg yet.
  }

  async #openLeg(leg: ClientLeg, rtpCapabilities: object): Promise<Reply> {
    let media: LegMedia | undefined;
    try {
      media = await leg.open(rtpCapabilities);
    } catch (error) {
      leg.end({ cause: 'internal-error', message: `media could not be set up: ${describeError(error)}` });
      return refusal('mediaFailed', describeError(error));
    }
    if (media === undefined) return refusal('callGone');
    this.core.answered(`client:${leg.owner.identity}`);
    return { ok: true, result: media };
  }

  #changed(change: RegistrationChange): void {
    const { registration } = change.registration;
    if (change.kind === 'removed') {
      this.#runner.dispatch({ kind: 'unregistered', registration });
      return;
    }
    const { connection, state } = change.registration;
    // A device that rings already goes on: its user declines, or lets it ring.
    if (state === 'away') return;
    if (this.#told.get(registration) === connection) return;
    if (this.#runner.state.phase === 'ringing') this.#told.set(registration, connection);
    this.#runner.dispatch({ kind: 'registered', device: deviceOf(change.registration) });
  }

  #perform(effect: Exclude<RingingEffect, { kind: 'start-timer' | 'stop-timer' }>): void {
    const { accountSid } = this.#request;
    const { callSid } = this.core;
    switch (effect.kind) {
      case 'notify':
        this.#notify(effect.device);
        return;
      case 'cancel': {
        const data = { ...effect.device, callSid, reason: effect.reason };
        this.#context.events.emit({
          accountSid,
          type: 'client.cancel',
          subject: effect.device.identity,
          data: effect.by === undefined ? data : { ...data, by: effect.by },
        });
        return;
      }
      case 'rejected':
        this.#context.events.emit({
          accountSid,
          type: 'client.rejected',
          subject: effect.device.identity,
          data: { ...effect.device, callSid, reason: effect.reason },
        });
        return;
      case 'accepted':
        this.#accepted(effect.device);
        return;
      case 'ended':
        this.core.finish({
          cause: effect.cause,
          message: this.#endMessage ?? MESSAGES[effect.cause] ?? effect.cause,
          by: effect.cause === 'busy' || effect.cause === 'connection-lost' ? 'remote' : 'local',
        });
    }
  }

  #notify(device: RungDevice): void {
    const { accountSid, from, to } = this.#request;
    const { callSid } = this.core;
    const { tokens, rpc, events } = this.#context;
    events.emit({
      accountSid,
      type: 'client.incoming',
      subject: device.identity,
      data: {
        ...device,
        callSid,
        token: tokens.seal('bridge', { accountSid, ...device }, { callSid, expiresAt: this.#expiresAt }),
        hint: rpc.node,
        expiresAt: this.#expiresAt,
        from,
        to,
        parameters: { ...this.#parameters },
      },
    });
  }

  #accepted(device: RungDevice): void {
    const { accountSid } = this.#request;
    this.#context.events.emit({
      accountSid,
      type: 'client.accepted',
      subject: device.identity,
      data: { ...device, callSid: this.core.callSid },
    });
    for (const sibling of this.core.call.siblings(this.core)) {
      const leg = this.#context.table.get(sibling.callSid);
      if (leg instanceof ClientDial) leg.answeredElsewhere(device.identity);
    }
  }

  #cancelReason(cause: EndCause): CancelReason {
    if (cause === 'no-answer') return 'timeout';
    if (cause === 'hangup-caller' || (cause === 'canceled' && this.core.call.isLeadEnded)) return 'caller-hung-up';
    return cause === 'canceled' || cause === 'hangup-api' ? 'canceled' : 'failed';
  }
}

function deviceOf(registration: RungDevice): RungDevice {
  return { registration: registration.registration, identity: registration.identity };
}

function ownerOf(caller: Caller): { accountSid: string; identity: string; registration: string | undefined } {
  return { accountSid: caller.accountSid, identity: caller.identity, registration: caller.registration };
}

/** Whether the capabilities of a device name a codec that a telephone speaks; mediasoup checks the rest. */
function hearsG711(rtpCapabilities: object): boolean {
  const { codecs } = rtpCapabilities as { codecs?: unknown };
  return Array.isArray(codecs) && codecs.some((codec: unknown) => isG711(codec));
}

function isG711(codec: unknown): boolean {
  const { mimeType } = (codec ?? {}) as { mimeType?: unknown };
  return typeof mimeType === 'string' && /^audio\/pcm[au]$/i.test(mimeType);
}
