import { CALL_MESSAGE_MAX_BYTES, sidFromHex } from '@hookswitch/shared';
import type { SidKind, SoftphonePush, SoftphoneRequest } from '@hookswitch/shared';
import type { InstructionResponse } from '../calls/ports.ts';
import { randomHex } from '../kernel/index.ts';
import { ClientLeg } from './client-leg.ts';
import type { HostContext } from './host-context.ts';
import { LegMessages, MESSAGE_LIMITS } from './leg-messages.ts';
import type { Made, MessageSubscription, TakenMessage } from './leg-messages.ts';
import type { LegCore } from './leg.ts';
import type { CallMessageReply, CallMessageRequest } from './ports.ts';
import { refusal } from './rpc-messages.ts';
import type { Reply } from './rpc-messages.ts';

type FromClient = Extract<SoftphoneRequest, { type: 'message' }>;
type AnswerPush = Extract<SoftphonePush, { type: 'message-answer' }>;
type Outcome = Pick<AnswerPush, 'answer' | 'problem'>;
type Of<K extends CallMessageRequest['kind']> = Extract<CallMessageRequest, { kind: K }>;

/** How long a request waits for its event to be stored, milliseconds: below the time that a node request has. */
const STORED_WITHIN_MS = 4000;
/** An answer is no larger than a message. */
const MAX_ANSWER = CALL_MESSAGE_MAX_BYTES;

/**
 * Messages between the softphone of a leg and the application (EV-7). Each is published as `call.message` and acknowledged once
 * that is stored; then it is handed on: the client's to the subscriptions of its leg and of the leg it was placed for, in order,
 * and the application's to the device.
 */
export class CallMessages {
  readonly #context: HostContext;
  readonly #legs = new Map<string, LegMessages>();

  constructor(context: HostContext) {
    this.#context = context;
  }

  /** Legs with messages or subscriptions, for leak checks. */
  get size(): number {
    return this.#legs.size;
  }

  /** A message of the device that holds the leg. Repeated with the same id it is answered again and stored once. */
  async fromClient(leg: ClientLeg, { messageId, content }: FromClient): Promise<Reply> {
    const messages = this.#of(leg.core);
    const known = messages.taken.get(messageId);
    if (known !== undefined) {
      if (known.answer !== undefined) leg.tell(known.answer);
      return this.#acknowledge(known);
    }
    const json = JSON.stringify(content);
    const bytes = Buffer.byteLength(json);
    if (bytes > CALL_MESSAGE_MAX_BYTES) {
      return refusal('payloadTooLarge', `a message has at most ${CALL_MESSAGE_MAX_BYTES} bytes of JSON, not ${bytes}`);
    }
    if (messages.isFull) {
      return refusal('limitExceeded', `${MESSAGE_LIMITS.waiting} messages wait for the application already`);
    }
    if (!messages.fromClient.take()) {
      return refusal('limitExceeded', `a call takes ${MESSAGE_LIMITS.perSecond} messages a second; send slower`);
    }
    const messageSid = this.#sid('callMessage');
    const stored = this.#publish(leg, { messageSid, sender: 'client', content });
    const taken: TakenMessage = { messageSid, stored, answer: undefined };
    messages.taken.set(messageId, taken);
    messages.inOrder(async () => {
      if ((await stored) === 'refused') {
        messages.taken.delete(messageId);
        return;
      }
      const outcome = await this.#ask(leg, { messageSid, json });
      taken.answer = { type: 'message-answer', callSid: leg.core.callSid, messageId, messageSid, ...outcome };
      leg.tell(taken.answer);
    });
    return this.#acknowledge(taken);
  }

  /** A request of the application, by REST. */
  handle(request: CallMessageRequest): Promise<CallMessageReply> | CallMessageReply {
    const leg = this.#context.table.get(request.callSid);
    if (leg?.core.call.accountSid !== request.accountSid) return { ok: false, reason: 'no-such-call' };
    const messages = this.#of(leg.core);
    const key = 'idempotencyKey' in request ? request.idempotencyKey : undefined;
    const known = key === undefined ? undefined : messages.keys.get(`${request.kind} ${key}`);
    if (known !== undefined) return this.#made(known);
    switch (request.kind) {
      case 'subscribe':
        return this.#subscribe(messages, request);
      case 'unsubscribe':
        if (!messages.subscriptions.delete(request.sid)) return { ok: false, reason: 'not-found' };
        return { ok: true, sid: request.sid, at: this.#context.clock.now() };
      case 'send':
        return this.#send(leg.core, messages, request);
    }
  }

  #subscribe(messages: LegMessages, request: Of<'subscribe'>): CallMessageReply {
    if (messages.subscriptions.size >= MESSAGE_LIMITS.subscriptions) {
      return {
        ok: false,
        reason: 'limit',
        message: `a call has at most ${MESSAGE_LIMITS.subscriptions} subscriptions`,
      };
    }
    const { url, method, idempotencyKey } = request;
    const sid = this.#sid('messageSubscription');
    const at = this.#context.clock.now();
    messages.subscriptions.set(sid, { sid, url, method });
    if (idempotencyKey !== undefined) {
      messages.keys.set(`subscribe ${idempotencyKey}`, { sid, at, stored: Promise.resolve('stored') });
    }
    return { ok: true, sid, at };
  }

