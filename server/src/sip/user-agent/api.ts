import type { Clock, Log, Metrics, Random } from '../../kernel/index.ts';
import type { DigestCredentials } from '../digest/index.ts';
import type { TappedMessage } from '../transaction/api.ts';
import type { DialogId } from '../dialog/replaces.ts';
import type { OverloadOptions } from '../overload/index.ts';
import type { TransactionTimers } from '../transaction/timers.ts';
import type { Endpoint, Transport } from '../transport/api.ts';

export type { DigestCredentials } from '../digest/index.ts';

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
  /** Hops that are left (Max-Forwards); undefined: the sender did not say. */
  readonly maxForwards?: number | undefined;
  /** First value of a header by any spelling of its name. */
  header(name: string): string | undefined;
  /** Every header line in order, names in their usual spelling. */
  headers(): readonly HeaderField[];
}

/** Verdict on an out-of-dialog request. `context` travels to the {@link IncomingCall}. */
export type Authorization<C> =
  | {
      readonly allow: true;
      readonly context: C;
      /** Send requests inside the dialog to where the INVITE came from (the flow of a phone behind NAT). */
      readonly keepFlow?: boolean;
    }
  | {
      readonly allow: false;
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly HeaderField[];
    }
  /** Nothing is answered: the sender does not learn that somebody is here. */
  | { readonly allow: false; readonly silent: true };

/** Why a call ended. */
export interface CallEnd {
  readonly by: 'local' | 'remote' | 'network';
  readonly cause:
    | 'bye' // a BYE was sent or received
    | 'ack-timeout' // our 2xx was never acknowledged (RFC 3261 section 13.3.1.4)
    | 'session-expired' // nobody refreshed the session in time (RFC 4028 section 10)
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
  /**
   * The peer offers a change by UPDATE, or in a PRACK before the answer (RFC 3311, RFC 3262): as `onReinvite`, but there
   * always is an offer, and it has to be answered at once. Default without a listener: `onReinvite` is asked.
   * `earlyDialog`: the fork it came from, on outgoing calls that were not answered yet.
   */
  onUpdate?(offer: string, from: { readonly earlyDialog: string | undefined }): Promise<ReinviteReply> | ReinviteReply;
  /**
   * An offer that `onReinvite(undefined)` gave came to nothing: refused, cancelled, or the peer never answered. What was
   * in force before still is (RFC 3261 section 14.1).
   */
  onOfferDropped?(): void;
  /** The peer asks us to call somebody (RFC 3515). Default without a listener: 603. */
  onRefer?(refer: ReceivedRefer): void;
  /** A 2xx of ours was acknowledged. `sdp`: the answer in the ACK, when our 2xx carried an offer. */
  onAcked?(event: { readonly sdp: string | undefined; readonly initial: boolean }): void;
  /** Answered with 200 by the stack. Default without a listener: 415. */
  onInfo?(info: InfoRequest): void;
  /** Once, after the call was answered, whoever ended it; nothing comes after it. */
  onEnded?(end: CallEnd): void;
}

export interface IncomingCallListener extends CallListener {
  /**
   * The caller gave up before an answer (CANCEL, answered with 487 by the stack), or never acknowledged a reliable
   * provisional response (the stack answered 504). Nothing comes after it.
   */
  onCancelled?(reason: SipReason | undefined): void;
  /**
   * A reliable 18x that carried our SDP was acknowledged with PRACK. `sdp`: the answer, when ours was an offer (the
   * INVITE came without); then `answer` needs no SDP any more.
   */
  onProgressed?(event: { readonly sdp: string | undefined }): void;
}

/** A REFER of the peer (RFC 3515): decide with `accept` or `reject`. Later calls of a method do nothing. */
export interface ReceivedRefer {
  /** Who is to be called. */
  readonly target: Party;
  readonly referredBy: Party | undefined;
  /** For {@link UserAgent.invite}: target, Replaces (attended transfer) and Referred-By of the call to be placed. */
  readonly invite: Pick<InviteOptions, 'target' | 'replaces' | 'referredBy'>;
  /** False: the peer wants no reports (`Refer-Sub: false`, RFC 4488); `progress` does nothing then. */
  readonly subscribed: boolean;
  /** 202, and a first report of 100. */
  accept(): void;
  reject(status: number, options?: { reason?: string; sipReason?: SipReason }): void;
  /** Reports how far the call is. From 200 on it is the result, and the last report. */
  progress(status: number, reason?: string): void;
}

