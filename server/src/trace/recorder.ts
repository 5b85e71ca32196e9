import type { Clock, Timer } from '../kernel/index.ts';
import { maskBody, maskEvent, maskParams, maskSip, maskUrl } from './mask.ts';
import type { CallTraces, RecordedCall, TracedSip, TraceRecord, TraceScope } from './ports.ts';
import { Shelves } from './shelves.ts';
import { TraceGroup } from './trace-group.ts';

/** The documented numbers of the call trace. */
export const TRACE_LIMITS = {
  totalBytes: 64 * 1024 * 1024,
  accountBytes: 32 * 1024 * 1024,
  /** SIP that became no call: registrations, pings, refused calls, scanners. */
  looseBytes: 8 * 1024 * 1024,
  /** One call, all legs. The middle goes first. */
  callBytes: 512 * 1024,
  /** Kept for so long after the call ended, milliseconds. */
  maxAgeMs: 24 * 3_600_000,
  /** Longest body of an HTTP answer that is kept, characters. */
  bodyChars: 16_384,
};
export type TraceLimits = { readonly [K in keyof typeof TRACE_LIMITS]: number };

export interface TraceRecorderOptions {
  readonly clock: Clock;
  readonly limits?: Partial<TraceLimits>;
  /** Keep the keys that callers press (default false: they are replaced by asterisks). */
  readonly showDigits?: boolean;
}

/** One HTTP request as the application client tells of it, when it is over. */
export interface TracedExchange {
  readonly callSid: string;
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly durationMs: number;
  readonly status?: number | undefined;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
  /** Where a redirect leads. */
  readonly location?: string | undefined;
  readonly problem?: string | undefined;
}

/** Longest time between two looks for what is too old, milliseconds. */
const SWEEP_MS = 60_000;
/** Where messages without a readable Call-ID go, by sender. */
const unreadable = (address: string): string => `(no Call-ID) ${address}`;

/**
 * The memory of what happened to calls. Everything is kept as it came, but for secrets ({@link maskSip} and others);
 * nothing is parsed or formatted before somebody asks. Bounds and what goes first: {@link TRACE_LIMITS}, {@link Shelves},
 * {@link TraceGroup}.
 *
 * A call exists here from its first event or link on; what is told of a CallSid never heard of is dropped. SIP is kept by
 * Call-ID from its first message and joins its call when the link is told. Traces of different accounts are never joined.
 *
 * No method throws. Lifetime: to `close()`, which forgets everything.
 */
export class TraceRecorder implements CallTraces {
  readonly #clock: Clock;
  readonly #limits: TraceLimits;
  readonly #maskDigits: boolean;
  readonly #shelves: Shelves;
  readonly #bySip = new Map<string, TraceGroup>();
  readonly #byCall = new Map<string, TraceGroup>();
  #sweep: Timer | undefined;
  #closed = false;

  constructor({ clock, limits, showDigits = false }: TraceRecorderOptions) {
    this.#clock = clock;
    this.#limits = { ...TRACE_LIMITS, ...limits };
    this.#maskDigits = !showDigits;
    this.#shelves = new Shelves(this.#limits);
  }

  /** Memory accounted for, bytes. */
  get bytes(): number {
    return this.#shelves.bytes;
  }
  /** Traces kept. */
  get size(): number {
    return this.#shelves.size;
  }

