/**
 * Clients that come back: a program with very many subscribers of one topic, each with its place in it. When its gateway
 * goes away a client connects to the next one at once and asks for what comes after its place; refused, it waits as it is
 * told, with jitter. It is the only topic of its account, so that sequences are consecutive: whatever is skipped was lost.
 *
 * Argument: {@link ResumersOptions} as JSON. Prints a line when all are subscribed; then each line that it reads, `reset` or
 * anything else, is answered with {@link ResumersReport}; `quit` ends it.
 */
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

export interface ResumersOptions {
  readonly ports: readonly number[];
  readonly clients: number;
  readonly token: string;
  readonly topic: string;
}

/** Since the last reset; times in milliseconds since then. */
export interface ResumersReport {
  readonly subscribed: number;
  /** Clients that have everything up to what was the newest event when they came back. */
  readonly caughtUp: number;
  readonly t50: number | null;
  readonly t99: number | null;
  readonly last: number | null;
  readonly lost: number;
  readonly duplicated: number;
  /** Told by a gateway that their place is gone. */
  readonly unrecovered: number;
  /** Connections that ended after their client was subscribed. */
  readonly ended: number;
  /** Attempts that a gateway turned down. */
  readonly refused: number;
  /** The place of the client that is furthest behind, and of the one that is furthest ahead. */
  readonly least: number;
  readonly most: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as ResumersOptions;
/** Attempts under way at once while the load builds up. */
const OPENING = 128;
const POSITION = /"position":\{"epoch":"([^"]*)","seq":(\d+)\}/;
const PING = /^\{"type":"ping"(?:,"n":(\d+))?\}$/;

let since = performance.now();
let [lost, duplicated, unrecovered, ended, refused] = [0, 0, 0, 0, 0];
let opened: (() => void) | undefined;

class Resumer {
  /** Sequence of the last event that it has; undefined before it was ever subscribed. */
  seq: number | undefined;
  subscribed = false;
  caughtUpAt: number | undefined;
  /** It was subscribed again since the last reset: an event of its old gateway's last moment is no return. */
  #returned = false;
  #epoch = '';
  #target = 0;
  #gateway = 0;
  #attempts = 0;

  connect(): void {
    const port = options.ports[this.#gateway % options.ports.length] ?? 0;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/hub`, 'hookswitch.v1', { perMessageDeflate: false });
    let retryAfterMs: number | undefined;
    socket.on('unexpected-response', (_request, response) => {
      refused += 1;
      retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1000;
      response.resume();
      socket.terminate();
    });
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'connect', id: 1, token: options.token }));
      const position = this.seq === undefined ? {} : { position: { epoch: this.#epoch, seq: this.seq } };
      socket.send(JSON.stringify({ type: 'subscribe', id: 2, topic: options.topic, ...position }));
    });
    socket.on('message', (data) => {
      const text = (data as Buffer).toString('utf8');
      if (text.startsWith('{"type":"event"')) this.#event(text);
      else retryAfterMs = this.#control(socket, text) ?? retryAfterMs;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.subscribed) ended += 1;
      const first = this.subscribed && this.#attempts === 0;
      this.subscribed = false;
      // Its own gateway is gone: the next one is tried without delay.
      if (this.seq !== undefined && first) this.#gateway += 1;
      const wait = retryAfterMs ?? Math.min(2000, 200 * 2 ** this.#attempts);
      this.#attempts += 1;
      setTimeout(
        () => {
          this.connect();
        },
        first && retryAfterMs === undefined ? 0 : wait * (1 + Math.random() / 2),
      );
    });
  }

  reset(): void {
    this.caughtUpAt = undefined;
    this.#returned = false;
  }

  #control(socket: WebSocket, text: string): number | undefined {
    const ping = PING.exec(text);
    if (ping !== null) socket.send(`{"type":"pong"${ping[1] === undefined ? '' : `,"n":${ping[1]}`}}`);
    else if (text.startsWith('{"type":"gap"') && text.includes('"recovered":false')) unrecovered += 1;
    else if (text.startsWith('{"type":"subscribed"')) this.#onSubscribed(text);
    else if (text.startsWith('{"type":"disconnect"')) return Number(/"retryAfterMs":(\d+)/.exec(text)?.[1] ?? 0);
    return undefined;
  }

  #onSubscribed(text: string): void {
    const [, epoch = '', seq] = POSITION.exec(text) ?? [];
    if (this.seq !== undefined && !text.includes('"recovered":true')) unrecovered += 1;
    this.#epoch = epoch;
    this.#target = Number(seq);
    this.seq ??= this.#target;
    this.subscribed = true;
    this.#returned = true;
    this.#attempts = 0;
    this.#look();
    opened?.();
  }

  #event(text: string): void {
    const seq = Number(POSITION.exec(text)?.[2]);
    const had = this.seq ?? 0;
    if (seq <= had) duplicated += 1;
    else {
      lost += seq - had - 1;
      this.seq = seq;
    }
    if (this.caughtUpAt === undefined) this.#look();
  }

  #look(): void {
    if (this.#returned && (this.seq ?? 0) >= this.#target) this.caughtUpAt ??= performance.now();
  }
}

const clients = Array.from({ length: options.clients }, () => new Resumer());

async function openAll(): Promise<void> {
  let [begun, done] = [0, 0];
  await new Promise<void>((resolve) => {
    const more = (): void => {
      while (begun < clients.length && begun - done < OPENING) clients[begun++]?.connect();
    };
    opened = () => {
      done += 1;
      if (done === clients.length) resolve();
      else more();
    };
    more();
  });
  opened = undefined;
}

function report(): ResumersReport {
  const times = clients
    .flatMap(({ caughtUpAt }) => (caughtUpAt === undefined ? [] : [caughtUpAt - since]))
    .sort((a, b) => a - b);
  // Of all clients: one that never came back is later than any.
  const at = (fraction: number): number | null => {
    const time = times[Math.ceil(clients.length * fraction) - 1];
    return time === undefined ? null : Math.round(time);
  };
  const places = clients.map(({ seq }) => seq ?? 0);
  return {
    subscribed: clients.filter(({ subscribed }) => subscribed).length,
    caughtUp: times.length,
    ...{ t50: at(0.5), t99: at(0.99), last: at(1) },
    ...{ lost, duplicated, unrecovered, ended, refused },
    least: Math.min(...places),
    most: Math.max(...places),
  };
}

function reset(): void {
  since = performance.now();
  [lost, duplicated, unrecovered, ended, refused] = [0, 0, 0, 0, 0];
  for (const client of clients) client.reset();
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

await openAll();
say({ subscribed: clients.length });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  if (line === 'reset') reset();
  say(report());
}
process.exit(0);
