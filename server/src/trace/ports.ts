/**
 * Ports of the call trace. What it listens to are ports of others: `CallObserver` (bridge/), `HttpTap` (app-server/),
 * `EventSink` (calls/). These are what it offers and what it needs itself.
 */

/** A SIP message as the stack's tap hands it over; `TappedMessage` of sip/ is one. */
export interface TracedSip {
  readonly direction: 'in' | 'out';
  readonly protocol: 'udp' | 'tcp' | 'tls';
  readonly local: TracedAddress;
  readonly remote: TracedAddress;
  readonly bytes: Buffer;
  readonly callId: string | undefined;
}
export interface TracedAddress {
  readonly address: string;
  readonly port: number;
}

/** What may be looked at: one account's calls, or everything (the operator: also what became no call). */
export type TraceScope = { readonly accountSid: string } | 'operator';

/**
 * Finds traces. Answered by the node that owns the call: with several nodes an implementation asks that node, which is
 * why answers are promises. `id` is the CallSid of any leg or a SIP Call-ID; legs of one call are one trace.
 */
export interface CallTraces {
  /** Newest first. */
  recent(scope: TraceScope, limit: number): Promise<readonly RecordedCall[]>;
  find(scope: TraceScope, id: string): Promise<RecordedCall | undefined>;
}

/** Who asks for a trace, judged by the `Authorization` header. */
export interface TraceAccess {
  /** Undefined: no or wrong credentials. `forbidden`: known, but this is not granted. */
  scopeOf(authorization: string | undefined): Promise<TraceScope | 'forbidden' | undefined>;
}

/** One trace as it was recorded; what is shown of it is made when it is asked for. */
export interface RecordedCall {
  /** Empty for an exchange that became no call. */
  readonly callSids: readonly string[];
  readonly accountSid: string | undefined;
  readonly live: boolean;
  /** Memory accounted for it. */
  readonly bytes: number;
  /** Epoch milliseconds of a moment, with a fraction. */
  wallTime(mono: number): number;
  /** In order of time. A {@link GapRecord} stands where the middle was dropped. */
  readonly records: readonly TraceRecord[];
}

interface RecordBase {
  /** Monotonic milliseconds. */
  readonly mono: number;
}
export interface SipRecord extends RecordBase {
  readonly kind: 'sip';
  readonly direction: 'in' | 'out';
  readonly protocol: 'udp' | 'tcp' | 'tls';
  readonly local: TracedAddress;
  readonly remote: TracedAddress;
  readonly sipCallId: string;
  /** One character a byte (latin1), secrets replaced by as many asterisks. */
  readonly text: string;
}
export interface HttpRecord extends RecordBase {
  readonly kind: 'http';
  readonly callSid: string;
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly durationMs: number;
  readonly status: number | undefined;
  readonly contentType: string;
  readonly body: string;
  readonly problem: string | undefined;
}
export interface EventRecord extends RecordBase {
  readonly kind: 'event';
  readonly type: string;
  readonly callSid: string;
  readonly data: Readonly<Record<string, unknown>>;
}
export interface MediaRecord extends RecordBase {
  readonly kind: 'media';
  readonly callSid: string;
  readonly title: string;
  readonly summary: string;
}
export interface GapRecord extends RecordBase {
  readonly kind: 'gap';
  readonly dropped: number;
}
export type TraceRecord = SipRecord | HttpRecord | EventRecord | MediaRecord | GapRecord;
