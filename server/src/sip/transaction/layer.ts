import { randomHex } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { checkMessage, formatHost, parseMessage, refusal, reasonPhrase, serialize } from '../message/index.ts';
import type { HeaderPair, ParsedMessage, Problem, SipRequest, SipResponse } from '../message/index.ts';
import { responseDestination, stampSource } from '../transport/index.ts';
import type { Endpoint, Transport } from '../transport/index.ts';
import { cancelFor, responseTo } from './build.ts';
import type { ResponseParts } from './build.ts';
import { ClientTransaction } from './client.ts';
import type { ClientUser, TransactionContext } from './client.ts';
import { MAGIC_COOKIE, clientKey, mergeKey, responseKey, serverKey } from './keys.ts';
import { ServerTransaction } from './server.ts';
import { DEFAULT_TIMERS } from './timers.ts';
import type { TransactionTimers } from './timers.ts';

/** The transaction user above the layer. */
export interface LayerUser {
  /** A new request that is well-formed, not merged, no ACK and no CANCEL. It must be answered. */
  onRequest(transaction: ServerTransaction): void;
  /** An ACK of a 2xx. */
  onAck(ack: SipRequest): void;
}

export interface LayerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timers?: Partial<TransactionTimers>;
  readonly maxTransactions?: number;
}

/**
 * The transaction table: matches what arrives with its transaction, creates server transactions, answers by itself what
 * never reaches a user (malformed, merged, CANCEL, overload). Lifetime: from creation to `close()`.
 */
export class TransactionLayer {
  readonly timers: TransactionTimers;
  readonly #options: LayerOptions;
  readonly #context: TransactionContext;
  readonly #max: number;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  /** Server transaction key by merge key, for requests outside dialogs. */
  readonly #merges = new Map<string, string>();
  #user: LayerUser | undefined;