/** How a REFER of ours ended. */
export type ReferResult =
  /** The call that was asked for was answered with this status: 2xx means that the transfer has worked. */
  | { readonly kind: 'done'; readonly status: number; readonly reason: string }
  /** The peer refused to try, or did not answer (408). */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** The peer agreed to try, and never said what became of it. */
  | { readonly kind: 'unknown'; readonly status: number; readonly reason: string };

export interface ReferOptions {
  /** Referred-By (RFC 3892): who asks. Default: our side of the call. */
  readonly referredBy?: string;
  /** False: asks for no reports (RFC 4488); the result is `unknown` then. Default true. */
  readonly reports?: boolean;
  /** The peer reported a provisional status of the call that it places. */
  readonly onProgress?: (report: { readonly status: number; readonly reason: string }) => void;
}

export interface OutgoingCallListener extends CallListener {
  /** 101-199. `sdp`: early media. `earlyDialog` tells forks apart (the peer's tag). */
  onProvisional?(event: {
    readonly status: number;
    readonly reason: string;
    readonly sdp: string | undefined;
    readonly earlyDialog: string;
  }): void;
  /** A fork has ended without a final response of its own (199, RFC 6228, or BYE). */
  onForkEnded?(event: { readonly earlyDialog: string }): void;
  /**
   * The INVITE went out without SDP and the 2xx (or a reliable 18x) holds the offer: return the answer to put into the
   * ACK (or PRACK). Without this listener, or when it rejects, the call is acknowledged and ended with BYE at once.
   */
  onLateOffer?(offer: string): Promise<string> | string;
  /**
   * A 2xx. `sdp` is the answer (the offer, after `onLateOffer`); undefined when the peer sent none, or when the one told
   * last by `onProvisional` was final (reliable, RFC 3262) and stays in force.
   */
  onAnswered?(event: {
    readonly status: number;
    readonly sdp: string | undefined;
    /** X- headers of the 2xx; absent when there are none. */
    readonly headers?: readonly HeaderField[];
  }): void;
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
  /** X- headers of the response; absent when there are none. */
  readonly headers?: readonly HeaderField[];
}

/** Parts common to both kinds of call. Methods never throw on a call that is over: they do nothing. */
export interface CallControl {
  readonly callId: string;
  /** The dialog; undefined while there is none, or several (forks). */
  readonly dialogId: DialogId | undefined;
  /** Contact URI of the peer, where a third party can call it in an attended transfer. */
  readonly remoteTarget: string | undefined;
  /** Ends an answered call with BYE. On an unanswered one: incoming is rejected (480), outgoing is cancelled. */
  bye(reason?: SipReason): void;
  /**
   * Offers a change to the peer (hold by us). Glare (491) is retried as RFC 3261 section 14.1 says. One at a time:
   * a second one while the first is open resolves with status 491 at once. Never rejects.
   */
  reinvite(sdp: string): Promise<ReinviteResult>;
  /**
   * Offers a change by UPDATE (RFC 3311), before the answer too when the peer has answered our offer reliably; without
   * `sdp` it only refreshes the target. 405 when the peer does not allow UPDATE, 491 when an offer is open. Never rejects.
   */
  update(sdp?: string): Promise<ReinviteResult>;
  /**
   * Asks the peer to call `target` (RFC 3515): a SIP URI (blind transfer), or a call of ours whose place the new call
   * is to take (attended transfer, RFC 3891). The call stays up: end it when the result is good. Never rejects.
   */
  refer(target: string | CallControl, options?: ReferOptions): Promise<ReferResult>;
  /** DTMF or other information by INFO. Resolves with the final status (408 when none came). Never rejects. */
  info(contentType: string, body: string): Promise<number>;
}

/** `sdp`: the answer. */
export type ReinviteResult = { readonly ok: true; readonly sdp: string | undefined } | ReinviteFailure;

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
  /** The call that this one is to replace (`Replaces`, RFC 3891): it is ended when this one is answered. */
  readonly replaces: CallControl | undefined;
  /** The caller takes reliable provisional responses: `progress` works for late offers too. */
  readonly reliable: boolean;
  /** 180, repeatable. */
  ring(): void;
  /**
   * 183 with early media; reliable (RFC 3262) where the caller supports it. On a late offer the SDP is our offer, and
   * `onProgressed` brings the answer; where the caller takes no reliable responses nothing is sent then.
   */
  progress(sdp: string): void;
  /**
   * 200, retransmitted until the ACK (section 13.3.1.4). It waits for the PRACK of a reliable response with SDP. `sdp` is
   * left out where a reliable response has carried it.
   */
  answer(sdp: string, headers?: readonly HeaderField[]): void;
  /** @param status 400-699 */
  reject(status: number, options?: { reason?: string; headers?: readonly HeaderField[]; sipReason?: SipReason }): void;
  /** 302 with these Contact URIs, in order of preference. */
  redirect(contacts: readonly string[]): void;
}

