import { execFile } from 'node:child_process';
import type { SpeechEngine, SpeechRequest } from '../ports.ts';
import { MARKUP_VERSION } from '../speech/espeak-markup.ts';
import { VOICE_NAMES_VERSION } from '../speech/voice-names.ts';
import { idOf } from './addresses.ts';
import type { Voices } from './ports.ts';

export interface VoicesOptions {
  readonly engine: SpeechEngine;
  /** Programs whose versions shape what is heard (default flite and espeak-ng, on PATH). */
  readonly programs?: readonly (readonly [program: string, ...args: string[]])[];
}

const PROGRAMS = [
  ['flite', '--version'],
  ['espeak-ng', '--version'],
] as const;

/** The system's voices. What they say is kept under a hash of the text, its voice, and the versions of the programs. */
export function createVoices({ engine, programs = PROGRAMS }: VoicesOptions): Voices {
  let versions: Promise<string> | undefined;
  return {
    async fingerprint(request) {
      versions ??= Promise.all(programs.map(([program, ...args]) => versionOf(program, args))).then((all) =>
        all.join(),
      );
      const marked = request.ssml === undefined ? '' : MARKUP_VERSION;
      return idOf(...shapedBy(request), VOICE_NAMES_VERSION, marked, await versions);
    },
    async speak(request) {
      return { body: await engine.synthesize(request), contentType: 'audio/wav' };
    },
  };
}

/** White space does not change what is heard; an absent voice is not an empty one. */
function shapedBy({ text, ssml, voice, language }: SpeechRequest): string[] {
  const plain = (value: string | undefined): string => (value ?? '').replace(/\s+/g, ' ').trim();
  return [plain(text), plain(ssml), voice ?? '', (language ?? '').toLowerCase()];
}

/** First line that it says of itself; empty when it is not installed. */
function versionOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(program, [...args], { timeout: 5000 }, (_error, stdout, stderr) => {
      const lines = `${stdout}\n${stderr}`.split('\n');
      resolve(lines.find((line) => /version|\d\.\d/i.test(line))?.trim() ?? '');
    });
    child.stdin?.end();
  });
}
