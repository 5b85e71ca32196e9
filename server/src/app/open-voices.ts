import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fairVoices, readVoiceConfig, remoteVoices } from '../media-layer/index.ts';
import { createVoices } from '../media-layer/resources/voices.child.ts';
import type { Voices } from '../media-layer/resources/ports.ts';
import { createHttpVoice } from '../media-layer/speech/http-voice.undici.ts';
import { createSpeech } from '../media-layer/speech.child.ts';
import { describeError } from '../kernel/index.ts';
import { ConfigError } from './config-options.ts';
import type { Platform } from './platform.ts';

/** Texts that the remote voice speaks at once. */
const REMOTE_AT_ONCE = 32;

/** The voices of this process: those of the machine, behind the one that `--voice-config` names. */
export async function openVoices({ startup, clock, log, config }: Platform): Promise<Voices> {
  const atOnce = Math.max(2, availableParallelism());
  // The accounts' turns are what bounds it.
  const engine = createSpeech({ atOnce, waiting: 256 });
  const offline = fairVoices({ voices: createVoices({ engine }), atOnce });
  if (config.voiceConfig === undefined) return offline;
  const { config: settings, version } = readFile(config.voiceConfig);
  const remote = await startup.step(
    'remote voice',
    () => createHttpVoice({ config: settings, version, clock }),
    (opened) => opened.close(),
  );
  const voices = remoteVoices({ remote, offline: settings.fallback ? offline : undefined, clock, log });
  return fairVoices({ voices, atOnce: REMOTE_AT_ONCE, waiting: 256 });
}

function readFile(path: string): ReturnType<typeof readVoiceConfig> {
  try {
    return readVoiceConfig(readFileSync(path, 'utf8'), {
      env: (name) => process.env[name] ?? missing(`the environment has no ${name}`),
      file: (secret) => readFileSync(secret, 'utf8'),
    });
  } catch (error) {
    throw new ConfigError('bad-option', `--voice-config ${path}: ${describeError(error)}`, { cause: error });
  }
}

function missing(what: string): never {
  throw new Error(what);
}
