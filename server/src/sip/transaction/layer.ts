import { randomHex } from '../../kernel/index.ts';
import { checkMessage, formatHost, parseMessage, refusal, reasonPhrase, serialize } from '../message/index.ts';
import type { AnyMessage, HeaderPair, ParsedMessage, Problem, SipRequest, SipResponse } from '../message/index.ts';
import { responseDestination, stampSource } from '../transport/index.ts';
import type { Endpoint } from '../transport/index.ts';
import { cancelFor, responseTo } from './build.ts';
import type { ResponseParts } from './build.ts';
import { ClientTransaction } from './client.ts';
import type { ClientUser, CompletedClient, Outgoing, TransactionContext } from './client.ts';
import { CompletedTransactions } from './completed.ts';
import { KeptBytes } from './kept-bytes.ts';
import { MAGIC_COOKIE, clientKey, detached, mergeKey, responseKey, serverKey } from './keys.ts';
import { FlowIndex } from './flow-index.ts';
import { MessageCounters } from './counters.ts';
import type { LayerStats } from './counters.ts';
import type { LayerOptions, LayerUser } from './api.ts';
import { ServerTransaction } from './server.ts';
import type { CompletedServer } from './server.ts';
import { DEFAULT_TIMERS } from './timers.ts';
import type { TransactionTimers } from './timers.ts';

/** Less text than the peer's log shows would not say whose trouble it is. */
const NO_ROOM: readonly HeaderPair[] = [
  ['Retry-After', '5'],
  ['Reason', 'Q.850;cause=42;text="More calls come than this server has room for: try another one, or later"'],
];

