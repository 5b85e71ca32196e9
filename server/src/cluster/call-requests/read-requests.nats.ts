import { DeliverPolicy } from '@nats-io/jetstream';
import type { MsgRequest } from '@nats-io/jetstream';
import { z } from 'zod';
import type { Bus } from '../../bus/index.ts';
import type { Clock, Timer } from '../../kernel/index.ts';
import type { StoredRequest } from '../ports.ts';
import { orNone } from './api-errors.nats.ts';

/** Messages under way to this process at most: of 30 KB each they are what the server keeps for a client. */
const AHEAD = 2000;
/** How often it is looked whether something is left to be read, while the last message that there was has not come. */
const LOOK_MS = 500;
const ALL = 'hs.req.>';

/** What is used of the connection. */
interface RequestBus {
  readonly js: { readonly consumers: Pick<Bus['js']['consumers'], 'get'> };
  readonly ask: Bus['ask'];
  readonly clock: Clock;
}

export const messageSchema = z.object({
  accountSid: z.string(),
  callSid: z.string(),
  queuedAt: z.number(),
  order: z.unknown(),
  state: z.enum(['queued', 'claimed', 'dialling', 'over']),
  node: z.string().optional(),
  priority: z.number().optional(),
  startAt: z.number().optional(),
  expiresAt: z.number().optional(),
  use: z.object({ seconds: z.number(), legSeconds: z.number() }).optional(),
});

/** Undefined: it is none. */
export function requestIn(message: {
  readonly seq: number;
  readonly data: Uint8Array;
  json(): unknown;
}): StoredRequest | undefined {
  const { seq: revision, data } = message;
  const parsed = messageSchema.safeParse(message.json());
  return parsed.success ? { ...parsed.data, order: parsed.data.order, bytes: data.length, revision } : undefined;
}

/**
 * Every request of a stream and every change from then on, until the signal aborts.
 *
 * @param caughtUp called once, when what the stream held at the beginning has been read: when the message that was its last
 *   one then has come, or one after it, or when there is none any more between what was read and that one.
 */
export async function* readRequests(
  { bus, stream }: { readonly bus: RequestBus; readonly stream: string },
  signal: AbortSignal,
  caughtUp: () => void,
): AsyncGenerator<StoredRequest, void, undefined> {
  const last = await seqOf(bus, stream, { last_by_subj: ALL });
  const consumer = await bus.js.consumers.get(stream, { deliver_policy: DeliverPolicy.All });
  const messages = await consumer.consume({ max_messages: AHEAD });
  const isOver = (): boolean => signal.aborted;
  const stop = (): void => {
    void messages.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  const mark = new Mark({ bus, stream, last, caughtUp });
  try {
    if (isOver()) return;
    for await (const message of messages) {
      if (isOver()) return;
      const request = requestIn(message);
      if (request !== undefined) yield request;
      mark.passed(message.seq);
    }
  } finally {
    mark.close();
    signal.removeEventListener('abort', stop);
    // Resolves when the reading ends, which has ended: nobody waits for it.
    messages.close().catch(() => undefined);
  }
}

/** @returns number of the message; 0: there is none */
async function seqOf(bus: RequestBus, stream: string, query: MsgRequest): Promise<number> {
  const message = await bus.ask((jsm) => jsm.streams.getMessage(stream, query)).catch(orNone);
  return message?.seq ?? 0;
}

interface MarkOptions {
  readonly bus: RequestBus;
  readonly stream: string;
  /** The last message of the stream at the beginning; 0: it was empty. */
  readonly last: number;
  readonly caughtUp: () => void;
}

/** Knows when what there was at the beginning has been read. */
class Mark {
  readonly #options: MarkOptions;
  #read = 0;
  #isReached = false;
  #timer: Timer | undefined;

  constructor(options: MarkOptions) {
    this.#options = options;
    if (options.last === 0) this.#reach();
    else this.#arm();
  }

  passed(seq: number): void {
    this.#read = seq;
    if (!this.#isReached && seq >= this.#options.last) this.#reach();
  }

  close(): void {
    this.#isReached = true;
    this.#timer?.cancel();
  }

  #reach(): void {
    this.close();
    this.#options.caughtUp();
  }

  /** What was left may have been deleted: nothing comes then that would tell. */
  #arm(): void {
    this.#timer = this.#options.bus.clock.setTimer(LOOK_MS, () => {
      this.#look()
        // Asked again: the server is away for a moment.
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isReached) this.#arm();
        });
    });
  }

  async #look(): Promise<void> {
    const { bus, stream, last } = this.#options;
    const read = this.#read;
    // The server's next message from a number on; the library's types know it for direct access alone.
    const query = { seq: read + 1, next_by_subj: ALL };
    const next = await seqOf(bus, stream, query);
    // Who reads on needs no help.
    if (!this.#isReached && read === this.#read && (next === 0 || next > last)) this.#reach();
  }
}