  async #send(core: LegCore, messages: LegMessages, request: Of<'send'>): Promise<CallMessageReply> {
    const leg = this.#clientOf(core);
    if (leg === undefined) return { ok: false, reason: 'no-client' };
    if (!messages.toClient.take()) {
      return { ok: false, reason: 'limit', message: `a call takes ${MESSAGE_LIMITS.perSecond} messages a second` };
    }
    const { content, idempotencyKey } = request;
    const sid = this.#sid('callMessage');
    const key = `send ${idempotencyKey ?? sid}`;
    const { callSid } = leg.core;
    // Told even when the request no longer waits: the event is in the log, and subscribers have seen it.
    const stored = this.#publish(leg, { messageSid: sid, sender: 'application', content }).then((outcome) => {
      if (outcome === 'stored') leg.tell({ type: 'message', callSid, messageSid: sid, content });
      else messages.keys.delete(key);
      return outcome;
    });
    const made = { sid, at: this.#context.clock.now(), stored };
    if (idempotencyKey !== undefined) messages.keys.set(key, made);
    return await this.#made(made);
  }

  async #made({ sid, at, stored }: Made): Promise<CallMessageReply> {
    if ((await this.#inTime(stored)) === 'stored') return { ok: true, sid, at };
    const message = 'the message is not stored yet; repeat it with its IdempotencyKey';
    return { ok: false, reason: 'unavailable', message };
  }

  /** The leg's own client, or the one that talks for it: a message into a caller's leg goes to who answered. */
  #clientOf(core: LegCore): ClientLeg | undefined {
    const { table } = this.#context;
    const own = table.get(core.callSid);
    if (own instanceof ClientLeg) return own;
    return core.call.legs
      .filter(({ parentCallSid }) => parentCallSid === core.callSid)
      .map(({ callSid }) => table.get(callSid))
      .find((leg) => leg instanceof ClientLeg);
  }

  #publish(
    leg: ClientLeg,
    facts: { readonly messageSid: string; readonly sender: 'client' | 'application'; readonly content: unknown },
  ): Promise<'stored' | 'refused'> {
    const { core, owner } = leg;
    return new Promise((onSettled) => {
      const data = { ...core.eventFacts, ...facts, identity: owner.identity };
      const { accountSid } = core.call;
      this.#context.events.emit({ accountSid, type: 'call.message', subject: core.callSid, data, onSettled });
    });
  }

  async #acknowledge({ messageSid, stored }: TakenMessage): Promise<Reply> {
    const outcome = await this.#inTime(stored);
    if (outcome === 'stored') return { ok: true, result: { messageSid } };
    return refusal('unavailable', 'the message is not stored yet; repeat it with the same messageId');
  }

  /** Undefined: not settled in time. */
  #inTime(stored: Promise<'stored' | 'refused'>): Promise<'stored' | 'refused' | undefined> {
    return new Promise((resolve) => {
      const timer = this.#context.clock.setTimer(STORED_WITHIN_MS, () => {
        resolve(undefined);
      });
      void stored.then((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }

  /** Asks every subscription; the oldest one's answer is the answer. */
  async #ask(leg: ClientLeg, message: { readonly messageSid: string; readonly json: string }): Promise<Outcome> {
    const { instructions } = this.#context;
    const subscriptions = this.#subscriptionsOf(leg.core);
    if (instructions === undefined || subscriptions.length === 0) return {};
    const { accountSid } = leg.core.call;
    const { callSid } = leg.core;
    const never = new AbortController().signal;
    const answers = await Promise.all(
      subscriptions.map(({ sid, url, method }) => {
        const params = { ...paramsOf(leg), SubscriptionSid: sid, Sid: message.messageSid, Content: message.json };
        return instructions.fetch({ accountSid, callSid, url, method, params }, never);
      }),
    );
    const [first] = answers;
    return first === undefined ? {} : outcomeOf(first);
  }

  #subscriptionsOf({ callSid, parentCallSid }: LegCore): MessageSubscription[] {
    const parent = parentCallSid === undefined ? undefined : this.#legs.get(parentCallSid);
    return [...(this.#legs.get(callSid)?.subscriptions.values() ?? []), ...(parent?.subscriptions.values() ?? [])];
  }

  #of(core: LegCore): LegMessages {
    const known = this.#legs.get(core.callSid);
    if (known !== undefined) return known;
    const made = new LegMessages(this.#context.clock, core.log);
    this.#legs.set(core.callSid, made);
    core.defer(() => this.#legs.delete(core.callSid));
    return made;
  }

  #sid(kind: SidKind): string {
    return sidFromHex(kind, randomHex(this.#context.random, 16));
  }
}

/** Parameters of the callback beyond the message's own. */
function paramsOf({ core, owner }: ClientLeg): Record<string, string> {
  const { callSid, parentCallSid, from, to, applicationSid } = core.eventFacts;
  return {
    AccountSid: core.call.accountSid,
    ApiVersion: '2010-04-01',
    CallSid: callSid,
    ...(parentCallSid === undefined ? {} : { ParentCallSid: parentCallSid }),
    ...(applicationSid === undefined ? {} : { ApplicationSid: applicationSid }),
    From: from,
    To: to,
    Identity: owner.identity,
    ContentType: 'application/json',
  };
}

/** What the client is told of the application's answer. */
function outcomeOf(response: InstructionResponse): Outcome {
  if (!response.ok) return { problem: `the application was not reached: ${response.message}` };
  const { body, contentType } = response;
  if (body.trim() === '') return { answer: null };
  if (Buffer.byteLength(body) > MAX_ANSWER) {
    return { problem: `the application's answer is larger than ${MAX_ANSWER} bytes` };
  }
  try {
    return { answer: JSON.parse(body) as unknown };
  } catch {
    const kind = contentType === '' ? 'something without a content type' : contentType.slice(0, 100);
    return { problem: `the application answered ${kind}, which is no JSON` };
  }
}
