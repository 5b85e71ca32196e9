import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpeechRecognizer } from '../bridge/ports.ts';
import { Limiter } from './limiter.ts';
import { wavHeader } from './recordings/wav-header.ts';

export interface RecognizerOptions {
  /** Program by name or path (default: pocketsphinx_continuous on PATH). */
  readonly program?: string;
  /** Children at once (default 1) and requests that wait for them (default 16; more are refused). */
  readonly atOnce?: number;
  readonly waiting?: number;
  /** Time for one request, milliseconds (default 30 000). */
  readonly timeoutMs?: number;
}

type Result = Awaited<ReturnType<SpeechRecognizer['recognise']>>;

/** Longest speech that is looked at, samples at 8 kHz: two minutes. */
const MAX_SAMPLES = 8000 * 120;
/** Most hints that make a grammar. */
const MAX_HINTS = 500;
const MODEL_RATE = 16_000;
/** The engine tells no confidence of its own for a whole sentence. */
const CONFIDENCE = { grammar: 0.8, free: 0.5 } as const;

/**
 * Speech to text without any service, by pocketsphinx: weak. American English only. A few words that hints tell it to
 * expect it mostly gets right, free speech by telephone mostly not: the model was made for 16 kHz. Enough for menus and
 * for trying things out; for more give another {@link SpeechRecognizer}.
 */
export function createRecognizer(options: RecognizerOptions = {}): SpeechRecognizer {
  const { program = 'pocketsphinx_continuous', timeoutMs = 30_000 } = options;
  const limiter = new Limiter({ atOnce: options.atOnce ?? 1, waiting: options.waiting ?? 16 });

  const recognise = async (samples: Int16Array, hints: readonly string[]): Promise<Result> => {
    const directory = await mkdtemp(join(tmpdir(), 'hookswitch-hearing-'));
    try {
      const [wav, grammar] = [join(directory, 'wav'), join(directory, 'grammar')];
      await writeFile(wav, wideband(samples.subarray(0, MAX_SAMPLES)));
      const phrases = phrasesOf(hints);
      if (phrases.length > 0) {
        await writeFile(grammar, `#JSGF V1.0;\ngrammar hints;\npublic <hints> = ${phrases.join(' | ')};\n`);
        const known = await run(program, ['-infile', wav, '-jsgf', grammar, '-logfn', '/dev/null'], timeoutMs);
        if (known.ok && known.text !== '') return { ...known, confidence: CONFIDENCE.grammar };
      }
      const free = await run(program, ['-infile', wav, '-logfn', '/dev/null'], timeoutMs);
      return free.ok ? { ...free, confidence: free.text === '' ? 0 : CONFIDENCE.free } : free;
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : 'the recognizer failed' };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  return {
    async recognise({ samples, language, hints }) {
      if (!/^en\b/i.test(language)) {
        return {
          ok: false,
          message: `the recognizer of this server knows English only, not "${language.slice(0, 20)}"`,
        };
      }
      const result = limiter.run(() => recognise(samples, hints));
      return result ?? { ok: false, message: 'too much speech waits to be recognised' };
    },
  };
}

/** Words that a grammar can hold; all others are left out. */
function phrasesOf(hints: readonly string[]): string[] {
  return hints
    .slice(0, MAX_HINTS)
    .map((hint) =>
      hint
        .toLowerCase()
        .replace(/[^a-z' ]+/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((hint) => hint !== '');
}

/** A WAV file at the rate of the model, by straight lines between the samples: there is nothing above 4 kHz to be had. */
function wideband(samples: Int16Array): Uint8Array {
  const file = new Uint8Array(44 + samples.length * 4);
  const view = new DataView(file.buffer);
  file.set(wavHeader(1, samples.length * 4));
  view.setUint32(24, MODEL_RATE, true);
  view.setUint32(28, MODEL_RATE * 2, true);
  for (const [at, sample] of samples.entries()) {
    view.setInt16(44 + at * 4, sample, true);
    view.setInt16(46 + at * 4, Math.round((sample + (samples[at + 1] ?? sample)) / 2), true);
  }
  return file;
}

type Heard = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

function run(program: string, args: readonly string[], timeoutMs: number): Promise<Heard> {
  return new Promise((resolve) => {
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1_000_000, shell: false } as const;
    execFile(program, [...args], limits, (error, stdout) => {
      if (error === null) resolve({ ok: true, text: stdout.replace(/\s+/g, ' ').trim() });
      else if (error.code === 'ENOENT') {
        resolve({ ok: false, message: `${program} is not installed: run npm run setup` });
      } else if (error.message.includes('grammar')) resolve({ ok: true, text: '' });
      else
        resolve({
          ok: false,
          message: error.killed === true ? 'the recognizer took too long' : 'the recognizer failed',
        });
    });
  });
}
