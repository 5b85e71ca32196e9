import { Dialog, dialogKey, dialogKeyOfRequest, parseReplaces, refusalOfReplaces } from '../dialog/index.ts';
import type { SipRequest } from '../message/index.ts';
import { OverloadGate } from '../overload/index.ts';
import { TransactionLayer } from '../transaction/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import { systemLocator } from '../locate/index.ts';
import type { Endpoint, Resolver, Transport } from '../transport/index.ts';
import type {
  CallControl,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  RequestFacts,
  RequestOptions,
  RequestResult,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
  UserAgentStats,
} from './api.ts';
import { Core } from './core.ts';
import { extraHeaders, factsOf, reasonHeader } from './facts.ts';
import { featuresOf } from './features.ts';
import { ReceivedCall } from './incoming-call.ts';
import { receivedRequest } from './incoming-request.ts';
import { PlacedCall } from './outgoing-call.ts';
import { knowsOption } from './peer-facts.ts';
import { optionsReply, refusedMethod, respondSafely, unsupported } from './replies.ts';
import { madeHere, sendRequest } from './request.ts';
import { SessionTimer } from './session-timer.ts';
import { NO_CALL, NO_REPLACING } from './default-reasons.ts';

/** A user agent on one transport. It receives from now on. */
export function createUserAgent<C>(options: UserAgentOptions<C> & { readonly resolver?: Resolver }): UserAgent {
  return new SipUserAgent(options);
}

const KEEP_ALIVE_MS = 25_000;

/** Methods that the stack answers by itself. */
const KNOWN: ReadonlySet<string> = new Set(['INVITE', 'OPTIONS', 'BYE', 'INFO']);

/** What is known of a request outside a dialog once it was let in. */
interface Accepted<C> {
  readonly facts: RequestFacts;
  readonly context: C;
  readonly toTag: string;
  readonly keepFlow: boolean;
}

class SipUserAgent<C> implements UserAgent {
  readonly #core: Core;
  readonly #layer: TransactionLayer;
  readonly #handlers: UserAgentHandlers<C>;
  readonly #overload: OverloadGate | undefined;
  readonly #transport: Transport;
  readonly #keepAliveMs: number;
  #draining = false;
  #ending = false;
  #closed = false;

