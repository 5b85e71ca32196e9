import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { TransactionTimers } from '../transaction/timers.ts';
import type { Endpoint, Transport } from '../transport/api.ts';

/** One header line: any spelling of the name; the value without folding. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** Who is at one end of a call, from a From or To header. */
export interface Party {
  /** The URI alone, for example `sip:+15550100@192.0.2.1`. */
  readonly uri: string;
  /** Empty when none was given. */
  readonly displayName: string;
  /** The user part, escapes decoded; the number for tel URIs; empty when the URI has none. */
  readonly user: string;
  readonly host: string;
}

/** A Reason header value (RFC 3326), for example `{protocol: 'Q.850', cause: 16, text: 'Normal call clearing'}`. */
export interface SipReason {
  readonly protocol: string;
  readonly cause?: number;
  readonly text?: string;
}

/** What is known of an out-of-dialog request before anything was decided. */
export interface RequestFacts {
  readonly method: string;
  readonly callId: string;
  readonly from: Party;
  readonly to: Party;
  readonly requestUri: Party;
  /** Where the packet came from: the address that trunk allow-lists are checked against. */
  readonly source: Endpoint;
  /** First value of a header by any spelling of its name. */
  header(name: string): string | undefined;
  /** Every header line in order, names in their usual spelling. */
  headers(): readonly HeaderField[];
}

/** Verdict on an out-of-dialog request. `context` travels to the {@link IncomingCall}. */
export type Authorization<C> =
  | { readonly allow: true; readonly context: C }
  | {
      readonly allow: false;
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly HeaderField[];
    };

/** Why a call ended. */
export interface CallEnd {
  readonly by: 'local' | 'remote' | 'network';
  readonly cause:
    | 'bye' // a BYE was sent or received
    | 'ack-timeout' // our 2xx was never acknowledged (RFC 3261 section 13.3.1.4)
    | 'dialog-gone' // the peer answered a request in the dialog with 481 or 408, or not at all (section 12.2.1.2)
    | 'closed'; // the user agent was closed
  /** The status that ended it, where a response did. */
  readonly sipStatus?: number;
  readonly reason?: SipReason;
}

/** What to answer a re-INVITE with. */
export type ReinviteReply =
  { readonly sdp: string } | { readonly status: number; readonly reason?: string; readonly warning?: string };

/** A request of the peer inside the call that carries information for the application (RFC 6086, DTMF relay). */
export interface InfoRequest {
  /** Lower case, without parameters, for example `application/dtmf-relay`; empty when there is none. */
  readonly contentType: string;
  readonly body: Buffer;
}

/** Events of both kinds of call. A listener that throws is logged; the call goes on. */
export interface CallListener {
  /**
   * The peer offers a change (hold, resume, new address). `offer` is undefined when it wants ours (late offer): then
   * the `sdp` returned is an offer and the answer comes with `onAcked`. Default without a listener: 488.
   */
  onReinvite?(offer: string | undefined): Promise<ReinviteReply> | ReinviteReply;
  /** A 2xx of ours was acknowledged. `sdp`: the answer in the ACK, when our 2xx carried an offer. */
  onAcked?(event: { readonly sdp: string | undefined; readonly initial: boolean }): void;
  /** Answered with 200 by the stack. Default without a listener: 415. */
  onInfo?(info: InfoRequest): void;
  /** Once, after the call was answered, whoever ended it; nothing comes after it. */
  onEnded?(end: CallEnd): void;
}

export interface IncomingCallListener extends CallListener {
  /** The caller gave up before an answer (CANCEL, answered with 487 by the stack). Nothing comes after it. */
  onCancelled?(reason: SipReason | undefined): void;
}

export interface OutgoingCallListener extends CallListener {
  /** 101-199. `sdp`: early media. `earlyDialog` tells forks apart (the peer's tag). */
  onProvisional?(event: {
    readonly status: number;
    readonly reason: string;
    readonly sdp: string | undefined;
    readonly earlyDialog: string;
  }): void;
  /**
   * The INVITE went out without SDP and the 2xx holds the offer: return the answer to put into the ACK. Without this
   * listener, or when it rejects, the call is acknowledged and ended with BYE at once.
   */
  onLateOffer?(offer: string): Promise<string> | string;
  /** A 2xx. `sdp` is the answer (the offer, after `onLateOffer`); undefined when the peer sent none. */
  onAnswered?(event: { readonly status: number; readonly sdp: string | undefined }): void;
  /** The call did not come about. Once; nothing comes after it. */
  onFailed?(failure: CallFailure): void;
}

export interface CallFailure {
  /** The final status; 408 when nothing came, 503 when it could not be sent, 487 after `cancel()`. */
  readonly status: number;
  readonly reason: string;
  /** False when the status was made here (time-out, transport error, cancel) and not received. */
  readonly received: boolean;
  /** Contacts of a 3xx, most preferred first. */
  readonly contacts: readonly string[];
  readonly sipReason?: SipReason;
  /** Seconds, from Retry-After. */
  readonly retryAfter?: number;
}

