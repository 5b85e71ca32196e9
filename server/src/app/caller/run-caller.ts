import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createLog, delay, describeError, systemClock, systemRandom } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { countryTones, decodeWav, pcmSource, toneSource } from '../../media/index.ts';
import type { FrameSource } from '../../media/index.ts';
import { createSpeech } from '../../media-layer/speech.child.ts';
import { createUserAgent, openUdpTransport } from '../../sip/index.ts';
import type { Transport, UserAgent } from '../../sip/index.ts';
import { readRunState } from '../run-state.ts';
import { CALLER_HELP, readCallerOptions } from './options.ts';
import type { CallerOptions } from './options.ts';
import { TelephoneCall } from './telephone.ts';
import type { TelephoneOptions, TelephoneStep } from './telephone.ts';

export interface CallerIo {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly defaultDataDir: string;
}

/** `npm run call`: a simulated PSTN caller or callee over real SIP and RTP. @returns the exit code */
export async function runCaller(argv: readonly string[], io: CallerIo): Promise<number> {
  let options: CallerOptions | 'help';
  try {
    options = readCallerOptions(argv);
  } catch (error) {
    io.error(`${describeError(error)}\n\n${CALLER_HELP}`);
    return 2;
  }
  if (options === 'help') {
    io.out(CALLER_HELP);
    return 0;
  }
  try {
    return options.mode.kind === 'call'
      ? await call(options, options.mode.to, io)
      : await listen(options, options.mode.port, io);
  } catch (error) {
    io.error(describeError(error));
    return 1;
  }
}

function quietLog(): Log {
  return createLog({ level: 'error' });
}

async function call(options: CallerOptions, to: string, io: CallerIo): Promise<number> {
  const dataDir = options.dataDir ?? io.defaultDataDir;
  const server = options.server ?? readRunState(dataDir)?.sip;
  if (server === undefined) {
    throw new Error(
      `no Hookswitch runs on ${dataDir}. Start one with: npm start (or name a SIP server with --server HOST:PORT)`,
    );
  }
  const address = server.host === '0.0.0.0' ? '127.0.0.1' : server.host;
  const source = await sourceOf(options, io);
  const transport = await openUdpTransport({ address: await addressTowards(address, server.port), log: quietLog() });
  const agent = userAgent(transport, () => undefined);
  try {
    const telephone = await TelephoneCall.open({ ...common(options, io), address: transport.local.address, source });
    const tell = teller(options, io);
    tell({ step: 'calling', to: `${to} at ${address}:${String(server.port)}` });
    const from = `sip:${options.from}@${transport.local.address}:${String(transport.local.port)}`;
    const control = telephone.place(agent, `sip:${to}@${address}:${String(server.port)}`, from, options.ringMs);
    const stop = (): void => {
      control.cancel();
      control.bye();
    };
    io.signal.addEventListener('abort', stop, { once: true });
    if (options.durationMs !== undefined) void hangUpAfter(telephone, options.durationMs, stop);
    const how = await telephone.over();
    saveRecording(options, telephone, dataDir, io);
    return how === 'answered' ? 0 : 1;
  } finally {
    agent.close();
    await settleNetwork();
    await transport.close();
  }
}

async function listen(options: CallerOptions, port: number, io: CallerIo): Promise<number> {
  const dataDir = options.dataDir ?? io.defaultDataDir;
  const source = await sourceOf(options, io);
  const transport = await openUdpTransport({ address: '127.0.0.1', port, log: quietLog() });
  const live = new Set<Promise<unknown>>();
  const agent = userAgent(transport, (incoming) => {
    const running = (async () => {
      const telephone = await TelephoneCall.open({ ...common(options, io), address: transport.local.address, source });
      telephone.accept(incoming);
      if (options.durationMs !== undefined) {
        void hangUpAfter(telephone, options.durationMs, () => {
          incoming.bye();
        });
      }
      if ((await telephone.over()) === 'answered') saveRecording(options, telephone, dataDir, io);
    })().catch((error: unknown) => {
      incoming.reject(488);
      io.error(describeError(error));
    });
    live.add(running);
    void running.finally(() => live.delete(running));
  });
  io.out(`waiting for calls at ${transport.local.address}:${String(transport.local.port)} (Ctrl-C ends)`);
  await new Promise<void>((done) => {
    if (io.signal.aborted) done();
    io.signal.addEventListener('abort', () => {
      done();
    });
  });
  agent.close();
  await Promise.allSettled(live);
  await settleNetwork();
  await transport.close();
  return 0;
}

