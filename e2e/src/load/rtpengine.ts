import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { endWithThisProcess } from '../fixtures/processes.ts';
import { freeUdpPort } from './free-port.ts';

type Value = string | number | readonly Value[] | { readonly [key: string]: Value };

/** rtpengine in userspace, driven by its ng protocol (bencode over UDP): the media relay we are compared with. */
export class RtpEngine {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #waiting = new Map<string, PromiseWithResolvers<Record<string, Value>>>();

  private constructor(child: ChildProcess, socket: Socket, port: number) {
    this.#child = child;
    this.#socket = socket;
    this.#port = port;
    this.pid = child.pid ?? 0;
    socket.on('message', (bytes) => {
      const at = bytes.indexOf(32);
      const [answer] = decode(bytes, at + 1);
      this.#waiting.get(bytes.toString('latin1', 0, at))?.resolve(answer as Record<string, Value>);
    });
  }

  static async start(): Promise<RtpEngine> {
    const port = await freeUdpPort();
    const child = spawn(
      'rtpengine',
      [
        '--config-file=none',
        '--foreground',
        '--table=-1',
        '--interface=127.0.0.1',
        `--listen-ng=127.0.0.1:${port}`,
        '--port-min=42000',
        '--port-max=46999',
        '--log-level=4',
        '--log-stderr',
      ],
      { stdio: ['ignore', 'ignore', 'ignore'] },
    );
    endWithThisProcess(child);
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const engine = new RtpEngine(child, socket, port);
    for (let attempt = 0; ; attempt++) {
      const answer = await engine.command({ command: 'ping' }, 300).catch(() => undefined);
      if (answer?.['result'] === 'pong') return engine;
      if (attempt > 30 || child.exitCode !== null) {
        await engine.close();
        throw new Error('rtpengine did not start; is Debian package rtpengine-daemon installed?');
      }
    }
  }

  async command(dictionary: { readonly [key: string]: Value }, timeoutMs = 5000): Promise<Record<string, Value>> {
    const cookie = randomBytes(6).toString('hex');
    const waiting = Promise.withResolvers<Record<string, Value>>();
    this.#waiting.set(cookie, waiting);
    const timer = setTimeout(() => {
      waiting.reject(new Error(`rtpengine: no answer to ${text(dictionary['command'])} in ${timeoutMs} ms`));
    }, timeoutMs);
    this.#socket.send(Buffer.concat([Buffer.from(`${cookie} `), encode(dictionary)]), this.#port, '127.0.0.1');
    try {
      const answer = await waiting.promise;
      if (answer['result'] === 'error') throw new Error(`rtpengine: ${text(answer['error-reason'])}`);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(cookie);
    }
  }

  /** The SDP that rtpengine puts in place of `sdp`. */
  async sdp(dictionary: { readonly [key: string]: Value }): Promise<string> {
    return text((await this.command(dictionary))['sdp']);
  }

  async close(): Promise<void> {
    this.#socket.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exited;
    }
  }
}

const text = (value: Value | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value));

function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.from(`${Buffer.byteLength(value)}:${value}`);
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from('l'), ...value.map(encode), Buffer.from('e')]);
  const entries = Object.entries(value as { readonly [key: string]: Value }).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    Buffer.from('d'),
    ...entries.flatMap(([key, each]) => [encode(key), encode(each)]),
    Buffer.from('e'),
  ]);
}

/** One bencoded value at `at`, and where the next begins. */
function decode(bytes: Buffer, at: number): [Value, number] {
  const kind = String.fromCharCode(bytes[at] ?? 0);
  if (kind === 'i') {
    const end = bytes.indexOf('e', at);
    return [Number(bytes.toString('latin1', at + 1, end)), end + 1];
  }
  if (kind === 'l' || kind === 'd') {
    const list: Value[] = [];
    let next = at + 1;
    while (bytes[next] !== 0x65) {
      const [value, after] = decode(bytes, next);
      list.push(value);
      next = after;
    }
    if (kind === 'l') return [list, next + 1];
    const pairs = list.flatMap((key, index): [string, Value][] =>
      index % 2 === 0 ? [[text(key), list[index + 1] ?? '']] : [],
    );
    return [Object.fromEntries(pairs), next + 1];
  }
  const colon = bytes.indexOf(':', at);
  const end = colon + 1 + Number(bytes.toString('latin1', at, colon));
  return [bytes.toString('utf8', colon + 1, end), end];
}
