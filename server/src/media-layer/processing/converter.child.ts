import { execFileSync, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { FairLimiter, describeError } from '../../kernel/index.ts';
import { PromptError } from '../prompt-error.ts';
import type { AudioForm } from '../resources/forms.ts';
import type { Converter } from '../resources/ports.ts';
import { sniff } from './sniff.ts';
import type { InputFormat } from './sniff.ts';

export interface ConverterOptions {
  /** Program by name or path (default ffmpeg). */
  readonly ffmpeg?: string;
  /** Children at once (default: one for each core, two at least); an account has all but one of them. */
  readonly atOnce?: number;
  /** Conversions of one account that wait (default 256; more are refused). */
  readonly waiting?: number;
  /** Time for one conversion, milliseconds (default 20 000). */
  readonly timeoutMs?: number;
  /** Address space of one child, bytes (default 1 GiB). */
  readonly maxMemory?: number;
  /** Longest audio, seconds (default one hour); what is longer is cut. */
  readonly maxSeconds?: number;
  /** Most that one conversion gives, bytes (default 64 MiB). */
  readonly maxBytes?: number;
}

/** In floating point (16-bit coefficients let through 78 dB down). Flat to 3.4 kHz within 0.5 dB, more than 80 dB down where 8 kHz would fold it back: processing.test.ts measures it. */
const RESAMPLER = 'aresample=filter_size=64:cutoff=0.97:internal_sample_fmt=fltp';
/** What the containers may hold. */
const CODECS = [
  ...['pcm_s8', 'pcm_u8', 'pcm_s16le', 'pcm_s16be', 'pcm_s24le', 'pcm_s24be', 'pcm_s32le', 'pcm_s32be', 'pcm_f32le'],
  ...['pcm_f32be', 'pcm_f64le', 'pcm_f64be', 'pcm_mulaw', 'pcm_alaw', 'adpcm_ms', 'adpcm_ima_wav', 'adpcm_ima_qt'],
  ...['mp3float', 'mp3', 'mp2float', 'mp2', 'flac', 'vorbis', 'libvorbis', 'opus', 'libopus'],
  ...['gsm', 'gsm_ms', 'libgsm', 'libgsm_ms', 'g722'],
].join(',');
const OUTPUT: Readonly<Record<AudioForm['codec'], readonly string[]>> = {
  pcmu: ['-f', 'mulaw'],
  pcma: ['-f', 'alaw'],
  l16: ['-f', 's16le'],
  opus: ['-codec:a', 'libopus', '-b:a', '32k', '-fflags', '+bitexact', '-flags:a', '+bitexact', '-f', 'ogg'],
};

/**
 * Telephony audio by ffmpeg, one child process for each conversion. It reads its pipe and nothing else, as the one format that the first
 * bytes show; time, processor time, memory, open files and what it writes are limited, so that a bad file costs at most its child.
 */
export function createConverter(options: ConverterOptions = {}): Converter {
  const { ffmpeg = 'ffmpeg', timeoutMs = 20_000, maxSeconds = 3600 } = options;
  const { maxMemory = 1024 ** 3, maxBytes = 64 * 1024 * 1024 } = options;
  const atOnce = options.atOnce ?? Math.max(2, availableParallelism());
  const limiter = new FairLimiter({
    atOnce,
    atOncePerAccount: Math.max(1, atOnce - 1),
    waiting: options.waiting ?? 256,
  });
  // Conversions that nobody waits for: one at a time, beside the others, with what processor time they leave.
  const ahead = new FairLimiter({ atOnce: 1, atOncePerAccount: 1, waiting: 16 });
  const limits = [
    `--as=${String(maxMemory)}`,
    `--cpu=${String(Math.ceil(timeoutMs / 1000) * 2)}`,
    ...['--nofile=64', '--fsize=0', '--core=0'],
  ];
  return {
    version: `2 ${versionOf(ffmpeg)}`,
    async *convert({ accountSid, body, contentType, form, ahead: isAhead = false }) {
      const input = sniff(body, contentType);
      const turn = (isAhead ? ahead : limiter).turn(accountSid);
      if (turn === undefined) throw new PromptError('busy', 'too many sounds are waiting to be converted; try again');
      const over = await turn;
      try {
        const shape = ['-map', '0:a:0', '-t', String(maxSeconds), '-ac', '1', '-ar', String(form.rate)];
        const args = [...inputArguments(input), '-af', RESAMPLER, ...shape, ...OUTPUT[form.codec]];
        const program = isAhead ? ['nice', '-n', '10', ffmpeg] : [ffmpeg];
        const command = [...limits, '--', ...program, ...args, '-flush_packets', '1', 'pipe:1'];
        yield* run({ ffmpeg, args: command, input: body, timeoutMs, maxBytes });
      } finally {
        over();
      }
    },
  };
}

function inputArguments({ demuxer, rate, channels }: InputFormat): string[] {
  const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-threads', '1'];
  const narrow = ['-protocol_whitelist', 'pipe', '-format_whitelist', demuxer, '-codec_whitelist', CODECS];
  const raw = [
    ...(rate === undefined ? [] : [demuxer === 'gsm' ? '-sample_rate' : '-ar', String(rate)]),
    ...(channels === undefined ? [] : ['-ac', String(channels)]),
  ];
  return [...quiet, ...narrow, '-max_alloc', '268435456', '-f', demuxer, ...raw, '-i', 'pipe:0', '-vn', '-sn', '-dn'];
}

async function* run(child: {
  readonly ffmpeg: string;
  readonly args: readonly string[];
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}): AsyncGenerator<Uint8Array> {
  const { ffmpeg, args, input, timeoutMs, maxBytes } = child;
  // prlimit becomes the program that it starts: the limits hold from its first instruction on.
  const process = spawn('prlimit', args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
  const ended = Promise.withResolvers<number | Error | null>();
  process.on('error', ended.resolve);
  process.on('close', ended.resolve);
  let complaint = '';
  process.stderr.on('data', (text: Buffer) => {
    complaint = `${complaint}${text.toString()}`.slice(0, 300);
  });
  process.stdin.on('error', () => undefined);
  process.stdin.end(input);
  try {
    let bytes = 0;
    for await (const chunk of process.stdout as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new PromptError('too-large', `the sound is larger than ${String(maxBytes)} bytes here; shorten it`);
      yield chunk;
    }
    const end = await ended.promise;
    if (end instanceof Error) throw new PromptError('engine', `prlimit could not be run: ${describeError(end)}`);
    if (end === 127) throw new PromptError('engine', `${ffmpeg} could not be run: run npm run setup`);
    if (end === null)
      throw new PromptError('too-large', `the sound took longer than ${String(timeoutMs)} ms to convert`);
    if (end !== 0 || bytes === 0) {
      const why = complaint.split('\n')[0]?.replace(/^\[[^\]]*\]\s*/, '') ?? '';
      throw new PromptError('not-audio', `the content is no audio that can be read: ${why.slice(0, 200)}`);
    }
  } finally {
    process.kill('SIGKILL');
    await ended.promise;
  }
}

function versionOf(ffmpeg: string): string {
  try {
    return execFileSync(ffmpeg, ['-version'], { timeout: 10_000 }).toString().split(' Copyright')[0] ?? '';
  } catch {
    return 'none';
  }
}