export interface InviteOptions {
  /** Request-URI: sip: or, with `nextHop`, tel: too. sips: needs a TLS transport. */
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
  /** Route values after the next hop, as they were learned: Path (RFC 3327) or Service-Route (RFC 3608). */
  readonly path?: readonly string[];
  /**
   * Send there whatever the URIs say, requests inside the dialog too unless the peer recorded a route: the flow that a
   * phone registered over (RFC 5626 section 5.3), or its address as NAT shows it.
   */
  readonly destination?: Endpoint;
  readonly credentials?: DigestCredentials;
  /** Reliable provisional responses (RFC 3262) for this call. Default: as the user agent. */
  readonly reliableProvisionals?: 'off' | 'supported' | 'required';
  /** Session timer (RFC 4028) of this call. Default: as the user agent, which must have them. */
  readonly sessionTimer?: SessionTimerOptions;
  /** Replaces value (RFC 3891), for example of a {@link ReceivedRefer}. */
  readonly replaces?: string;
  /**
   * How many hops the call may still take, 0 to 255 (default 70): one less than it came in with, for a call that goes on
   * from here, so that a loop through us ends. Below 0 nothing is sent: `onFailed` with 483.
   */
  readonly maxForwards?: number;
  /** Referred-By value (RFC 3892). */
  readonly referredBy?: string;
  /** Give up (CANCEL, then `onFailed` with 408) after this long without a final response. Default 180 000 ms. */
  readonly timeoutMs?: number;
  /**
   * Give up (`onFailed` with 408, `received` false) when no response at all, not even 100, came within this time:
   * somebody else is to be tried. Default: timer B (32 s).
   */
  readonly firstResponseMs?: number;
}

/** A request outside any dialog: OPTIONS, REGISTER, MESSAGE, NOTIFY of a voice mailbox... */
export interface RequestOptions {
  readonly method: string;
  /** Request-URI: sip: or, with `nextHop`, tel: too. */
  readonly target: string;
  /** Default: our own Contact. */
  readonly from?: { readonly uri: string; readonly displayName?: string };
  /** Default: the target. */
  readonly to?: { readonly uri: string; readonly displayName?: string };
  /** Outbound proxy as SIP URI: becomes the first Route. */
  readonly nextHop?: string;
  /** Further Route values. */
  readonly path?: readonly string[];
  /** Send there whatever the URIs say. */
  readonly destination?: Endpoint;
  /**
   * The Contact: a ready value (`*`), or our own address with a user part, URI parameters (`;line=1`) and header
   * parameters (`;expires=60`).
   */
  readonly contact?: string | { readonly user?: string; readonly uriParams?: string; readonly params?: string };
  /** Extra headers, Supported and Require among them. Those the stack writes itself are refused (400). */
  readonly headers?: readonly HeaderField[];
  readonly body?: string;
  readonly contentType?: string;
  /** Answer to a 401 or 407, which is then not seen by the caller. */
  readonly credentials?: DigestCredentials;
  /** Call-ID and CSeq of requests that belong together (RFC 3261 section 10.2). Default: a Call-ID of its own. */
  readonly series?: { readonly callId: string; nextSequence(): number };
}

export interface RequestResult {
  /** The final status; 408 when nothing came, 503 when it could not be sent, 400 when it could not be written. */
  readonly status: number;
  readonly reason: string;
  /** False when the status was made here and not received. */
  readonly received: boolean;
  /** Every header line in order, names in their usual spelling. */
  readonly headers: readonly HeaderField[];
  readonly body: Buffer;
  /** Who answered. */
  readonly destination?: Endpoint;
}

/** A request of a peer outside any dialog. Answer it once, within 32 s; what comes later is ignored. */
export interface OutOfDialogRequest<C = unknown> extends RequestFacts {
  /** What `authorize` attached. */
  readonly context: C;
  /** Lower case, without parameters; empty when there is none. */
  readonly contentType: string;
  readonly body: Buffer;
  respond(
    status: number,
    options?: { reason?: string; headers?: readonly HeaderField[]; body?: string | Buffer },
  ): void;
}