function userAgent(
  transport: Transport,
  onInvite: Parameters<typeof createUserAgent>[0]['handlers']['onInvite'],
): UserAgent {
  return createUserAgent({
    transport,
    clock: systemClock,
    random: systemRandom,
    log: quietLog(),
    userAgentName: 'Hookswitch simulated caller',
    handlers: { authorize: () => ({ allow: true, context: undefined }), onInvite },
  });
}

function common(options: CallerOptions, io: CallerIo): Omit<TelephoneOptions, 'address' | 'source'> {
  return { codec: options.codec, digits: options.digits, log: quietLog(), tell: teller(options, io) };
}

function teller(options: CallerOptions, io: CallerIo): (step: TelephoneStep) => void {
  const start = systemClock.monotonic();
  return (step) => {
    const seconds = ((systemClock.monotonic() - start) / 1000).toFixed(3);
    if (options.json) io.out(JSON.stringify({ seconds: Number(seconds), ...step }));
    else io.out(`${seconds.padStart(8)} s  ${sentence(step)}`);
  };
}

function sentence(step: TelephoneStep): string {
  switch (step.step) {
    case 'calling':
      return `calling ${step.to}`;
    case 'ringing':
      return 'ringing';
    case 'incoming':
      return `call from ${step.from} to ${step.to}`;
    case 'answered':
      return `answered: ${step.codec}, audio to ${step.rtp}`;
    case 'digit':
      return `heard the key ${step.digit}`;
    case 'failed':
      return `not answered: ${String(step.status)} ${step.reason}`;
    case 'ended':
      return `ended by the ${step.by}${step.reason === undefined ? '' : `: ${step.reason}`}`;
  }
}

async function sourceOf({ media }: CallerOptions, io: CallerIo): Promise<() => FrameSource> {
  if (media.kind === 'tone') return () => toneSource({ frequencies: [media.hz], cadenceMs: [], levelDbm0: -9 });
  if (media.kind === 'wav') {
    const samples = decodeWav(readFileSync(media.file));
    return () => pcmSource(samples);
  }
  try {
    const spoken = decodeWav(await createSpeech().synthesize({ text: media.text }));
    const paused = new Int16Array(spoken.length + 16_000);
    paused.set(spoken);
    return () => pcmSource(paused);
  } catch (error) {
    io.error(`no speech engine (${describeError(error)}): playing a tone instead`);
    return () => toneSource(countryTones().ringback);
  }
}

async function hangUpAfter(telephone: TelephoneCall, ms: number, stop: () => void): Promise<void> {
  await telephone.answered();
  await delay(systemClock, ms);
  stop();
}

function saveRecording(options: CallerOptions, telephone: TelephoneCall, dataDir: string, io: CallerIo): void {
  const { recorder } = telephone;
  if (recorder.seconds === 0) return;
  const stamp = new Date(systemClock.now()).toISOString().replaceAll(/[:.]/g, '-');
  const file = resolve(options.record ?? join(dataDir, 'recordings', `call-${stamp}.wav`));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, recorder.wav());
  const seconds = Number(recorder.seconds.toFixed(2));
  if (options.json)
    io.out(JSON.stringify({ step: 'recorded', file, heardSeconds: seconds, sounds: recorder.describe() }));
  else io.out(`heard ${String(seconds)} s, at the end ${recorder.describe()}; recorded in ${file}`);
}

/** Our address on the way to a host: connecting a UDP socket asks the routing table and sends nothing. */
async function addressTowards(host: string, port: number): Promise<string> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((done, failed) => {
      socket.once('error', failed);
      socket.connect(port, host, done);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/** BYE and its answer get a moment before the socket goes. */
function settleNetwork(): Promise<void> {
  return delay(systemClock, 200);
}