/** An INVITE that begins a call and does not take another one's place: that one is under way. */
function isNewCall(request: SipRequest): boolean {
  return request.method === 'INVITE' && request.toTag === undefined && !request.headers.has('replaces');
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
  readonly #completedClients: CompletedTransactions<CompletedClient>;
  readonly #completedServers: CompletedTransactions<CompletedServer>;
  readonly #keptAnswers = new KeptBytes();
  /** Server transaction key by merge key, for requests outside dialogs. */
  readonly #merges = new Map<string, string>();
  readonly #flows = new FlowIndex();
  readonly #counters: MessageCounters;
  #user: LayerUser | undefined;

  constructor(options: LayerOptions) {
    this.#options = options;
    this.timers = { ...DEFAULT_TIMERS, ...options.timers };
    this.#context = {
      wire: {
        isReliable: ({ protocol }) => options.transport.isReliable(protocol),
        send: (outgoing) => this.#send(outgoing),
        probe: (destination, refused) => {
          options.transport.probe(destination, refused);
        },
      },
      clock: options.clock,
      timers: this.timers,
    };
    this.#max = options.maxTransactions ?? 100_000;
    this.#counters = new MessageCounters(options.metrics, {
      kept: () => this.size,
      completed: () => this.size - this.#live,
    });
    const kept = {
      clock: options.clock,
      max: options.maxCompleted ?? 250_000,
      crowdedOut: () => {
        this.#counters.forgotten();
      },
    };
    this.#completedClients = new CompletedTransactions(kept);
    this.#completedServers = new CompletedTransactions({
      ...kept,
      gone: (completed) => {
        this.#unmerge(completed.merge, completed.key);
      },
    });
  }

  get stats(): LayerStats {
    return this.#counters.stats;
  }

  /** Transactions that are kept, completed ones included. */
  get size(): number {
    return this.#live + this.#completedClients.size + this.#completedServers.size;
  }

  get #live(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Starts receiving. */
  listen(user: LayerUser): void {
    this.#user = user;
    this.#options.transport.onPacket((bytes, source, fault) => {
      this.#receive(bytes, source, fault);
    });
    this.#options.transport.onFlowClosed((flow, error) => {
      this.#flows.closed(flow, error);
    });
  }

  /** Starts a client transaction: puts our Via on top of the request. */
  request(request: SipRequest, destination: Endpoint, user: ClientUser): ClientTransaction {
    const branch = `${MAGIC_COOKIE}${randomHex(this.#options.random, 12)}`;
    request.headers.prepend('Via', this.#via(branch, destination));
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
    ack.headers.prepend('Via', this.#via(`${MAGIC_COOKIE}${randomHex(this.#options.random, 12)}`, destination));
    const bytes = serialize(ack);
    this.#send({ message: ack, bytes, destination });
    return bytes;
  }

  /** Sends an ACK again as it was. */
  repeatAck(bytes: Buffer, destination: Endpoint): void {
    const message = parseMessage(bytes)?.message;
    if (message !== undefined) this.#send({ message, bytes, destination, again: true });
  }

  /** Cancels every timer and forgets everything; says nothing to users and peers. Idempotent. */
  close(): void {
    this.#user = undefined;
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) transaction.close();
    this.#completedClients.clear();
    this.#completedServers.clear();
    this.#merges.clear();
  }

  #via(branch: string, destination: Endpoint): string {
    const { protocol, address, port } = this.#options.transport.advertisedFor(
      destination.protocol,
      destination.address,
    );
    return `SIP/2.0/${protocol.toUpperCase()} ${formatHost(address)}:${port};branch=${branch};rport`;
  }

  #start(outgoing: { request: SipRequest; destination: Endpoint }, name: string, user: ClientUser): ClientTransaction {
    const key = detached(name);
    let left: CompletedClient | undefined;
    const leave = (): void => {
      if (this.#clients.get(key) !== transaction) return;
      this.#clients.delete(key);
      this.#flows.remove(transaction);
    };
    const transaction = new ClientTransaction(this.#context, outgoing, user, {
      completed: (what, keepMs) => {
        leave();
        left = { key, ...what };
        this.#completedClients.add(left, keepMs);
      },
      terminated: () => {
        leave();
        if (left !== undefined) this.#completedClients.delete(left);
      },
    });
    this.#clients.set(key, transaction);
    transaction.dispatch({ kind: 'start' });
    if (this.#clients.get(key) === transaction) this.#flows.add(transaction);
    return transaction;
  }

  #receive(bytes: Buffer, source: Endpoint, fault?: { readonly status: number; readonly reason: string }): void {
    const parsed = parseMessage(bytes);
    this.#note('in', parsed?.message, { bytes, remote: source });
    if (parsed === undefined || this.#user === undefined) return;
    if (fault !== undefined) this.#receiveFault(parsed, source, fault);
    else if (parsed.kind === 'response') this.#receiveResponse(parsed, parsed.message);
    else this.#receiveRequest(parsed, parsed.message, source);
  }

  /** A message that its stream cannot be read beyond (section 18.3): a request is told, a response is dropped. */
  #receiveFault(
    parsed: ParsedMessage,
    source: Endpoint,
    fault: { readonly status: number; readonly reason: string },
  ): void {
    this.#options.log.debug({ source, ...fault }, 'refused a SIP stream');
    if (parsed.kind === 'response' || parsed.message.method === 'ACK') return;
    stampSource(parsed.message, source);
    this.#answerStateless(parsed.message, source, fault);
  }

  /** Responses without a transaction are dropped: RFC 6026 section 8.1. */
  #receiveResponse(parsed: ParsedMessage, response: SipResponse): void {
    if (refusal(checkMessage(parsed)) !== undefined) return;
    const key = responseKey(response);
    const live = this.#clients.get(key);
    if (live !== undefined) {
      live.dispatch({ kind: 'response', response });
      return;
    }
    const completed = this.#completedClients.get(key);
    if (completed?.user !== undefined && response.status >= 200 && response.status < 300)
      completed.user.onResponse(response);
    // That it cannot be sent changes nothing any more: its user has the final response.
    else if (completed?.ack !== undefined && response.status >= 300)
      this.repeatAck(completed.ack.bytes, completed.ack.destination);
  }

  #receiveRequest(parsed: ParsedMessage, request: SipRequest, source: Endpoint): void {
    stampSource(request, source);
    const refused = refusal(checkMessage(parsed));
    if (refused !== undefined) {
      this.#refuse(request, source, refused);
      return;
    }
    const key = serverKey(request);
    const known = this.#servers.get(key);
    const completed = known === undefined ? this.#completedServers.get(key) : undefined;
    if (request.method === 'ACK') {
      if (known !== undefined) known.receiveAck(request);
      else if (completed === undefined || completed.passesAck) this.#user?.onAck(request);
    } else if (known !== undefined) known.dispatch({ kind: 'request' });
    else if (completed !== undefined) this.#repeat(completed, request, source);
    else this.#open(request, source, key);
  }

  /** The request of a completed transaction came again. */
  #repeat({ answer }: CompletedServer, { via }: SipRequest, source: Endpoint): void {
    const message = answer === undefined ? undefined : parseMessage(answer)?.message;
    if (answer === undefined || message === undefined) return;
    const destination = via === undefined ? source : responseDestination(via, source);
    this.#send({ message, bytes: answer, destination, again: true });
  }

  #open(request: SipRequest, source: Endpoint, name: string): void {
    // Requests inside dialogs pass for longer than new ones: ending calls relieves us.
    if (this.#live >= (request.toTag === undefined ? this.#max : this.#max * 2)) {
      this.#answerStateless(request, source, { status: 503, headers: [['Retry-After', '5']] });
      return;
    }
    if (isNewCall(request) && this.#options.gate?.admits(name) === false) {
      this.#answerStateless(request, source, { status: 503, headers: NO_ROOM });
      return;
    }
    const key = detached(name);
    const merge = request.toTag === undefined && request.method !== 'CANCEL' ? detached(mergeKey(request)) : undefined;
    // Section 8.2.2.2: the same request over another path.
    const merged = merge !== undefined && this.#merges.has(merge);
    let left: CompletedServer | undefined;
    const answered = isNewCall(request) ? this.#options.gate?.waits() : undefined;
    const leave = (): boolean => this.#servers.get(key) === transaction && this.#servers.delete(key);
    const transaction = new ServerTransaction(
      this.#context,
      { request, source },
      {
        completed: ({ answer, ...rest }, keepMs) => {
          leave();
          left = { key, merge, answer: answer && this.#keptAnswers.keep(answer), ...rest };
          this.#completedServers.add(left, keepMs);
        },
        answered: () => {
          answered?.();
        },
        terminated: () => {
          answered?.();
          if (leave()) this.#unmerge(merge, key);
          else if (left !== undefined) this.#completedServers.delete(left);
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

  #unmerge(merge: string | undefined, key: string): void {
    if (merge !== undefined && this.#merges.get(merge) === key) this.#merges.delete(merge);
  }

  /** Section 9.2. */
  #cancelled(cancel: ServerTransaction): void {
    const key = serverKey(cancel.request, 'INVITE');
    const invite = this.#servers.get(key);
    const known = invite ?? this.#completedServers.get(key);
    cancel.respond({ status: known === undefined ? 481 : 200, toTag: known?.localTag ?? this.#tag() });
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
    const response = responseTo(request, { toTag: this.#tag(), ...parts });
    this.#send({ message: response, bytes: serialize(response), destination });
  }

  #send({ message, bytes, destination, again, failed }: Outgoing): string | undefined {
    if (again === true) this.#counters.retransmitted();
    this.#note('out', message, { bytes, remote: destination });
    return this.#options.transport.send(bytes, destination, failed);
  }

  /** Counts a message and shows it to the tap. */
  #note(
    direction: 'in' | 'out',
    message: AnyMessage | undefined,
    { bytes, remote }: { readonly bytes: Buffer; readonly remote: Endpoint },
  ): void {
    const { protocol } = remote;
    this.#counters.count(direction, protocol, message);
    const { tap, transport, log } = this.#options;
    if (tap === undefined) return;
    try {
      tap({ direction, protocol, local: transport.localFor(remote), remote, bytes, callId: message?.callId });
    } catch (error) {
      log.error({ err: error }, 'the tap of SIP messages failed');
    }
  }

  #tag(): string {
    return randomHex(this.#options.random, 8);
  }
}
