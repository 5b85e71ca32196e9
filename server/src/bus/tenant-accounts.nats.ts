import type { Msg, Subscription } from '@nats-io/transport-node';
import { describeError } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';
import { TENANT_REQUESTS, parseHistorySubject, parsePublishSubject } from './subjects.ts';

/** Answers to requests of tenants' backends, which come over the NATS accounts of the tenants. */
export interface TenantRequests {
  /** @param topic as it was written, under `app.`. @returns what is answered as JSON; a rejection is a fault of ours */
  publish(accountSid: string, topic: string, body: unknown): Promise<object>;
  history(accountSid: string, body: unknown): Promise<object>;
}

/** Requests that one process has in hand; more are answered at once as unavailable. */
const MAX_UNDER_WAY = 256;
/** An answer with its envelope has to fit a NATS message of 1 MB. */
const MAX_ANSWER_BYTES = 900 * 1024;

/**
 * Serves the requests that tenants' NATS accounts import. Each is answered by one process of the cluster. The account
 * comes from the subject, which a tenant's account cannot choose: it imports its own alone.
 */
export class TenantResponder {
  readonly #bus: Bus;
  readonly #requests: TenantRequests;
  readonly #subscriptions: readonly Subscription[];
  #underWay = 0;

  constructor(bus: Bus, requests: TenantRequests) {
    this.#bus = bus;
    this.#requests = requests;
    this.#subscriptions = Object.values(TENANT_REQUESTS).map((subject) =>
      bus.nc.subscribe(subject, {
        queue: 'hookswitch',
        callback: (error, msg) => {
          if (error === null) void this.#serve(msg);
        },
      }),
    );
  }

  close(): void {
    for (const subscription of this.#subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
  }

  async #serve(msg: Msg): Promise<void> {
    if (this.#underWay >= MAX_UNDER_WAY) {
      answer(msg, refusal('unavailable', 'too many requests at once; try again'));
      return;
    }
    this.#underWay += 1;
    try {
      answer(msg, await this.#answerTo(msg));
    } catch (error) {
      this.#bus.log.error({ err: error, subject: msg.subject }, `a tenant's request failed: ${describeError(error)}`);
      answer(msg, refusal('internal', 'internal error'));
    } finally {
      this.#underWay -= 1;
    }
  }

  #answerTo(msg: Msg): Promise<object> {
    let body: unknown;
    try {
      body = msg.data.byteLength === 0 ? {} : msg.json<unknown>();
    } catch {
      return Promise.resolve(refusal('badFrame', 'the message is not JSON'));
    }
    const address = parsePublishSubject(msg.subject);
    if (address !== undefined) return this.#requests.publish(address.account, address.topic, body);
    const account = parseHistorySubject(msg.subject);
    return account === undefined
      ? Promise.resolve(refusal('badTopic', 'the subject is not valid'))
      : this.#requests.history(account, body);
  }
}

const refusal = (name: string, message: string): object => ({ error: { name, message } });

function answer(msg: Msg, body: object): void {
  let text = JSON.stringify(body);
  if (Buffer.byteLength(text) > MAX_ANSWER_BYTES) {
    text = JSON.stringify(refusal('payloadTooLarge', 'the answer is too large; ask for fewer events'));
  }
  // Without a reply subject nobody waits.
  if (msg.reply !== undefined && msg.reply !== '') msg.respond(text);
}
