import { randomHex } from '../../kernel/index.ts';
import { Dialog, dialogKeyOfRequest } from '../dialog/index.ts';
import { createRequest, parseUri } from '../message/index.ts';
import type { SipRequest } from '../message/index.ts';
import { TransactionLayer } from '../transaction/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import { resolveUri } from '../transport/index.ts';
import type { Resolver } from '../transport/index.ts';
import type {
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  RequestFacts,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
  UserAgentStats,
} from './api.ts';
import { ALLOW, Core } from './core.ts';
import { extraHeaders, factsOf } from './facts.ts';
import { ReceivedCall } from './incoming-call.ts';
import { PlacedCall } from './outgoing-call.ts';
import { optionsReply, unsupported } from './replies.ts';
import { respondSafely } from './session.ts';

/** A user agent on one transport. It receives from now on. */
export function createUserAgent<C>(options: UserAgentOptions<C> & { readonly resolver?: Resolver }): UserAgent {
  return new SipUserAgent(options);
}

class SipUserAgent<C> implements UserAgent {
  readonly #core: Core;
  readonly #layer: TransactionLayer;
  readonly #handlers: UserAgentHandlers<C>;
  #draining = false;
  #closed = false;

  constructor(options: UserAgentOptions<C> & { readonly resolver?: Resolver }) {
    this.#handlers = options.handlers;
    this.#layer = new TransactionLayer(options);
    this.#core = new Core({
      ...options,
      layer: this.#layer,
      resolver: options.resolver ?? resolveUri,
      name: options.userAgentName ?? 'Hookswitch',
    });
    this.#layer.listen({
      onRequest: (transaction) => {
        this.#receive(transaction);
      },
      onAck: (ack) => this.#core.dialogs.get(dialogKeyOfRequest(ack))?.handleAck(ack),
    });
  }

  get stats(): UserAgentStats {
    return { transactions: this.#layer.size, dialogs: this.#core.dialogs.size, calls: this.#core.calls.size };
  }

  invite(options: InviteOptions, listener: OutgoingCallListener): OutgoingCall {
    const call = new PlacedCall(this.#core, options, listener);
    if (this.#closed)
      queueMicrotask(() => {
        call.shutDown();
      });
    else call.start();
    return call;
  }

  ping(target: string): Promise<number> {
    const uri = parseUri(target);
    if (uri?.scheme !== 'sip' || this.#closed) return Promise.resolve(400);
    const core = this.#core;
    const request = createRequest({ method: 'OPTIONS', uri: target }, [
      ['Max-Forwards', '70'],
      ['From', `<${core.contact}>;tag=${core.newTag()}`],
      ['To', `<${target}>`],
      ['Call-ID', randomHex(core.random, 16)],
      ['CSeq', '1 OPTIONS'],
      ['User-Agent', core.name],
    ]);
    return new Promise((resolve) => {
      core.send(request, uri, {
        onResponse: ({ status }) => {
          if (status >= 200) resolve(status);
        },
        onTimeout: () => {
          resolve(408);
        },
        onTransportError: () => {
          resolve(503);
        },
      });
    });
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
    const verdict = this.#authorize(facts);
    if (!verdict.allow) {
      const { status, reason } = verdict;
      const { pairs } = extraHeaders(verdict.headers);
      const parts = { status, toTag, headers: pairs, ...(reason === undefined ? {} : { reason }) };
      respondSafely(this.#core, transaction, parts);
      return;
    }
    const refused = unsupported(request);
    if (refused !== undefined) {
      transaction.respond({ ...refused, toTag });
      return;
    }
    switch (request.method) {
      case 'INVITE':
        this.#receiveInvite(transaction, facts, { context: verdict.context, localTag: toTag });
        return;
      case 'OPTIONS':
        transaction.respond({ ...(this.#draining ? { status: 503 } : optionsReply(this.#core)), toTag });
        return;
      case 'BYE':
      case 'INFO':
        transaction.respond({ status: 481, toTag });
        return;
      default:
        // Section 8.2.1.
        transaction.respond({ status: 405, toTag, headers: [['Allow', ALLOW]] });
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

  #receiveInvite(
    transaction: ServerTransaction,
    facts: RequestFacts,
    accepted: { readonly context: C; readonly localTag: string },
  ): void {
    const { localTag: toTag } = accepted;
    if (this.#draining) {
      transaction.respond({ status: 503, toTag, headers: [['Retry-After', '5']] });
      return;
    }
    const dialog = Dialog.ofRequest(transaction.request, { localTag: toTag, contact: this.#core.contact });
    if (dialog === undefined) {
      transaction.respond({ status: 400, reason: why(transaction.request), toTag });
      return;
    }
    const call = new ReceivedCall(this.#core, { transaction, dialog }, facts, accepted.context);
    try {
      this.#handlers.onInvite(call);
    } catch (error) {
      this.#core.log.error({ err: error, callId: facts.callId }, 'the SIP onInvite handler failed: answering 500');
      call.reject(500);
    }
  }
}

/** Section 8.1.1.8: an INVITE needs exactly one Contact. */
function why(request: SipRequest): string {
  return request.contact === undefined ? 'Bad Request (Contact is missing)' : 'Bad Request (Record-Route is malformed)';
}
