import { sidFromHex } from '@hookswitch/shared';
import type { EndRequest, PlaceRequest } from '../calls/ports.ts';
import { describeError, randomHex } from '../kernel/index.ts';
import type { SipLegMedia } from '../media/ports.ts';
import { BridgeCall } from './bridge-call.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import type { BridgeLeg } from './leg.ts';

/** Applications that dial one another, at most: beyond that they go round in circles. */
const MAX_DEPTH = 5;

interface Dialled {
  readonly context: HostContext;
  readonly request: PlaceRequest;
  readonly target: { readonly applicationSid: string; readonly params: Readonly<Record<string, string>> };
}

/**
 * A leg to an application of the account: its twin is the leg that a call of its own comes with, which the application's
 * instructions run for as for any call. RTP between two ports of ours is the audio between them, so that both calls keep
 * their rooms. What the twin is asked for (ring, answer, end) happens to the dialled leg as to any other.
 */
export class ApplicationLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #dialled: Dialled;
  #twin: ApplicationCallLeg | undefined;

  constructor(core: LegCore, dialled: Dialled) {
    this.core = core;
    this.#dialled = dialled;
    core.defer(() => {
      this.#twin = undefined;
    });
  }

  get canHear(): boolean {
    return this.core.isAnswered;
  }

  /** Begins the application's call. Never rejects: what goes wrong ends the leg. */
  async start(): Promise<void> {
    const { context, request, target } = this.#dialled;
    const { accountSid, from, to, parentCallSid } = request;
    const depth = this.core.call.depth + 1;
    if (depth > MAX_DEPTH) {
      const message = `more than ${MAX_DEPTH} applications dial one another`;
      this.core.finish({ cause: 'unreachable', message, by: 'local', sipStatus: 482 });
      return;
    }
    const callSid = sidFromHex('call', randomHex(context.random, 16));
    const { applicationSid, params } = target;
    const call = new BridgeCall(context, { callSid, accountSid, applicationSid });
    call.incoming = { from, to };
    call.depth = depth;
    try {
      const twin = await this.#join(call, callSid);
      if (twin === undefined) return;
      context.table.set(twin);
      const origin = { kind: 'application' as const, parentCallSid, params };
      context.router.incoming({ callSid, accountSid, applicationSid, from, to, origin });
    } catch (error) {
      call.abandon();
      this.core.finish({ cause: 'internal-error', message: `no media: ${describeError(error)}`, by: 'local' });
    }
  }

  /** Both ends of the audio. @returns undefined when the leg has ended meanwhile */
  async #join(call: BridgeCall, callSid: string): Promise<ApplicationCallLeg | undefined> {
    const { context, request } = this.#dialled;
    const media = await (await this.core.call.open()).createSipLeg({ id: this.core.callSid });
    if (!this.core.attach(media)) return undefined;
    const inner = await (await call.open()).createSipLeg({ id: callSid });
    const core = new LegCore(context, { callSid, call, parentCallSid: undefined, dialled: false });
    if (this.core.isEnded) {
      await inner.close();
      call.abandon();
      return undefined;
    }
    core.attach(inner);
    call.add(core);
    connect(media, inner);
    connect(inner, media);
    // An application that says nothing is not dead.
    this.core.exempt('muted', true);
    core.exempt('muted', true);
    const twin = new ApplicationCallLeg(core, this.core);
    this.#twin = twin;
    const timer = context.clock.setTimer(request.timeoutMs, () => {
      if (this.core.isAnswered) return;
      const message = 'the application did not take the call in time';
      this.#end({ cause: 'no-answer', message }, 'remote');
    });
    this.core.defer(() => {
      timer.cancel();
    });
    return twin;
  }

  ring(): void {
    // The application rings it.
  }
  answer(): void {
    // The application answers it.
  }
  openAudio(): void {
    // Heard from the answer on.
  }
  tell(): void {
    // There is no device behind it.
  }

  end(request: EndRequest): void {
    this.#end(request, 'local');
  }

  #end({ cause, message }: EndRequest, by: 'local' | 'remote'): void {
    if (this.core.isEnded) return;
    const twin = this.#twin;
    this.core.finish({ cause, message, by });
    twin?.core.finish({ cause: twin.core.hangupCause, message, by: 'remote' });
  }

  sendDigits(digits: string): void {
    if (this.#twin !== undefined) press(this.#twin.core, digits);
  }
}

/** The leg that an application's call comes with. */
class ApplicationCallLeg implements BridgeLeg {
  readonly core: LegCore;
  readonly #dialled: LegCore;
  #rung = false;

  constructor(core: LegCore, dialled: LegCore) {
    this.core = core;
    this.#dialled = dialled;
  }

  get canHear(): boolean {
    return this.core.isAnswered;
  }

  ring(): void {
    if (this.#rung || this.#dialled.isEnded) return;
    this.#rung = true;
    this.#dialled.post({ kind: 'leg-ringing', callSid: this.#dialled.callSid, earlyMedia: false });
  }

  answer(): void {
    if (this.core.isEnded) return;
    this.core.answered();
    this.#dialled.answered(this.core.call.applicationSid);
  }

  openAudio(): void {
    // Who dialled hears it from the answer on.
  }
  tell(): void {
    // There is no device behind it.
  }

  end(request: EndRequest): void {
    if (this.core.isEnded) return;
    const { cause, message, sipStatus, returned } = request;
    this.core.finish({ cause, message, by: 'local', ...(sipStatus === undefined ? {} : { sipStatus }) });
    const end = this.#dialled.isAnswered ? this.#dialled.hangupCause : cause;
    const told = returned === undefined ? {} : { returned };
    this.#dialled.finish({ cause: end, message, by: 'remote', ...told });
  }

  sendDigits(digits: string): void {
    press(this.#dialled, digits);
  }
}

function press(core: LegCore, digits: string): void {
  core.digits(digits, digits.toUpperCase().match(/[0-9A-D*#]/g) ?? []);
}

function connect(media: SipLegMedia, peer: SipLegMedia): void {
  media.update({ ...peer.inside, codec: 'PCMU', direction: 'sendrecv' });
}
