import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { z } from 'zod';
import { requestSubject } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { CallRequest, CallRequestStore, CallUse, RequestState, StoredRequest } from '../ports.ts';
import { isApi, orNone } from './api-errors.nats.ts';
import { CallRequestError } from './errors.ts';
import { readRequests, requestIn } from './read-requests.nats.ts';
import type { messageSchema } from './read-requests.nats.ts';

const STREAM = 'CALL_REQUESTS';
const SUBJECTS = 'hs.req.>';
/** Bytes of all requests, and of one. More requests are refused. */
const MAX_BYTES = 2 ** 30;
const MAX_REQUEST_BYTES = 128 * 1024;
/** The server's code for a message that a stream has no room for. */
const STORE_FAILED = 10_077;

/**
 * Requests in the stream CALL_REQUESTS, one message each under the subject of its call: a change replaces the message, and
 * is taken only when the message is still the one that was changed. The bus belongs to whoever made it.
 */
export class NatsCallRequests implements CallRequestStore {
  readonly #bus: Bus;

  private constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** @throws whatever the client library throws when the stream cannot be made */
  static async open(bus: Bus): Promise<NatsCallRequests> {
    const requests = new NatsCallRequests(bus);
    await requests.#ensure();
    return requests;
  }

  async submit(request: CallRequest): Promise<void> {
    const { accountSid, callSid, queuedAt, order, priority, startAt, expiresAt } = request;
    const stored = { accountSid, callSid, queuedAt, order, priority, startAt, expiresAt, state: 'queued' as const };
    const revision = await this.#write(stored, 0);
    if (revision === undefined) throw new CallRequestError('exists', `there is a request for call ${callSid} already`);
  }

  async cancel(accountSid: string, callSid: string): Promise<StoredRequest | undefined> {
    const request = await this.get(accountSid, callSid);
    if (request === undefined || request.state === 'dialling' || request.state === 'over') return undefined;
    return (await this.#write(over(request), request.revision)) === undefined ? undefined : request;
  }

  async move(request: StoredRequest, state: RequestState, node?: string): Promise<StoredRequest | undefined> {
    const { revision: before, bytes, ...rest } = request;
    const changed = { ...rest, state, node };
    const revision = await this.#write(changed, before);
    return revision === undefined ? undefined : { ...changed, bytes, revision };
  }

  async remove(accountSid: string, callSid: string, use?: CallUse): Promise<void> {
    await this.#write({ ...over({ accountSid, callSid }), use }, undefined);
  }

  async forget({ revision }: StoredRequest): Promise<void> {
    await this.#delete(revision);
  }

  async get(accountSid: string, callSid: string): Promise<StoredRequest | undefined> {
    const message = await this.#run((bus) =>
      bus
        .ask((jsm) => jsm.streams.getMessage(STREAM, { last_by_subj: requestSubject(accountSid, callSid) }))
        .catch(orNone),
    );
    return message === null ? undefined : requestIn(message);
  }

  async all(): Promise<StoredRequest[]> {
    const found: StoredRequest[] = [];
    const abort = new AbortController();
    const caughtUp = (): void => {
      abort.abort();
    };
    for await (const request of this.follow(abort.signal, caughtUp)) if (request.state !== 'over') found.push(request);
    return found;
  }

  async *follow(
    signal: AbortSignal,
    caughtUp: () => void = () => undefined,
  ): AsyncGenerator<StoredRequest, void, undefined> {
    await this.#run(() => this.#ensure());
    yield* readRequests({ bus: this.#bus, stream: STREAM }, signal, caughtUp);
  }

  /** @param revision undefined: whatever is stored. @returns undefined when the stored one is not `revision` */
  async #write(request: z.infer<typeof messageSchema>, revision: number | undefined): Promise<number | undefined> {
    const subject = requestSubject(request.accountSid, request.callSid);
    const payload = JSON.stringify(request);
    if (Buffer.byteLength(payload) > MAX_REQUEST_BYTES) {
      throw new CallRequestError('full', `a call request has at most ${MAX_REQUEST_BYTES} bytes`);
    }
    try {
      const ack = await this.#bus.js.publish(subject, payload, {
        ...(revision === undefined ? {} : { expect: { lastSubjectSequence: revision } }),
      });
      return ack.seq;
    } catch (error) {
      if (isApi(error, JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown)) {
        return undefined;
      }
      if (error instanceof JetStreamApiError && error.code === STORE_FAILED) {
        throw new CallRequestError('full', 'too many calls are waiting', { cause: error });
      }
      throw unavailable(error);
    }
  }

  async #delete(seq: number): Promise<boolean> {
    return await this.#run((bus) =>
      bus.jsm.streams.deleteMessage(STREAM, seq, false).catch((error: unknown) => {
        if (error instanceof JetStreamApiError) return false;
        throw error;
      }),
    );
  }

  async #run<T>(work: (bus: Bus) => Promise<T>): Promise<T> {
    try {
      return await work(this.#bus);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #ensure(): Promise<void> {
    const { jsm } = this.#bus;
    try {
      await jsm.streams.info(STREAM);
      return;
    } catch (error) {
      if (!isApi(error, JetStreamApiCodes.StreamNotFound)) throw error;
    }
    await jsm.streams.add({
      name: STREAM,
      description: 'Hookswitch: calls that were asked for',
      subjects: [SUBJECTS],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_bytes: MAX_BYTES,
      num_replicas: 1,
    });
  }
}

const over = (request: Pick<StoredRequest, 'accountSid' | 'callSid'>): z.infer<typeof messageSchema> => ({
  accountSid: request.accountSid,
  callSid: request.callSid,
  queuedAt: 0,
  order: null,
  state: 'over',
});

const unavailable = (cause: unknown): CallRequestError =>
  new CallRequestError('unavailable', `call requests cannot be reached: ${describeError(cause)}`, { cause });
