import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, freeTcpPort, systemClock } from '../../kernel/index.ts';
import { Waiting } from '../../testing/waiting.ts';

export interface BaresipPhoneOptions {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  /** `127.0.0.1:5060` */
  readonly server: string;
  readonly transport: 'udp' | 'tcp';
  readonly answer?: 'auto' | 'manual';
}

interface Message {
  readonly event?: boolean;
  readonly type?: string;
  readonly param?: string;
}

/** baresip as a registered phone, driven over its control port. Its microphone is a tone of 440 Hz. */
export class BaresipPhone {
  readonly events: string[] = [];
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #directory: string;
  readonly #waiting = new Waiting();
  #buffer = Buffer.alloc(0);
  #token = 0;

  private constructor(child: ChildProcess, socket: Socket, directory: string) {
    this.#child = child;
    this.#socket = socket;
    this.#directory = directory;
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#read();
    });
    socket.on('error', () => undefined);
  }

  static async start(options: BaresipPhoneOptions): Promise<BaresipPhone> {
    const directory = await mkdtemp(join(tmpdir(), 'hs-baresip-'));
    const control = await freeTcpPort('127.0.0.1');
    const { user, domain, password, server, transport } = options;
    await writeFile(join(directory, 'config'), configuration(control, join(directory, 'tone.wav')));
    await writeFile(
      join(directory, 'accounts'),
      `<sip:${user}@${domain};transport=${transport}>;auth_user=${user};auth_pass=${password};` +
        `outbound="sip:${server};transport=${transport}";regint=60;answermode=${options.answer ?? 'auto'};audio_codecs=PCMU\n`,
    );
    await writeFile(join(directory, 'contacts'), '');
    await writeFile(join(directory, 'tone.wav'), toneWav());
    const child = spawn('baresip', ['-f', directory, '-4', '-v'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const socket = await connect(control, child, () => output);
    return new BaresipPhone(child, socket, directory);
  }

  /** Resolves once an event of that type has come. */
  event(type: string): Promise<void> {
    return this.#waiting.until(() => this.events.includes(type));
  }

  command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params, token: String(++this.#token) });
    this.#socket.write(`${String(Buffer.byteLength(json))}:${json},`);
  }

  /** Lets it unregister and end by itself. */
  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#child.exitCode !== null) resolve();
      else
        this.#child.once('exit', () => {
          resolve();
        });
    });
    this.#child.kill('SIGTERM');
    await ended;
    this.#socket.destroy();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Netstrings, each one JSON object. */
  #read(): void {
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      const length = Number(this.#buffer.toString('latin1', 0, Math.max(colon, 0)));
      if (colon < 0 || this.#buffer.length < colon + length + 2) return;
      const message = JSON.parse(this.#buffer.toString('utf8', colon + 1, colon + 1 + length)) as Message;
      this.#buffer = this.#buffer.subarray(colon + length + 2);
      if (message.event !== true) continue;
      this.events.push(message.type ?? '');
      this.#waiting.wake();
    }
  }
}

function configuration(control: number, microphone: string): string {
  return [
    'poll_method epoll',
    'sip_listen 127.0.0.1:0',
    'module_path /usr/lib/baresip/modules',
    `audio_source aufile,${microphone}`,
    'audio_player aubridge,none',
    'audio_alert aubridge,none',
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    'call_local_timeout 60',
    `ctrl_tcp_listen 127.0.0.1:${String(control)}`,
    'module g711.so',
    'module aufile.so',
    'module aubridge.so',
    'module uuid.so',
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    '',
  ].join('\n');
}

/** Ten seconds of 440 Hz, 8 kHz, 16 bit. */
function toneWav(): Buffer {
  const samples = 80_000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let n = 0; n < samples; n++)
    wav.writeInt16LE(Math.round(8000 * Math.sin((n * 2 * Math.PI * 440) / 8000)), 44 + n * 2);
  return wav;
}

async function connect(port: number, child: ChildProcess, output: () => string): Promise<Socket> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`baresip ended: ${output()}`);
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = createConnection(port, '127.0.0.1', () => {
          resolve(socket);
        });
        socket.once('error', reject);
      });
    } catch {
      await delay(systemClock, 20);
    }
  }
}
