import type { CallDirection, EndCause, EventData, SoftphonePush } from '@hookswitch/shared';
import type { EndRequest, LegEvent, LegSipFacts } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Log, Unsubscribe } from '../kernel/index.ts';
import type { Leg } from '../media/ports.ts';
import type { BridgeCall } from './bridge-call.ts';
import type { HostContext } from './host-context.ts';
import { LegAnnouncement } from './leg-announcement.ts';
import { LegPlayback } from './leg-playback.ts';
import { LegStreams } from './leg-streams.ts';
import { LegTaps } from './leg-taps.ts';
import { LegTranscriptions } from './leg-transcriptions.ts';
import type { CallControl } from '../sip/index.ts';
import type { Merge } from './merge.ts';
import type { LegReports } from './quality-reports.ts';
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
  /** The SIP peer at the far end; absent where there is none. */
  readonly sip?: SipPeer;
}

/** What transfers need of a leg's SIP peer. */
export interface SipPeer {
  /** The call with it; undefined while none was placed. */
  readonly control: CallControl | undefined;
  /** The leg goes on with another far end: what becomes of this one is no news of the leg any more. */
  detach(): void;
}

/** How a leg ended. */
export interface LegEnd {
  readonly cause: EndCause;
  readonly message: string;
  readonly by: 'remote' | 'local';
  readonly sipStatus?: number;
  /** What SIP told of a leg that was placed. */
  readonly sip?: LegSipFacts;
  /** What an application that was dialled says at its end. */
  readonly returned?: Readonly<Record<string, string>>;
}

export interface LegFacts {
  readonly callSid: string;
  readonly call: BridgeCall;
  /** Undefined for the root leg: the one that the call came with. */
  readonly parentCallSid: string | undefined;
  /** We called this party; it did not call us. */
  readonly dialled: boolean;
  /** Between whom, as the events of the call say it (default: those the call came in with). */
  readonly parties?: { readonly from: string; readonly to: string };
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
  /** What it hears over everything else. */
  readonly announcement: LegAnnouncement;
  /** What listens in on it. */
  readonly taps: LegTaps;
  /** What is said on it, in words. */
  readonly transcriptions: LegTranscriptions;
  /** Its audio with applications. */
  readonly streams: LegStreams;
  readonly log: Log;
  /** The join with another leg, while there is one. */
  merge: Merge | undefined;
  /** A leg whose early media this one hears. */
  earlyPeer: LegCore | undefined;
  readonly #context: HostContext;
  readonly #silence: SilenceWatch;
  readonly #releases: Unsubscribe[] = [];
  readonly #exemptions = new Set<Exemption>();
  readonly #parties: LegFacts['parties'];
  #reports: LegReports | undefined;
  #media: Leg | undefined;
  #phase: 'open' | 'answered' | 'ended' = 'open';
  #answeredBy: string | undefined;

  constructor(context: HostContext, facts: LegFacts) {
    this.#context = context;
    this.callSid = facts.callSid;
    this.call = facts.call;
    this.parentCallSid = facts.parentCallSid;
    this.dialled = facts.dialled;
    this.#parties = facts.parties;
    this.log = context.log.child({ callSid: facts.callSid });
    const post = (event: LegEvent): void => {
      this.post(event);
    };
    this.playback = new LegPlayback(facts.callSid, post);
    this.announcement = new LegAnnouncement(facts.callSid, post);
    this.taps = new LegTaps({
      clock: context.clock,
      callSid: facts.callSid,
      accountSid: facts.call.accountSid,
      log: this.log,
      recordings: context.recordings,
      recognizer: context.recognizer,
      post,
    });
    this.transcriptions = new LegTranscriptions({
      accountSid: facts.call.accountSid,
      clock: context.clock,
      recognizer: context.recognizer,
    });
    this.streams = new LegStreams({
      callSid: facts.callSid,
      accountSid: facts.call.accountSid,
      streams: context.streams,
      post,
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
    this.#context.observer?.media(this.callSid, media);
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
      events.on('silent', ({ forMs }) => {
        this.#silence.update({ receiving: false });
        this.#reports?.silent(forMs);
        this.merge?.silent(this);
      }),
      events.on('resumed', () => {
        this.#silence.update({ receiving: true });
        this.#reports?.audible();
      }),
      events.on('quiet', ({ forMs, levelDbov }) => {
        // What a party that muted itself does not say is no news.
        if (!this.isExempt) this.#reports?.quiet(forMs, levelDbov);
      }),
      events.on('sound', () => {
        this.#reports?.audible();
      }),
    );
    return true;
  }

  /** Runs with the end of the leg; at once when it has ended. */
  defer(release: Unsubscribe): void {
    if (this.isEnded) release();
    else this.#releases.push(release);
  }

  answered(answeredBy?: string, sip?: LegSipFacts): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'answered';
    this.#answeredBy = answeredBy;
    this.#silence.update({ answered: true });
    this.#beginReports();
    this.post({
      kind: 'leg-answered',
      callSid: this.callSid,
      ...(answeredBy === undefined ? {} : { answeredBy }),
      ...(sip === undefined ? {} : { sip }),
    });
  }

