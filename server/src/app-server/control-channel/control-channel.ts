import { controlClientFrameSchema } from '@hookswitch/shared';
import type { ControlClientFrame, ControlServerFrame } from '@hookswitch/shared';
import { backoffDelay } from '../../kernel/index.ts';
import type { Clock, Log, Random, Timer } from '../../kernel/index.ts';
import type { InstructionRequest, InstructionResponse } from '../../calls/ports.ts';
import type { RequestOptions } from '../request-options.ts';
import type { UpgradeRequests } from '../upgrade-requests.ts';
import { problemOf, requestOf } from './commands.ts';
import type { ControlCommand } from './commands.ts';
import type { ControlCall, ControlSocket, ControlSockets } from './ports.ts';

export interface ChannelParts {
  readonly sockets: ControlSockets;
  readonly upgrades: UpgradeRequests;
  readonly control: ControlCall;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The call that a channel is for. */
export interface ChannelCall {
  readonly accountSid: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly options: RequestOptions;
}

/** Frames that wait for a connection; beyond it the oldest event goes. */
const MAX_WAITING = 500;
/** A far end that takes nothing is cut off, bytes. */
const MAX_BUFFERED = 1_048_576;
/** Commands under way at once, and frames that make no sense, before the connection is closed. */
const MAX_COMMANDS = 32;
const MAX_NONSENSE = 50;
/** A connection that is lost is tried again for this long, milliseconds. */
export const RECONNECT_MS = 30_000;
const CLOSE = { over: 1000, nonsense: 1008, slow: 1013 } as const;

type EventFrame = Extract<ControlServerFrame, { type: 'event' }>;
type RequestFrame = Extract<ControlServerFrame, { type: 'request' }>;

interface Pending {
  readonly frame: RequestFrame;
  readonly answer: (answer: Answer) => void;
}
/** `code` is undefined for a declined request. */
export type Answer =
  | Pick<Extract<InstructionResponse, { ok: true }>, 'ok' | 'contentType' | 'body'>
  | { readonly ok: false; readonly declined: boolean; readonly message: string };

/**
 * One call's connection to its application. Opened with the first request, opened again when it is lost, closed when the
 * call is over.
 */
export class ControlChannel {
  readonly call: ChannelCall;
  readonly #parts: ChannelParts;
  readonly #onLost: () => void;
  readonly #pending = new Map<string, Pending>();
  #waiting: EventFrame[] = [];
  #socket: ControlSocket | undefined;
  #isOpen = false;
  #connections = 0;
  #attempts = 0;
  #lostAt: number | undefined;
  #retry: Timer | undefined;
  #requests = 0;
  #commands = 0;
  #nonsense = 0;
  #over = false;

  /** @param onLost it could not be had (again): it is of no more use. Called once at most */
  constructor(parts: ChannelParts, call: ChannelCall, onLost: () => void) {
    this.#parts = parts;
    this.call = call;
    this.#onLost = onLost;
    void this.#connect();
  }

  /** Asks for instructions; the signal gives it up. @throws the signal's reason */
  ask(request: Pick<InstructionRequest, 'url' | 'method' | 'params'>, signal: AbortSignal): Promise<Answer> {
    this.#requests += 1;
    const id = `r${this.#requests}`;
    const { url, method, params } = request;
    const frame: RequestFrame = { type: 'request', id, url, method, params: { ...params } };
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = (): void => {
        this.#pending.delete(id);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const answer = (given: Answer): void => {
        this.#pending.delete(id);
        signal.removeEventListener('abort', onAbort);
        resolve(given);
      };
      if (this.#over) {
        answer({ ok: false, declined: false, message: 'the channel is closed' });
        return;
      }
      this.#pending.set(id, { frame, answer });
      if (this.#isOpen) this.#send(frame);
    });
  }

  event(event: EventFrame['event']): void {
    const frame: EventFrame = { type: 'event', event };
    if (this.#isOpen) this.#send(frame);
    else this.#waiting = [...this.#waiting, frame].slice(-MAX_WAITING);
  }

  /** The call is over: what was sent still arrives. Idempotent. */
  end(): void {
    this.#finish('the call is over');
  }

  async #connect(): Promise<void> {
    const { upgrades, sockets } = this.#parts;
    const { accountSid, callSid, from, to, url, options } = this.call;
    const upgrade = await upgrades.begin({ accountSid, callSid, from, to, url });
    if (this.#over || upgrade === undefined) return;
    const { url: address, headers } = upgrade;
    this.#socket = sockets.open(
      { url: address, headers, connectMs: options.connectMs },
      {
        upgraded: (setCookies) => void upgrade.keep(setCookies),
        opened: () => {
          this.#opened();
        },
        text: (text) => {
          this.#text(text);
        },
        closed: (why) => {
          this.#closed(why);
        },
      },
    );
  }