  sip(message: TracedSip): void {
    if (this.#closed) return;
    const { direction, protocol, local, remote, bytes } = message;
    const sipCallId = message.callId ?? unreadable(remote.address);
    const mono = this.#clock.monotonic();
    let group = this.#bySip.get(sipCallId);
    if (group === undefined) {
      group = this.#create(mono);
      group.sipCallIds.add(sipCallId);
      this.#bySip.set(sipCallId, group);
    }
    // A string of one-byte characters: it holds on to no network buffer and costs a byte a byte.
    const text = maskSip(bytes.toString('latin1'), this.#maskDigits);
    this.#add(group, { kind: 'sip', mono, direction, protocol, local, remote, sipCallId, text });
  }

  /** A leg's SIP dialog. `parentCallSid`: the leg it was placed for. */
  link(leg: {
    readonly callSid: string;
    readonly parentCallSid?: string | undefined;
    readonly accountSid: string;
    readonly sipCallId: string;
  }): void {
    if (this.#closed) return;
    const group = this.#callOf(leg);
    const known = this.#bySip.get(leg.sipCallId);
    if (known !== undefined && known !== group) {
      if (known.accountSid !== undefined && known.accountSid !== leg.accountSid) return;
      this.#join(group, known);
    }
    group.sipCallIds.add(leg.sipCallId);
    this.#bySip.set(leg.sipCallId, group);
    this.#settle(group);
  }

  event(event: { readonly accountSid: string; readonly type: string; readonly data: object }): void {
    if (this.#closed) return;
    const data = event.data as Readonly<Record<string, unknown>>;
    const { callSid, parentCallSid } = data;
    if (typeof callSid !== 'string') return;
    const parent = typeof parentCallSid === 'string' ? parentCallSid : undefined;
    if (event.type === 'call.refused' && typeof data['sipCallId'] === 'string') {
      // Its CallSid is the name of the refusal: the account finds the INVITE and what was answered by it.
      this.link({ callSid, accountSid: event.accountSid, sipCallId: data['sipCallId'] });
    }
    const isNew = event.type === 'call.initiated';
    const group = isNew
      ? this.#callOf({ callSid, parentCallSid: parent, accountSid: event.accountSid })
      : this.#known(callSid, parent);
    if (group === undefined) return;
    if (isNew) group.open.add(callSid);
    if (event.type === 'call.ended') group.open.delete(callSid);
    const mono = this.#clock.monotonic();
    const kept = maskEvent(event.type, data, this.#maskDigits);
    this.#add(group, { kind: 'event', mono, callSid, type: event.type, data: kept });
  }

  http(exchange: TracedExchange): void {
    const group = this.#known(exchange.callSid);
    if (group === undefined) return;
    const { callSid, method, durationMs, status, problem } = exchange;
    const { location } = exchange;
    const body = location === undefined ? (exchange.body ?? '') : `Location: ${maskUrl(location, this.#maskDigits)}`;
    const cut = body.length > this.#limits.bodyChars ? `${body.slice(0, this.#limits.bodyChars)}\n[...]` : body;
    this.#add(group, {
      kind: 'http',
      mono: this.#clock.monotonic(),
      callSid,
      method,
      url: maskUrl(exchange.url, this.#maskDigits),
      params: maskParams(exchange.params, this.#maskDigits),
      durationMs,
      status,
      contentType: exchange.contentType ?? '',
      body: maskBody(cut, this.#maskDigits),
      problem,
    });
  }

  media(change: { readonly callSid: string; readonly title: string; readonly summary: string }): void {
    const group = this.#known(change.callSid);
    if (group !== undefined) this.#add(group, { kind: 'media', mono: this.#clock.monotonic(), ...change });
  }

  /** A key that a caller pressed, as media reports it. */
  digit(callSid: string, digit: string): void {
    this.media({ callSid, title: 'dtmf', summary: this.#maskDigits ? '*' : digit });
  }

  recent(scope: TraceScope, limit: number): Promise<readonly RecordedCall[]> {
    const groups = scope === 'operator' ? this.#shelves.all() : this.#shelves.of(scope.accountSid);
    return Promise.resolve([...groups].sort((a, b) => b.since - a.since).slice(0, limit));
  }

  find(scope: TraceScope, id: string): Promise<RecordedCall | undefined> {
    const group = this.#byCall.get(id) ?? this.#bySip.get(id);
    const allowed = scope === 'operator' || group?.accountSid === scope.accountSid;
    return Promise.resolve(allowed ? group : undefined);
  }

  /** Forgets everything and takes no more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#sweep?.cancel();
    for (const group of this.#shelves.all()) this.#forget(group);
  }

  #create(mono: number): TraceGroup {
    const group = new TraceGroup({ limit: this.#limits.callBytes, now: this.#clock.now(), mono });
    this.#watchAge();
    return group;
  }

  /** The call that a leg belongs to, found by itself or by its parent. */
  #known(callSid: string, parentCallSid?: string): TraceGroup | undefined {
    return this.#byCall.get(callSid) ?? (parentCallSid === undefined ? undefined : this.#byCall.get(parentCallSid));
  }

  /** As {@link #known}; made when it is new. */
  #callOf(leg: { callSid: string; parentCallSid?: string | undefined; accountSid: string }): TraceGroup {
    const group = this.#known(leg.callSid, leg.parentCallSid) ?? this.#create(this.#clock.monotonic());
    group.accountSid ??= leg.accountSid;
    group.sids.add(leg.callSid);
    this.#byCall.set(leg.callSid, group);
    return group;
  }

  #join(group: TraceGroup, other: TraceGroup): void {
    this.#shelves.remove(other);
    group.absorb(other);
    for (const id of other.sipCallIds) this.#bySip.set(id, group);
    for (const sid of other.sids) this.#byCall.set(sid, group);
  }

  #add(group: TraceGroup, record: TraceRecord): void {
    group.add(record);
    this.#settle(group);
  }

  #settle(group: TraceGroup): void {
    this.#shelves.put(group, this.#clock.monotonic());
    for (let gone = this.#shelves.excess(group); gone !== undefined; gone = this.#shelves.excess(group)) {
      this.#forget(gone);
      if (gone === group) return;
    }
  }

  #forget(group: TraceGroup): void {
    this.#shelves.remove(group);
    for (const id of group.sipCallIds) if (this.#bySip.get(id) === group) this.#bySip.delete(id);
    for (const sid of group.sids) if (this.#byCall.get(sid) === group) this.#byCall.delete(sid);
  }

  /** One timer while there is anything to grow old. */
  #watchAge(): void {
    if (this.#sweep !== undefined || this.#closed) return;
    this.#sweep = this.#clock.setTimer(Math.min(SWEEP_MS, this.#limits.maxAgeMs), () => {
      this.#sweep = undefined;
      const before = this.#clock.monotonic() - this.#limits.maxAgeMs;
      for (let old = this.#shelves.expired(before); old !== undefined; old = this.#shelves.expired(before)) {
        this.#forget(old);
      }
      if (this.#shelves.size > 0) this.#watchAge();
    });
  }
}