  exempt(why: Exemption, on: boolean): void {
    const lifted = !on && this.#exemptions.delete(why);
    if (on) this.#exemptions.add(why);
    // After a hold silence is counted anew: media reports `silent` again, but `resumed` only after a `silent`.
    const anew = lifted && why !== 'muted' ? { receiving: true } : {};
    this.#silence.update({ exempt: this.isExempt, ...anew });
    this.merge?.exempt(this);
  }

  /** What every event of the leg says of it. */
  get eventFacts(): EventData<'call.held'> {
    const { callSid, parentCallSid } = this;
    const { applicationSid } = this.call;
    return {
      callSid,
      ...(parentCallSid === undefined ? {} : { parentCallSid }),
      direction: this.#direction,
      ...this.#between,
      ...(applicationSid === undefined ? {} : { applicationSid }),
    };
  }

  /** Who the far end talks with, as the call's events say it. */
  get otherParty(): string {
    const { from, to } = this.#between;
    return this.dialled ? from : to;
  }

  /** Somebody else is at the far end now, and `leg` says what it does. */
  farEndChanged(leg: BridgeLeg, by: string): void {
    const held = this.#exemptions.has('held');
    this.exempt('held', false);
    this.exempt('listens-only', false);
    this.merge?.rebind(leg);
    if (held) this.post({ kind: 'resumed', callSid: this.callSid });
    this.log.info({ by }, 'another party took the place of the far end');
    this.post({ kind: 'replaced', callSid: this.callSid, by });
  }

  /** A key pressed by the far end: the router hears of it, and the leg it is merged with. */
  digit(digit: string): void {
    this.digits(digit, [digit]);
  }

  /** Several keys at once. `text` may hold pauses, which matter to the other leg only. */
  digits(text: string, keys: readonly string[]): void {
    if (this.isEnded) return;
    this.merge?.peerOf(this).sendDigits(text);
    for (const digit of keys) {
      this.streams.digit(digit);
      this.post({ kind: 'digit', callSid: this.callSid, digit });
    }
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
    this.announcement.close();
    this.taps.close();
    this.streams.close();
    this.transcriptions.close();
    this.#phase = 'ended';
    this.merge?.close();
    this.#silence.close();
    this.#reports?.end();
    for (const release of this.#releases.splice(0)) release();
    if (this.#media !== undefined) this.#closeMedia(this.#media);
    this.#context.table.remove(this.callSid);
    this.log.info({ cause: end.cause, by: end.by, sipStatus: end.sipStatus }, `leg ended: ${end.message}`);
    this.post({ kind: 'leg-ended', callSid: this.callSid, ...end });
    this.call.legEnded(this);
    return true;
  }

  #beginReports(): void {
    const media = this.#media;
    if (media === undefined) return;
    const isMerged = (): boolean => this.merge !== undefined;
    this.#reports = this.#context.quality.begin({
      accountSid: this.call.accountSid,
      facts: this.eventFacts,
      media,
      get isMerged() {
        return isMerged();
      },
    });
  }

  get #between(): { readonly from: string; readonly to: string } {
    const { from, to } = this.#parties ?? this.call.incoming ?? { from: '', to: '' };
    return { from, to };
  }

  get #direction(): CallDirection {
    if (!this.isRoot) return 'outbound-dial';
    return this.dialled ? 'outbound-api' : 'inbound';
  }

  #closeMedia(media: Leg): void {
    media.close().catch((error: unknown) => {
      this.log.warn({ err: error }, `media of the leg did not close: ${describeError(error)}`);
    });
  }
}
