import type { EventSink, PlaceRequest } from '../../calls/ports.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { CallFailure, InviteOptions } from '../../sip/index.ts';
import type { ChannelLease } from './channels.ts';
import { judgeFailure } from './failover.ts';
import { gatewayName } from './gateway.ts';
import type { Attempt } from './selection.ts';
import type { Trunk } from './ports.ts';
import type { TrunkService } from './trunk-service.ts';

/** Where an INVITE goes and as whom, without its body. */
export interface SipDestination {
  readonly invite: Omit<InviteOptions, 'sdp' | 'timeoutMs' | 'firstResponseMs'>;
  /** Rung at once instead of the one target, each with members of its own over those of `invite`. */
  readonly forks?: readonly Partial<InviteOptions>[];
  /** In order of preference. */
  readonly codecs: readonly ('PCMU' | 'PCMA')[];
  readonly srtp: Trunk['srtp'];
  /** Set when the peer's address is known as a literal. */
  readonly signallingAddress: string | undefined;
  /** Set for calls through a trunk. */
  readonly attempt?: Attempt;
}

/** A destination whose turn it is. */
export interface SipAttempt extends SipDestination {
  /** Counted from 1. */
  readonly number: number;
  readonly limits: Pick<InviteOptions, 'timeoutMs' | 'firstResponseMs'>;
}

/** A gateway that says nothing at all for this long is given up while others are left, milliseconds. */
const FIRST_RESPONSE_MS = 4000;
/** With less ringing time left no further gateway is tried, milliseconds. */
const LEAST_TIME_MS = 1000;

/**
 * The destinations of one outgoing leg, tried in order under one CallSid: `next` gives the first, and after a failure the
 * one to try then. Holds the trunk's channel while an attempt or the call lasts; tells the trunk's health what each one
 * showed; every failed attempt is a line in the log and an event. Close it with the leg.
 */
export class OutgoingAttempts {
  readonly #parts: AttemptParts;
  readonly #left: SipDestination[];
  readonly #total: number;
  readonly #deadline: number;
  #number = 0;
  #current: SipAttempt | undefined;
  #lease: ChannelLease | undefined;
  #closed = false;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#left = [...parts.destinations];
    this.#total = this.#left.length;
    this.#deadline = parts.clock.monotonic() + parts.request.timeoutMs;
  }

  /** What to try now; undefined when nothing is left (all channels in use, time over). */
  async next(): Promise<SipAttempt | undefined> {
    this.#release();
    let timeLeft = this.#deadline - this.#parts.clock.monotonic();
    if (this.#number > 0 && timeLeft < LEAST_TIME_MS) return undefined;
    for (let destination = this.#left.shift(); destination !== undefined; destination = this.#left.shift()) {
      const { attempt } = destination;
      if (attempt !== undefined) {
        if (!(await this.#acquire(attempt.trunk))) continue;
        timeLeft = this.#deadline - this.#parts.clock.monotonic();
      }
      const firstResponseMs = this.#left.length > 0 ? Math.min(FIRST_RESPONSE_MS, timeLeft) : undefined;
      this.#current = {
        ...destination,
        number: ++this.#number,
        limits: { timeoutMs: timeLeft, ...(firstResponseMs === undefined ? {} : { firstResponseMs }) },
      };
      return this.#current;
    }
    return undefined;
  }

  /** The attempt failed. What to try next; undefined: its failure is the call's. */
  async failed(failure: CallFailure, rang: boolean): Promise<SipAttempt | undefined> {
    const current = this.#current;
    this.#release();
    if (current === undefined) return undefined;
    const timeOut = failure.status === 408 && !failure.received && this.#parts.clock.monotonic() >= this.#deadline;
    const verdict = timeOut
      ? { next: false, againstGateway: !rang, why: 'the time for ringing is over' }
      : judgeFailure(failure, rang);
    const { attempt } = current;
    if (attempt !== undefined) {
      const { trunk, gateway } = attempt;
      const { trunks } = this.#parts;
      trunks.metrics.failures.inc({ trunk: trunk.sid, status: String(failure.status) });
      const said = `a call got ${String(failure.status)} ${failure.reason}`.trimEnd();
      trunks.report(trunk, gateway, verdict.againstGateway ? { bad: said } : { good: true });
    }
    const next = verdict.next ? await this.next() : undefined;
    this.#tell(current, failure, { why: verdict.why, next });
    return next;
  }

  answered(): void {
    const attempt = this.#current?.attempt;
    if (attempt !== undefined) this.#parts.trunks.report(attempt.trunk, attempt.gateway, { good: true });
  }

  /** Gives the channel back. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#left.length = 0;
    this.#release();
  }

  /** False: there is none, or the leg ended while it was asked for. */
  async #acquire(trunk: Trunk): Promise<boolean> {
    const { trunks, request } = this.#parts;
    const { accountSid, callSid } = request;
    const lease = await trunks.acquire(trunk, { accountSid, direction: 'out', callSid });
    if (this.#closed) lease?.release();
    else this.#lease = lease;
    return this.#lease !== undefined;
  }

  #release(): void {
    this.#lease?.release();
    this.#lease = undefined;
  }

  #tell(
    { attempt, number }: SipAttempt,
    failure: CallFailure,
    verdict: { readonly why: string; readonly next: SipAttempt | undefined },
  ): void {
    if (attempt === undefined) return;
    const { request, log, events } = this.#parts;
    const { trunk } = attempt;
    const { status, reason, received } = failure;
    const gateway = gatewayName(attempt.gateway);
    const nextGateway = verdict.next?.attempt === undefined ? undefined : gatewayName(verdict.next.attempt.gateway);
    const outcome = nextGateway === undefined ? 'the call fails' : `trying ${nextGateway}`;
    const facts = { trunk: trunk.sid, gateway, attempt: number, of: this.#total, sipStatus: status, received };
    const said = `${String(status)} ${reason}`.trimEnd();
    log.warn(facts, `attempt at trunk '${trunk.name}' failed with ${said}: ${verdict.why}; ${outcome}`);
    events.emit({
      accountSid: request.accountSid,
      type: 'call.attempt-failed',
      subject: request.callSid,
      data: {
        callSid: request.callSid,
        ...(request.parentCallSid === request.callSid ? {} : { parentCallSid: request.parentCallSid }),
        direction: request.parentCallSid === request.callSid ? 'outbound-api' : 'outbound-dial',
        from: request.from,
        to: request.to,
        ...(request.applicationSid === undefined ? {} : { applicationSid: request.applicationSid }),
        trunkSid: trunk.sid,
        gateway,
        attempt: number,
        sipStatus: status,
        received,
        message: `${said}: ${verdict.why}`,
        ...(nextGateway === undefined ? {} : { nextGateway }),
      },
    });
  }
}

export interface AttemptParts {
  readonly destinations: readonly SipDestination[];
  readonly request: PlaceRequest;
  readonly trunks: TrunkService;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
}