  constructor(options: UserAgentOptions<C> & { readonly resolver?: Resolver }) {
    this.#handlers = options.handlers;
    this.#transport = options.transport;
    this.#keepAliveMs = options.keepAliveMs ?? KEEP_ALIVE_MS;
    const { clock, metrics, overload, transport } = options;
    const receiveDelay = () => transport.receiveDelay?.();
    this.#overload =
      overload === undefined ? undefined : new OverloadGate({ clock, metrics, receiveDelay, ...overload });
    this.#layer = new TransactionLayer({ ...options, gate: this.#overload });
    this.#core = new Core({
      ...options,
      layer: this.#layer,
      resolver: options.resolver ?? systemLocator(options),
      name: options.userAgentName ?? 'Hookswitch',
      features: featuresOf(options),
    });
    this.#layer.listen({
      onRequest: (transaction) => {
        this.#receive(transaction);
      },
      onAck: (ack) => this.#core.dialogs.get(dialogKeyOfRequest(ack))?.handleAck(ack),
    });
  }

  get stats(): UserAgentStats {
    return {
      refused: this.#overload?.refused ?? 0,
      transactions: this.#layer.size,
      retransmissions: this.#layer.stats.retransmissions,
      dialogs: this.#core.dialogs.size,
      calls: this.#core.calls.size,
    };
  }

  invite(options: InviteOptions, listener: OutgoingCallListener): OutgoingCall {
    const call = new PlacedCall(this.#core, options, listener);
    if (this.#closed || this.#ending)
      queueMicrotask(() => {
        call.refuse();
      });
    else call.start();
    return call;
  }

  request(options: RequestOptions): Promise<RequestResult> {
    return this.#closed ? Promise.resolve(madeHere(503, 'The User Agent Is Closed')) : sendRequest(this.#core, options);
  }

  keepAlive(destination: Endpoint): () => void {
    if (this.#closed || this.#keepAliveMs === 0 || destination.protocol !== 'udp') return () => undefined;
    return this.#transport.keepAlive(destination, this.#keepAliveMs);
  }

  async ping(target: string): Promise<number> {
    return (await this.request({ method: 'OPTIONS', target })).status;
  }

  drain(): void {
    this.#draining = true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of [...this.#core.calls]) call.shutDown();
    this.#core.calls.clear();
    this.#core.dialogs.clear();
    this.#layer.close();
    this.#overload?.close();
    this.#core.clock.close();
  }

  async end({ timeoutMs = 4000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#closed) return;
    this.#draining = true;
    this.#ending = true;
    for (const call of [...this.#core.calls]) call.shutDown();
    await new Promise<void>((resolve) => {
      const timer = this.#core.clock.setTimer(timeoutMs, resolve);
      this.#core.farewells.whenIdle(() => {
        timer.cancel();
        resolve();
      });
    });
    this.close();
  }

  #receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (request.toTag === undefined) {
      this.#receiveNew(transaction);
      return;
    }
    const usage = this.#core.dialogs.get(dialogKeyOfRequest(request));
    // Section 12.2.2: no such dialog.
    if (usage === undefined) transaction.respond({ status: 481 });
    else usage.handleRequest(transaction);
  }

  /** A request outside a dialog, in the order of section 8.2: who, method, headers, content. */
  #receiveNew(transaction: ServerTransaction): void {
    const { request } = transaction;
    const facts = factsOf(request, transaction.source);
    const toTag = this.#core.newTag();
    transaction.localTag = toTag;
    const verdict = this.#authorize(facts);
    if (!verdict.allow) {
      if ('silent' in verdict) {
        // A retransmission comes here again and is judged anew.
        transaction.close();
        return;
      }
      const { status, reason } = verdict;
      const { pairs } = extraHeaders(verdict.headers);
      const parts = { status, toTag, headers: pairs, ...(reason === undefined ? {} : { reason }) };
      respondSafely(this.#core, transaction, parts);
      return;
    }
    const accepted = { facts, context: verdict.context, toTag, keepFlow: verdict.keepFlow === true };
    if (!KNOWN.has(request.method) && this.#handOver(transaction, accepted)) return;
    const refused = unsupported(this.#core, request);
    if (refused !== undefined) {
      transaction.respond({ ...refused, toTag });
      return;
    }
    switch (request.method) {
      case 'INVITE':
        this.#receiveInvite(transaction, accepted);
        return;
      case 'OPTIONS':
        transaction.respond({
          ...(this.#draining ? { status: 503 } : optionsReply(this.#core, transaction.source)),
          toTag,
        });
        return;
      case 'NOTIFY':
        this.#refuseNotify(transaction, toTag);
        return;
      case 'BYE':
      case 'INFO':
      case 'PRACK':
      case 'UPDATE':
        transaction.respond({ status: 481, toTag });
        return;
      case 'REFER':
        // RFC 3515 section 2.4.2 allows it; there is no call here that it could be about.
        transaction.respond({ status: 603, toTag, headers: reasonHeader(NO_CALL) });
        return;
      default:
        transaction.respond({ ...refusedMethod(this.#core, request.method), toTag });
    }
  }

  /** RFC 6665 section 4.1.3: no subscription of ours is known by it. */
  #refuseNotify(transaction: ServerTransaction, toTag: string): void {
    const known = /^\s*refer\s*(;|$)/i.test(transaction.request.headers.get('event') ?? '');
    transaction.respond(known ? { status: 481, toTag } : { status: 489, toTag, headers: [['Allow-Events', 'refer']] });
  }

  /** Gives a request to the handler for other methods. False when nobody takes it. */
  #handOver(transaction: ServerTransaction, accepted: Accepted<C>): boolean {
    if (this.#handlers.onRequest === undefined) return false;
    const request = receivedRequest(this.#core, transaction, accepted);
    try {
      return this.#handlers.onRequest(request);
    } catch (error) {
      this.#core.log.error({ err: error, method: request.method }, 'the SIP onRequest handler failed: answering 500');
      request.respond(500);
      return true;
    }
  }

  #authorize(facts: RequestFacts): ReturnType<UserAgentHandlers<C>['authorize']> {
    try {
      return this.#handlers.authorize(facts);
    } catch (error) {
      this.#core.log.error({ err: error, source: facts.source }, 'the SIP authorize handler failed: refusing with 500');
      return { allow: false, status: 500 };
    }
  }

  #receiveInvite(transaction: ServerTransaction, accepted: Accepted<C>): void {
    const { toTag, facts } = accepted;
    if (this.#draining) {
      transaction.respond({ status: 503, toTag, headers: [['Retry-After', '5']] });
      return;
    }
    const dialog = Dialog.ofRequest(transaction.request, {
      localTag: toTag,
      contact: this.#core.contactFor(transaction.source),
      flow: accepted.keepFlow ? transaction.source : undefined,
    });
    if (dialog === undefined) {
      transaction.respond({ status: 400, reason: why(transaction.request), toTag });
      return;
    }
    if (this.#core.features.reliable === 'required' && !knowsOption(transaction.request, '100rel')) {
      transaction.respond({ status: 421, toTag, headers: [['Require', '100rel']] });
      return;
    }
    const small = new SessionTimer(this.#core).refusal(transaction.request);
    if (small !== undefined) {
      transaction.respond({ ...small, toTag });
      return;
    }
    const replaces = this.#replaced(transaction.request);
    if (replaces !== undefined && 'status' in replaces) {
      transaction.respond({ ...replaces, toTag });
      return;
    }
    const call = new ReceivedCall(this.#core, { transaction, dialog, replaces }, facts, accepted.context);
    try {
      if (replaces === undefined) this.#handlers.onInvite(call);
      else this.#handlers.onReplaces?.(call);
    } catch (error) {
      this.#core.log.error({ err: error, callId: facts.callId }, 'the SIP onInvite handler failed: answering 500');
      call.reject(500);
    }
  }

  /** The call that an INVITE with Replaces is for, or why it cannot have it (RFC 3891 section 3). */
  #replaced(request: SipRequest): CallControl | ResponseParts | undefined {
    const values = request.headers.all('replaces');
    if (values.length === 0) return undefined;
    const replaces = values.length === 1 ? parseReplaces(values[0] ?? '') : undefined;
    if (replaces === undefined) return { status: 400, reason: 'Bad Request (Replaces is malformed)' };
    if (this.#handlers.onReplaces === undefined) return { status: 603, headers: reasonHeader(NO_REPLACING) };
    const { callId, localTag, remoteTag, earlyOnly } = replaces;
    const found = this.#core.dialogs.get(dialogKey(callId, localTag, remoteTag))?.replaceable();
    const status = refusalOfReplaces(found?.state, earlyOnly);
    return status === undefined ? found?.call : { status };
  }
}

/** Section 8.1.1.8: an INVITE needs exactly one Contact. */
function why(request: SipRequest): string {
  return request.contact === undefined ? 'Bad Request (Contact is missing)' : 'Bad Request (Record-Route is malformed)';
}
