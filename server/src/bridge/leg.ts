import type { EndCause, SoftphonePush } from '@hookswitch/shared';
import type { EndRequest, LegEvent } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Log, Unsubscribe } from '../kernel/index.ts';
import type { Leg } from '../media/ports.ts';
import type { BridgeCall } from './bridge-call.ts';
import type { HostContext } from './host-context.ts';
import { LegPlayback } from './leg-playback.ts';
import type { Merge } from './merge.ts';
import { SilenceWatch } from './silence-watch.ts';

/** One leg of a call, whatever is at its far end. Methods never throw, and do nothing once the leg has ended. */
export interface BridgeLeg {
  readonly core: LegCore;
  /** Whether the far end hears what is played to it now. */
  readonly canHear: boolean;
  ring(): void;
  answer(): void;
  /** Says goodbye to the far end in its own protocol, then ends the leg. */
  end(request: EndRequest): void;
  sendDigits(digits: string): void;
  /** Makes the far end hear what is about to be played (early media). */
  openAudio(): void;
  /** Tells the device at the far end. Does nothing on a SIP leg. */
  tell(push: SoftphonePush): void;
}

/** How a leg ended. */
export interface LegEnd {
  readonly cause: EndCause;
  readonly message: string;
  readonly by: 'remote' | 'local';
  readonly sipStatus?: number;
}

export interface LegFacts {
  readonly callSid: string;
  readonly call: BridgeCall;
  /** Undefined for the root leg: the one that the call came with. */
  readonly parentCallSid: string | undefined;
  /** We called this party; it did not call us. */
  readonly dialled: boolean;
}

/** Why silence of the far end is no fault: it holds the call, agreed to send nothing, or muted itself. */
export type Exemption = 'held' | 'listens-only' | 'muted';

/**
 * What all legs share: media and its events, playback, silence watch, merge, and the single end. Lives from the leg's
 * creation to {@link finish}, which releases everything.
 */
export class LegCore {
  readonly callSid: string;
  readonly call: BridgeCall;
  readonly parentCallSid: string | undefined;
  readonly dialled: boolean;
  readonly playback: LegPlayback;
  readonly log: Log;
  /** The join with another leg, while there is one. */
  merge: Merge | undefined;
  /** A leg whose early media this one hears. */
  earlyPeer: LegCore | undefined;
  readonly #context: HostContext;
  readonly #silence: SilenceWatch;
  readonly #releases: Unsubscribe[] = [];
  readonly #exemptions = new Set<Exemption>();
  #media: Leg | undefined;
  #phase: 'open' | 'answered' | 'ended' = 'open';
  #answeredBy: string | undefined;

  constructor(context: HostContext, facts: LegFacts) {
    this.#context = context;
    this.callSid = facts.callSid;
    this.call = facts.call;
    this.parentCallSid = facts.parentCallSid;
    this.dialled = facts.dialled;
    this.log = context.log.child({ callSid: facts.callSid });
    this.playback = new LegPlayback(facts.callSid, (event) => {
      this.post(event);
    });
    this.#silence = new SilenceWatch({
      clock: context.clock,
      limitMs: context.settings.mediaTimeoutMs,
      onTimeout: () => {
        const seconds = Math.round(context.settings.mediaTimeoutMs / 1000);
        this.endSelf({ cause: 'media-timeout', message: `no audio arrived for ${String(seconds)} s` });
      },
    });
  }

  get isRoot(): boolean {
    return this.parentCallSid === undefined;
  }
  get media(): Leg | undefined {
    return this.#media;
  }
  get isAnswered(): boolean {
    return this.#phase === 'answered';
  }
  get isEnded(): boolean {
    return this.#phase === 'ended';
  }
  get answeredBy(): string | undefined {
    return this.#answeredBy;
  }
  /** Cause of a hang-up by the far end of this leg. */
  get hangupCause(): EndCause {
    if (this.dialled) return 'hangup-callee';
    return this.isAnswered ? 'hangup-caller' : 'canceled';
  }

  /** Whether silence of the far end is no fault. */
  get isExempt(): boolean {
    return this.#exemptions.size > 0;
  }

  /** Takes the leg's media over: closed with the leg, at once when it has ended meanwhile (then returns false). */
  attach(media: Leg): boolean {
    if (this.isEnded) {
      this.#closeMedia(media);
      return false;
    }
    this.#media = media;
    // Both kinds of legs raise these; a union of overloads cannot be called.
    const events = media as Pick<Extract<Leg, { kind: 'sip' }>, 'on'>;
    this.#releases.push(
      events.on('dtmf', ({ digit }) => {
        this.digit(digit);
      }),
      events.on('flowing', () => {
        this.#silence.update({ receiving: true });
        this.merge?.flowing(this);
      }),
      events.on('silent', () => {
        this.#silence.update({ receiving: false });
        this.merge?.silent(this);
      }),
      events.on('resumed', () => {
        this.#silence.update({ receiving: true });
      }),
    );
    return true;
  }

  /** Runs with the end of the leg; at once when it has ended. */
  defer(release: Unsubscribe): void {
    if (this.isEnded) release();
    else this.#releases.push(release);
  }

  answered(answeredBy?: string): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'answered';
    this.#answeredBy = answeredBy;
    this.#silence.update({ answered: true });
    const event = { kind: 'leg-answered', callSid: this.callSid } as const;
    this.post(answeredBy === undefined ? event : { ...event, answeredBy });
  }

  exempt(why: Exemption, on: boolean): void {
    const lifted = !on && this.#exemptions.delete(why);
    if (on) this.#exemptions.add(why);
    // After a hold silence is counted anew: media reports `silent` again, but `resumed` only after a `silent`.
    const anew = lifted && why !== 'muted' ? { receiving: true } : {};
    this.#silence.update({ exempt: this.isExempt, ...anew });
    this.merge?.exempt(this);
  }

  /** A key pressed by the far end: the router hears of it, and the leg it is merged with. */
  digit(digit: string): void {
    this.digits(digit, [digit]);
  }

  /** Several keys at once. `text` may hold pauses, which matter to the other leg only. */
  digits(text: string, keys: readonly string[]): void {
    if (this.isEnded) return;
    this.merge?.peerOf(this).sendDigits(text);
    for (const digit of keys) this.post({ kind: 'digit', callSid: this.callSid, digit });
  }

  post(event: LegEvent): void {
    this.#context.router.legEvent(event);
  }

  /** Ends the leg as a command would, goodbye included. */
  endSelf(request: EndRequest): void {
    this.#context.table.get(this.callSid)?.end(request);
  }

  /** The one end of a leg: releases all it holds, then tells the router and the call. False when it had ended. */
  finish(end: LegEnd): boolean {
    if (this.#phase === 'ended') return false;
    this.playback.stopAll();
    this.#phase = 'ended';
    this.merge?.close();
    this.#silence.close();
    for (const release of this.#releases.splice(0)) release();
    if (this.#media !== undefined) this.#closeMedia(this.#media);
    this.#context.table.remove(this.callSid);
    this.log.info({ cause: end.cause, by: end.by, sipStatus: end.sipStatus }, `leg ended: ${end.message}`);
    this.post({ kind: 'leg-ended', callSid: this.callSid, ...end });
    this.call.legEnded(this);
    return true;
  }

  #closeMedia(media: Leg): void {
    media.close().catch((error: unknown) => {
      this.log.warn({ err: error }, `media of the leg did not close: ${describeError(error)}`);
    });
  }
}