  #opened(): void {
    const { accountSid, callSid, from, to } = this.call;
    this.#isOpen = true;
    this.#lostAt = undefined;
    this.#attempts = 0;
    this.#connections += 1;
    this.#send({ type: 'hello', accountSid, callSid, from, to, resumed: this.#connections > 1 });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frame of waiting) this.#send(frame);
    for (const { frame } of this.#pending.values()) this.#send(frame);
  }

  #closed(why: string): void {
    const { clock, random, log } = this.#parts;
    const { callSid, options } = this.call;
    this.#isOpen = false;
    this.#socket = undefined;
    if (this.#over) return;
    this.#lostAt ??= clock.monotonic();
    this.#attempts += 1;
    const isFirst = this.#connections === 0;
    const isUp = isFirst ? this.#attempts > options.retries : clock.monotonic() - this.#lostAt > RECONNECT_MS;
    log.info({ callSid, attempt: this.#attempts }, `the control channel is not connected: ${why}`);
    if (isUp) {
      this.#finish(why);
      this.#onLost();
      return;
    }
    this.#retry = clock.setTimer(
      isFirst ? 200 : backoffDelay(this.#attempts, random, { baseMs: 100, maxMs: 5000 }),
      () => {
        void this.#connect();
      },
    );
  }

  #finish(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#isOpen = false;
    this.#retry?.cancel();
    this.#socket?.close(CLOSE.over);
    for (const { answer } of [...this.#pending.values()]) answer({ ok: false, declined: false, message: why });
    this.#waiting = [];
  }

  #send(frame: ControlServerFrame): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.send(JSON.stringify(frame));
    if (socket.bufferedBytes > MAX_BUFFERED) this.#cut(CLOSE.slow, 'the application takes nothing');
  }

  #cut(code: number, why: string): void {
    this.#socket?.close(code);
    this.#closed(why);
  }

  #text(text: string): void {
    const frame = frameOf(text);
    if (typeof frame === 'string') {
      this.#nonsense += 1;
      this.#send({ type: 'problem', message: frame });
      if (this.#nonsense > MAX_NONSENSE) this.#cut(CLOSE.nonsense, 'the application sends what is no frame');
    } else if (frame.type === 'instructions') this.#instructions(frame);
    else if (frame.type === 'decline') {
      const message = `the application declined: ${frame.reason ?? 'no reason given'}`;
      this.#pending.get(frame.id)?.answer({ ok: false, declined: true, message });
    } else void this.#command(frame);
  }

  #instructions({ id, instructions, twiml }: Extract<ControlClientFrame, { type: 'instructions' }>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) this.#send({ type: 'problem', message: `no request ${id} waits for instructions` });
    else if (twiml !== undefined) pending.answer({ ok: true, contentType: 'text/xml', body: twiml });
    else pending.answer({ ok: true, contentType: 'application/json', body: JSON.stringify(instructions ?? []) });
  }

  async #command(command: ControlCommand): Promise<void> {
    const { id } = command;
    const result = (problem: string | undefined): void => {
      if (this.#isOpen)
        this.#send({ type: 'result', id, ok: problem === undefined, ...(problem === undefined ? {} : { problem }) });
    };
    const { accountSid, callSid, url } = this.call;
    const request = requestOf(command, { accountSid, callSid, url: httpUrl(url) });
    if (typeof request === 'string') result(request);
    else if (this.#commands >= MAX_COMMANDS) result('too many commands at once');
    else {
      this.#commands += 1;
      const reply = await this.#parts.control(request);
      this.#commands -= 1;
      result(problemOf(reply));
    }
  }
}

/** The `http:` address of a `ws:` one, without fragment: what is relative to it stays within its origin. */
export function httpUrl(url: string): string {
  return url.replace(/^ws(s?):/i, 'http$1:').replace(/#.*$/, '');
}

function frameOf(text: string): ControlClientFrame | string {
  try {
    const parsed = controlClientFrameSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return `not a frame: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim();
  } catch {
    return 'not JSON';
  }
}
