import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toError } from '../kernel/index.ts';
import { Limiter } from './limiter.ts';
import type { SpeechEngine, SpeechRequest } from './ports.ts';
import { PromptError } from './prompt-error.ts';
import { espeakVoice } from './speech-language.ts';
import { espeakMarkup } from './speech/espeak-markup.ts';
import { voiceWish } from './speech/voice-names.ts';

export interface SpeechOptions {
  /** Programs by name or path (defaults: those on PATH). */
  readonly flite?: string;
  readonly espeak?: string;
  /** Children at once (default 2) and requests that wait for them (default 64; more are refused). */
  readonly atOnce?: number;
  readonly waiting?: number;
  /** Time for one text, milliseconds (default 15 000). */
  readonly timeoutMs?: number;
}

/** Longest text, characters: Twilio's limit for Say. */
const MAX_TEXT = 4096;
/** Largest audio, bytes: ten minutes at 22 kHz. */
const MAX_AUDIO = 27_000_000;

interface Program {
  readonly path: string;
  readonly args: readonly string[];
}

/**
 * Speech by programs of the system: flite for English (more natural), espeak-ng for everything else and where flite is missing. Each
 * text is one child process, started without a shell; the text goes through a file, never through the arguments.
 */
export function createSpeech(options: SpeechOptions = {}): SpeechEngine {
  const { flite = 'flite', espeak = 'espeak-ng', timeoutMs = 15_000 } = options;
  const limiter = new Limiter({ atOnce: options.atOnce ?? 2, waiting: options.waiting ?? 64 });

  const programs = (request: SpeechRequest, directory: string): Program[] => {
    const wish = voiceWish(request.voice);
    const language = wish.language ?? request.language ?? 'en-US';
    const voice = espeakVoice(language);
    if (voice === undefined) {
      throw new PromptError('language', `"${language.slice(0, 40)}" is no language tag; use one such as en-US`);
    }
    const male = wish.gender === 'male';
    const variant = male ? '' : '+f3';
    const [text, wav] = [join(directory, 'text'), join(directory, 'wav')];
    const general = { path: espeak, args: ['-v', `${voice}${variant}`, '-f', text, '-w', wav] };
    const english = { path: flite, args: ['-voice', male ? 'rms' : 'slt', '-f', text, '-o', wav] };
    // flite knows no mark-up.
    if (request.ssml !== undefined) return [{ ...general, args: ['-m', ...general.args] }];
    return voice.startsWith('en') ? [english, general] : [general];
  };

  const speak = async (request: SpeechRequest): Promise<Uint8Array> => {
    const directory = await mkdtemp(join(tmpdir(), 'hookswitch-speech-'));
    try {
      const candidates = programs(request, directory);
      const { ssml, language = 'en-US' } = request;
      const marked = ssml && espeakMarkup(ssml, voiceWish(request.voice).language ?? language);
      await writeFile(
        join(directory, 'text'),
        marked === undefined ? `${request.text}\n` : `<speak>${marked}</speak>\n`,
      );
      for (const program of candidates) {
        if (await run(program, timeoutMs)) return await readAudio(join(directory, 'wav'));
      }
      const names = candidates.map((program) => program.path).join(' or ');
      throw new PromptError('engine', `no program that speaks was found (${names}): run npm run setup`);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  return {
    async synthesize(request) {
      if (request.text.trim() === '' && request.ssml === undefined)
        throw new PromptError('bad-text', 'there is no text to say');
      if ((request.ssml ?? request.text).length > MAX_TEXT) {
        throw new PromptError('bad-text', `the text to say is longer than ${String(MAX_TEXT)} characters; split it`);
      }
      const spoken = limiter.run(() => speak(request));
      if (spoken === undefined) throw new PromptError('busy', 'too many texts are waiting to be spoken; try again');
      return spoken;
    },
  };
}

/** @returns false when the program is not installed @throws PromptError when it failed */
function run(program: Program, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program.path,
      [...program.args],
      { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 65_536, shell: false },
      (error, _stdout, stderr) => {
        if (error === null) resolve(true);
        else if (error.code === 'ENOENT') resolve(false);
        else reject(failure(program, error, stderr));
      },
    );
    child.stdin?.end();
  });
}

function failure(program: Program, error: Error & { killed?: boolean }, stderr: string): PromptError {
  const what = error.killed === true ? 'took too long' : (stderr.trim().split('\n')[0] ?? '').slice(0, 200);
  if (/voice.*does not exist|failed to set/i.test(stderr)) {
    return new PromptError('language', `${program.path} has no voice for this language; use another language`);
  }
  return new PromptError('engine', `${program.path} could not speak the text: ${what}`, { cause: toError(error) });
}

async function readAudio(path: string): Promise<Uint8Array> {
  const audio = await readFile(path);
  if (audio.length > MAX_AUDIO)
    throw new PromptError('too-large', 'the spoken text is longer than ten minutes; split it');
  return audio;
}