/** Parts common to both kinds of call. Methods never throw on a call that is over: they do nothing. */
export interface CallControl {
  readonly callId: string;
  /** Ends an answered call with BYE. On an unanswered one: incoming is rejected (480), outgoing is cancelled. */
  bye(reason?: SipReason): void;
  /**
   * Offers a change to the peer (hold by us). Glare (491) is retried as RFC 3261 section 14.1 says. One at a time:
   * a second one while the first is open resolves with status 491 at once. Never rejects.
   */
  reinvite(sdp: string): Promise<{ readonly ok: true; readonly sdp: string | undefined } | ReinviteFailure>;
  /** DTMF or other information by INFO. Resolves with the final status (408 when none came). Never rejects. */
  info(contentType: string, body: string): Promise<number>;
}

export interface ReinviteFailure {
  readonly ok: false;
  readonly status: number;
  readonly reason: string;
}

/**
 * An INVITE that reached us. 100 is sent by the stack within 200 ms. The caller decides with `ring`, `progress`,
 * `answer`, `reject` or `redirect`; after a final response further ones are ignored.
 */
export interface IncomingCall<C = unknown> extends CallControl, RequestFacts {
  /** What `authorize` attached. */
  readonly context: C;
  /** SDP offer of the INVITE; undefined: late offer, then the SDP given to `answer` is the offer. */
  readonly remoteOffer: string | undefined;
  /** Who hears of this call. Call it inside `onInvite`, so that nothing is missed. The last one set counts. */
  listen(listener: IncomingCallListener): void;
  /** 180, repeatable. */
  ring(): void;
  /** 183 with early media. */
  progress(sdp: string): void;
  /** 200, retransmitted until the ACK (section 13.3.1.4). */
  answer(sdp: string, headers?: readonly HeaderField[]): void;
  /** @param status 400-699 */
  reject(status: number, options?: { reason?: string; headers?: readonly HeaderField[]; sipReason?: SipReason }): void;
  /** 302 with these Contact URIs, in order of preference. */
  redirect(contacts: readonly string[]): void;
}

/** Credentials of a trunk for digest challenges (RFC 8760). */
export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
  /** Answer only challenges of this realm (default: any). */
  readonly realm?: string;
}

export interface InviteOptions {
  /** Request-URI: sip: or, with `nextHop`, tel: too. sips: is refused (400) until there is a TLS transport. */
  readonly target: string;
  readonly from: { readonly uri: string; readonly displayName?: string };
  /** Default: the target. */
  readonly to?: { readonly uri: string; readonly displayName?: string };
  /** The offer. Undefined: late offer, see `onLateOffer`. */
  readonly sdp?: string;
  /** Extra headers (X-..., P-Asserted-Identity, Diversion...). Those the stack writes itself are refused. */
  readonly headers?: readonly HeaderField[];
  /** Outbound proxy as SIP URI, for example `sip:192.0.2.1:5060;lr`: becomes the first Route. */
  readonly nextHop?: string;
  readonly credentials?: DigestCredentials;
  /** Give up (CANCEL, then `onFailed` with 408) after this long without a final response. Default 180 000 ms. */
  readonly timeoutMs?: number;
}

/** A call placed by us. */
export interface OutgoingCall extends CallControl {
  /** Before the answer: CANCEL (sent as soon as a provisional response allows it, section 9.1). Else nothing. */
  cancel(reason?: SipReason): void;
}

export interface UserAgentHandlers<C = unknown> {
  /** Asked for every request outside a dialog but ACK and CANCEL, before anything else sees it. */
  authorize(request: RequestFacts): Authorization<C>;
  /** A new call. Throwing answers 500. */
  onInvite(call: IncomingCall<C>): void;
}

export interface UserAgentOptions<C = unknown> {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly handlers: UserAgentHandlers<C>;
  /** User-Agent and Server header (default `Hookswitch`). */
  readonly userAgentName?: string;
  /** Overrides of T1, T2, T4 and the rest. */
  readonly timers?: Partial<TransactionTimers>;
  /** Most transactions at once (default 100 000). Above it new requests get 503 with Retry-After. */
  readonly maxTransactions?: number;
}

export interface UserAgentStats {
  readonly transactions: number;
  readonly dialogs: number;
  readonly calls: number;
}

/** Lifetime: from creation to `close()`. It does not own the transport. */
export interface UserAgent {
  readonly stats: UserAgentStats;
  /** Never throws: what is wrong with the options (bad URI, header injection) comes as `onFailed` with status 400. */
  invite(options: InviteOptions, listener: OutgoingCallListener): OutgoingCall;
  /** OPTIONS to a peer. Resolves with its final status, 408 without one. Never rejects. */
  ping(target: string): Promise<number>;
  /** From now on new calls and OPTIONS get 503: load balancers see a draining node by that. Live calls go on. */
  drain(): void;
  /** BYEs or rejects every call, waits for nothing, cancels all timers. Idempotent. */
  close(): void;
}