  constructor(options: LayerOptions) {
    this.#options = options;
    this.timers = { ...DEFAULT_TIMERS, ...options.timers };
    this.#context = { transport: options.transport, clock: options.clock, timers: this.timers };
    this.#max = options.maxTransactions ?? 100_000;
  }

  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Starts receiving. */
  listen(user: LayerUser): void {
    this.#user = user;
    this.#options.transport.onPacket((bytes, source) => {
      this.#receive(bytes, source);
    });
  }

  /** Starts a client transaction: puts our Via on top of the request. */
  request(request: SipRequest, destination: Endpoint, user: ClientUser): ClientTransaction {
    const branch = `${MAGIC_COOKIE}${randomHex(this.#options.random, 12)}`;
    request.headers.prepend('Via', this.#via(branch));
    return this.#start({ request, destination }, clientKey(branch, request.method), user);
  }

  /** CANCEL for an INVITE of ours, in a transaction of its own with the INVITE's branch (section 9.1). */
  cancel(invite: ClientTransaction, extra: readonly HeaderPair[], user: ClientUser): void {
    const request = cancelFor(invite.request, extra);
    const branch = request.via?.params.get('branch') ?? '';
    this.#start({ request, destination: invite.destination }, clientKey(branch, 'CANCEL'), user);
  }

  /** Sends an ACK of a 2xx, which has no transaction (section 13.2.2.4). Returns its bytes for later repetition. */
  sendAck(ack: SipRequest, destination: Endpoint): Buffer {
    ack.headers.prepend('Via', this.#via(`${MAGIC_COOKIE}${randomHex(this.#options.random, 12)}`));
    const bytes = serialize(ack);
    this.#options.transport.send(bytes, destination);
    return bytes;
  }

  /** Sends an ACK again as it was. */
  repeatAck(bytes: Buffer, destination: Endpoint): void {
    this.#options.transport.send(bytes, destination);
  }

  /** Cancels every timer and forgets everything; says nothing to users and peers. Idempotent. */
  close(): void {
    this.#user = undefined;
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) transaction.close();
  }

  #via(branch: string): string {
    const { protocol, address, port } = this.#options.transport.advertised;
    return `SIP/2.0/${protocol.toUpperCase()} ${formatHost(address)}:${port};branch=${branch};rport`;
  }

  #start(outgoing: { request: SipRequest; destination: Endpoint }, key: string, user: ClientUser): ClientTransaction {
    const transaction = new ClientTransaction(this.#context, outgoing, user, () => {
      this.#clients.delete(key);
    });
    this.#clients.set(key, transaction);
    transaction.dispatch({ kind: 'start' });
    return transaction;
  }

  #receive(bytes: Buffer, source: Endpoint): void {
    const parsed = parseMessage(bytes);
    if (parsed === undefined || this.#user === undefined) return;
    if (parsed.kind === 'response') this.#receiveResponse(parsed, parsed.message);
    else this.#receiveRequest(parsed, parsed.message, source);
  }

  /** Responses without a transaction are dropped: RFC 6026 section 8.1. */
  #receiveResponse(parsed: ParsedMessage, response: SipResponse): void {
    if (refusal(checkMessage(parsed)) !== undefined) return;
    this.#clients.get(responseKey(response))?.dispatch({ kind: 'response', response });
  }

  #receiveRequest(parsed: ParsedMessage, request: SipRequest, source: Endpoint): void {
    stampSource(request, source);
    const refused = refusal(checkMessage(parsed));
    if (refused !== undefined) {
      this.#refuse(request, source, refused);
      return;
    }
    const known = this.#servers.get(serverKey(request));
    if (request.method === 'ACK') {
      if (known === undefined) this.#user?.onAck(request);
      else known.receiveAck(request);
    } else if (known !== undefined) known.dispatch({ kind: 'request' });
    else this.#open(request, source);
  }

  #open(request: SipRequest, source: Endpoint): void {
    // Requests inside dialogs pass for longer than new ones: ending calls relieves us.
    if (this.size >= (request.toTag === undefined ? this.#max : this.#max * 2)) {
      this.#answerStateless(request, source, { status: 503, headers: [['Retry-After', '5']] });
      return;
    }
    const key = serverKey(request);
    const merge = request.toTag === undefined && request.method !== 'CANCEL' ? mergeKey(request) : undefined;
    // Section 8.2.2.2: the same request over another path.
    const merged = merge !== undefined && this.#merges.has(merge);
    const transaction = new ServerTransaction(
      this.#context,
      { request, source },
      {
        terminated: () => {
          this.#servers.delete(key);
          if (merge !== undefined && this.#merges.get(merge) === key) this.#merges.delete(merge);
        },
        acked: (ack) => this.#user?.onAck(ack),
      },
    );
    this.#servers.set(key, transaction);
    if (merged) transaction.respond({ status: 482, toTag: this.#tag() });
    else if (request.method === 'CANCEL') this.#cancelled(transaction);
    else {
      if (merge !== undefined) this.#merges.set(merge, key);
      this.#user?.onRequest(transaction);
    }
  }

  /** Section 9.2. */
  #cancelled(cancel: ServerTransaction): void {
    const invite = this.#servers.get(serverKey(cancel.request, 'INVITE'));
    cancel.respond({ status: invite === undefined ? 481 : 200, toTag: this.#tag() });
    if (invite !== undefined && invite.finalStatus === undefined) invite.user.onCancel?.(cancel.request);
  }

  #refuse(request: SipRequest, source: Endpoint, refused: { status: number; problem: Problem }): void {
    const { status, problem } = refused;
    this.#options.log.debug({ source, problem, method: request.method }, 'refused a malformed SIP request');
    // An ACK is never answered.
    if (request.method === 'ACK') return;
    const why = problem.header === '' ? problem.message : `${problem.header}: ${problem.message}`;
    this.#answerStateless(request, source, { status, reason: `${reasonPhrase(status)} (${why})` });
  }

  #answerStateless(request: SipRequest, source: Endpoint, parts: ResponseParts): void {
    const { via } = request;
    const destination = via === undefined ? source : responseDestination(via, source);
    this.#options.transport.send(serialize(responseTo(request, { toTag: this.#tag(), ...parts })), destination);
  }

  #tag(): string {
    return randomHex(this.#options.random, 8);
  }
}
