/**
 * The load client of the hub benchmarks where there is no C compiler: the same arguments, lines and figures as hub-load.c,
 * which says what they are. It takes several times the CPU for a message, so that rates which it reads are lower.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [portText = '0', countText = '0', path = '/', subprotocol = '-', kind = 'text', ...steps] = process.argv.slice(2);
const count = Number(countText);
const opcode = kind === 'binary' ? 2 : 1;
const IN_FLIGHT = 128;
const MARK = /#T(\d{16})#/g;
const PING = /^(42\["hs",)?\{"type":"ping"(?:,"n":(\d+))?\}\]?$/;

const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

let [received, bytes, reads, longestUs, started, ready, closed, stalled] = [0, 0, 0, 0, 0, 0, 0, 0];
let [progressEvery, progressNext] = [0, 0];
let ages: number[] = [];
const readers: Reader[] = [];
const from = nowUs();

class Reader {
  events = 0;
  stalled = false;
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #step = 0;

  constructor() {
    const protocol = subprotocol === '-' ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
    this.#socket = connect({ port: Number(portText), host: '127.0.0.1', noDelay: true });
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${protocol}\r\n`,
    );
    this.#socket.on('data', (chunk) => {
      this.#data(chunk);
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      closed += 1;
      if (this.#step >= steps.length && this.#upgraded) return;
      console.error(`hub-load: a connection was closed in step ${this.#step}`);
      process.exit(1);
    });
  }

  stall(): void {
    this.stalled = true;
    this.#socket.pause();
  }

  #data(chunk: Buffer): void {
    reads += 1;
    bytes += chunk.length;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (!this.#upgraded && !this.#upgrade()) return;
    for (let frame = this.#frame(); frame !== undefined; frame = this.#frame())
      this.#message(frame.opcode, frame.payload);
    tellProgress();
  }

  #upgrade(): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    if (this.#bytes.toString('latin1', 9, 12) !== '101') {
      console.error(`hub-load: the upgrade was refused: ${this.#bytes.toString('latin1', 0, 200)}`);
      process.exit(1);
    }
    this.#bytes = this.#bytes.subarray(end + 4);
    this.#upgraded = true;
    this.#advance();
    return true;
  }

  #frame(): { readonly opcode: number; readonly payload: Buffer } | undefined {
    const all = this.#bytes;
    if (all.length < 2) return undefined;
    const short = (all[1] ?? 0) & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (all.length < head) return undefined;
    const size = short < 126 ? short : short === 126 ? all.readUInt16BE(2) : Number(all.readBigUInt64BE(2));
    if (all.length < head + size) return undefined;
    this.#bytes = all.subarray(head + size);
    return { opcode: (all[0] ?? 0) & 15, payload: all.subarray(head, head + size) };
  }

  #message(op: number, payload: Buffer): void {
    if (op === 9) this.#put(10, payload);
    if (op > 2) return;
    const text = payload.toString('latin1');
    const ping = text.length < 60 ? PING.exec(text) : null;
    if (ping !== null) {
      const pong = `{"type":"pong"${ping[2] === undefined ? '' : `,"n":${ping[2]}`}}`;
      this.#put(1, Buffer.from(ping[1] === undefined ? pong : `${ping[1]}${pong}]`));
    } else if (text === '2') this.#put(1, Buffer.from('3'));
    else if (text.startsWith('PING\r\n')) this.#put(opcode, Buffer.from('PONG\r\n'));
    if (this.#step >= steps.length) this.#count(text);
    else if (text.includes((steps[this.#step] ?? '').slice('expect:'.length))) {
      this.#step += 1;
      this.#advance();
    }
  }

  #advance(): void {
    while (steps[this.#step]?.startsWith('send:') === true) {
      this.#put(opcode, Buffer.from((steps[this.#step++] ?? '').slice('send:'.length)));
    }
    if (this.#step < steps.length) return;
    ready += 1;
    openMore();
  }

  #count(text: string): void {
    const now = nowUs();
    for (const [, made] of text.matchAll(MARK)) {
      const age = Math.max(0, now - Number(made));
      ages.push(age);
      longestUs = Math.max(longestUs, age);
      received += 1;
      this.events += 1;
    }
  }

  /** With a mask of zeros. */
  #put(op: number, payload: Buffer): void {
    const head = payload.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
    head[0] = 0x80 | op;
    head[1] = 0x80 | Math.min(payload.length, 126);
    if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([head, payload]));
  }
}

function openMore(): void {
  while (started < count && started - ready < IN_FLIGHT) {
    started += 1;
    readers.push(new Reader());
  }
  if (ready === count) say(`ready ${count} ${((nowUs() - from) / 1e6).toFixed(3)}`);
}

function tellProgress(): void {
  const reading = count - stalled - closed;
  if (progressEvery === 0 || reading === 0) return;
  const each = Math.floor(received / reading);
  if (each < progressNext) return;
  say(`progress ${each}`);
  progressNext = (Math.floor(each / progressEvery) + 1) * progressEvery;
}

function report(): string {
  ages.sort((a, b) => a - b);
  const at = (fraction: number): number => (ages[Math.max(0, Math.ceil(fraction * ages.length) - 1)] ?? 0) / 1000;
  const least = Math.min(...readers.filter((reader) => !reader.stalled).map(({ events }) => events));
  const figures = { received, bytes, reads, p50_ms: at(0.5), p99_ms: at(0.99), longest_ms: longestUs / 1000 };
  return JSON.stringify({ ...figures, least, closed });
}

function reset(): string {
  [received, bytes, reads, longestUs] = [0, 0, 0, 0];
  progressNext = progressEvery;
  ages = [];
  for (const reader of readers) reader.events = 0;
  return 'reset';
}

openMore();
for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', number = '0'] = line.split(' ');
  if (command === 'reset') say(reset());
  else if (command === 'report') say(report());
  else if (command === 'progress') progressNext = progressEvery = Number(number);
  else if (command === 'stall') {
    stalled = Number(number);
    for (const reader of readers.slice(0, stalled)) reader.stall();
  } else if (command === 'quit') break;
}
process.exit(0);