/** A call placed by us. */
export interface OutgoingCall extends CallControl {
  /** Before the answer: CANCEL (sent as soon as a provisional response allows it, section 9.1). Else nothing. */
  cancel(reason?: SipReason): void;
  /** Before the answer: ends one fork by BYE in its early dialog (section 15). The others go on. */
  dropFork(earlyDialog: string, reason?: SipReason): void;
}

export interface UserAgentHandlers<C = unknown> {
  /** Asked for every request outside a dialog but ACK and CANCEL, before anything else sees it. */
  authorize(request: RequestFacts): Authorization<C>;
  /** A new call. Throwing answers 500. */
  onInvite(call: IncomingCall<C>): void;
  /**
   * Another request outside a dialog than INVITE, OPTIONS, BYE and INFO. True: it is or will be answered by the handler,
   * who looks at Require himself. False, or no handler: 405. Throwing answers 500.
   */
  onRequest?(request: OutOfDialogRequest<C>): boolean;
  /** A new call that is to take the place of `call.replaces` (RFC 3891). Default without a handler: 603. */
  onReplaces?(call: IncomingCall<C>): void;
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
  /** Reliable provisional responses (RFC 3262): default `supported`. `required`: callers without them get 421. */
  readonly reliableProvisionals?: 'off' | 'supported' | 'required';
  /** Session timers (RFC 4028); false: none. */
  readonly sessionTimer?: SessionTimerOptions | false;
  /** Most transactions at work at once (default 100 000). Above it new requests get 503 with Retry-After. */
  readonly maxTransactions?: number;
  /** Overload control: new calls are refused with 503 while there is no room for them (default: off). */
  readonly overload?: OverloadOptions;
  /** Between two keep-alives to a peer over UDP, shortened by up to a fifth (default 25 000 ms; 0: none). */
  readonly keepAliveMs?: number;
  /** Most completed transactions, ours and theirs, kept for peers that repeat themselves (default 250 000 each). */
  readonly maxCompleted?: number;
  /** Hears of every SIP message sent and received, retransmissions included. What it throws is logged. */
  readonly tap?: (message: TappedMessage) => void;
  /** Where messages, retransmissions and transactions are counted. */
  readonly metrics?: Metrics;
}

/** RFC 4028. Seconds. */
export interface SessionTimerOptions {
  /** What we ask for, and the most that we agree to (default 1800). */
  readonly interval?: number;
  /** The least that we agree to (default, and least, 90). */
  readonly minimum?: number;
  /** Who refreshes calls to us when the caller leaves it open (default `peer`). */
  readonly refresher?: 'self' | 'peer';
}

export interface UserAgentStats {
  /** New calls that were refused for want of room. */
  readonly refused: number;
  readonly transactions: number;
  /** Messages of ours that went out again, since the start. */
  readonly retransmissions: number;
  readonly dialogs: number;
  readonly calls: number;
}

/** Lifetime: from creation to `close()`. It does not own the transport. */
export interface UserAgent {
  readonly stats: UserAgentStats;
  /** Never throws: what is wrong with the options (bad URI, header injection) comes as `onFailed` with status 400. */
  invite(options: InviteOptions, listener: OutgoingCallListener): OutgoingCall;
  /** Any request outside a dialog. Never rejects. */
  request(options: RequestOptions): Promise<RequestResult>;
  /**
   * Keeps the way to a peer open through its NAT or ours, until the function that this returns is called: CRLF over UDP as
   * RFC 5626 section 3.5.1 has it for connections. Over a connection nothing is sent: its owner keeps it.
   */
  keepAlive(destination: Endpoint): () => void;
  /** OPTIONS to a peer. Resolves with its final status, 408 without one. Never rejects. */
  ping(target: string): Promise<number>;
  /** From now on new calls and OPTIONS get 503: load balancers see a draining node by that. Live calls go on. */
  drain(): void;
  /** BYEs or rejects every call, waits for nothing, cancels all timers. Idempotent. */
  close(): void;
  /**
   * Ends every call as `close` does, but lets BYEs and CANCELs be answered, retransmitted and, where asked for, repeated
   * with credentials, for `timeoutMs` at most (default 4 000); then closes. New calls are refused meanwhile.
   */
  end(options?: { readonly timeoutMs?: number }): Promise<void>;
}
