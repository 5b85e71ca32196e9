import { connect, createInbox, headers } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { LIVENESS, natsOptions } from './connection.nats.ts';

/** What the server said about one message. */
export type PublishResult =
  | { readonly kind: 'stored'; readonly stream: string; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string };

export interface PublishLinkOptions {
  readonly url: string;
  readonly name: string;
  readonly onResult: (number: number, result: PublishResult) => void;
  /** The connection is gone. Called once, also after `close()`. */
  readonly onClosed: () => void;
}

/**
 * One connection for publishing, without any reconnecting or buffering of its own: what was written to it went out in
 * exactly that order, and when it is gone nothing of it is ever sent again behind its user's back.
 */
export class PublishLink {
  readonly #nc: NatsConnection;
  readonly #inbox: string;

  private constructor(nc: NatsConnection, options: PublishLinkOptions) {
    this.#nc = nc;
    this.#inbox = createInbox();
    nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (error !== null) return;
        const number = Number(msg.subject.slice(this.#inbox.length + 1));
        options.onResult(number, readResult(msg));
      },
    });
    void nc.closed().then(options.onClosed);
  }

  static async open(options: PublishLinkOptions): Promise<PublishLink> {
    const nc = await connect({
      ...natsOptions(options.url),
      ...LIVENESS,
      name: options.name,
      // An error with a stack for every request costs as much as the request.
      noAsyncTraces: true,
      timeout: 5000,
      reconnect: false,
    });
    return new PublishLink(nc, options);
  }

  /** Largest payload that the server takes, bytes. */
  get maxPayload(): number {
    return this.#nc.info?.max_payload ?? 1024 * 1024;
  }

  /** Goes out at the end of this turn of the event loop. @throws when the connection is closed */
  send(number: number, message: { subject: string; messageId: string; payload: Uint8Array }): void {
    const h = headers();
    h.set('Nats-Msg-Id', message.messageId);
    this.#nc.publish(message.subject, message.payload, { reply: `${this.#inbox}.${number}`, headers: h });
  }

  close(): Promise<void> {
    return this.#nc.close();
  }
}

interface AckJson {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { err_code?: number; description?: string };
}

function readResult(msg: Msg): PublishResult {
  if (msg.headers !== undefined && msg.headers.code >= 300) {
    const { code } = msg.headers;
    return { kind: 'refused', code, message: code === 503 ? 'no stream takes this subject' : msg.headers.description };
  }
  let ack: AckJson;
  try {
    ack = msg.json<AckJson>();
  } catch {
    return { kind: 'refused', code: 0, message: 'the answer is not JSON' };
  }
  if (ack.error !== undefined || ack.stream === undefined || ack.seq === undefined) {
    return { kind: 'refused', code: ack.error?.err_code ?? 0, message: ack.error?.description ?? 'no sequence' };
  }
  return { kind: 'stored', stream: ack.stream, seq: ack.seq, duplicate: ack.duplicate === true };
}
