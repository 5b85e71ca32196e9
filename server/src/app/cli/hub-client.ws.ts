import { serverFrameSchema } from '@hookswitch/shared';
import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { RunState } from '../run-state.ts';
import { ServerAnswerError } from './operator-http.ts';

type Distribute<T> = T extends { id: number } ? Omit<T, 'id'> : never;
/** A command without its number. */
export type HubCommand = Distribute<ClientFrameInput>;

const ANSWER_MS = 10_000;
const anyFrame = z.looseObject({ type: z.string(), id: z.number().optional() });

/** One connection of the command line to the running server's hub, by the protocol that every client speaks. */
export class HubClient {
  readonly #socket: WebSocket;
  readonly #onFrame: (frame: ServerFrame) => void;
  readonly #asked = new Map<number, PromiseWithResolvers<ServerFrame>>();
  readonly #closed = Promise.withResolvers<string>();
  #next = 1;

  private constructor(socket: WebSocket, onFrame: (frame: ServerFrame) => void) {
    this.#socket = socket;
    this.#onFrame = onFrame;
    socket.on('message', (data: Buffer) => {
      for (const line of data.toString('utf8').split('\n')) if (line !== '') this.#received(line);
    });
    socket.on('error', (error) => {
      this.#end(`the server at ${socket.url} does not answer: ${error.message}`);
    });
    socket.on('close', (code, reason) => {
      this.#end(`the server closed the connection: ${code} ${reason.toString('utf8')}`.trim());
    });
  }

  /** @param onFrame events and notices, in order @throws ServerAnswerError */
  static async open(state: RunState, token: string, onFrame: (frame: ServerFrame) => void): Promise<HubClient> {
    // That very certificate, whatever name it is for: the run-state file vouches for it. False: nothing to object.
    const trusted = state.certificate === undefined ? {} : { ca: state.certificate, checkServerIdentity: () => false };
    const client = new HubClient(new WebSocket(state.gateway.ws, 'hookswitch.v1', trusted), onFrame);
    const opened = new Promise<void>((resolve) => {
      client.#socket.once('open', resolve);
    });
    await Promise.race([opened, client.#failure()]);
    await client.ask({ type: 'connect', token, client: 'hookswitch command line' });
    return client;
  }

  /** Why the connection ended. Never rejects. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** @throws ServerAnswerError when the server refuses, or gives no answer within 10 s */
  async ask(command: HubCommand): Promise<ServerFrame> {
    const id = this.#next++;
    const asked = Promise.withResolvers<ServerFrame>();
    this.#asked.set(id, asked);
    this.#socket.send(JSON.stringify({ ...command, id }));
    try {
      const late = AbortSignal.timeout(ANSWER_MS);
      late.addEventListener('abort', () => {
        asked.reject(new ServerAnswerError('unreachable', `no answer within ${ANSWER_MS / 1000} s`));
      });
      const answer = await Promise.race([asked.promise, this.#failure()]);
      if (answer.type === 'error') throw new ServerAnswerError('refused', `${answer.message} (${answer.code})`);
      return answer;
    } finally {
      asked.promise.catch(() => undefined);
      this.#asked.delete(id);
    }
  }

  close(): void {
    this.#socket.close(1000);
  }

  async #failure(): Promise<never> {
    throw new ServerAnswerError('unreachable', await this.#closed.promise);
  }

  #end(why: string): void {
    this.#closed.resolve(why);
  }

  #received(line: string): void {
    const parsed = serverFrameSchema.safeParse(anyFrame.parse(JSON.parse(line)));
    if (!parsed.success) return;
    const frame = parsed.data;
    if (frame.type === 'ping') {
      this.#socket.send(JSON.stringify({ type: 'pong', ...(frame.n === undefined ? {} : { n: frame.n }) }));
      return;
    }
    if (frame.type === 'disconnect') this.#end(`the server ended the connection: ${frame.code} ${frame.reason}`);
    const asked = 'id' in frame && frame.id !== undefined ? this.#asked.get(frame.id) : undefined;
    if (asked === undefined) this.#onFrame(frame);
    else asked.resolve(frame);
  }
}
