import type { Instructions, PlayMedia, Prompts } from '../ports.ts';
import { programFromResponse } from '../twiml/document.ts';
import type { Announcement } from './conference-io.ts';

export interface AnnouncerOptions {
  readonly accountSid: string;
  readonly conferenceSid: string;
  readonly friendlyName: string;
  readonly instructions: Instructions;
  readonly prompts: Prompts;
  /** Resolves when everybody has heard it; false when it could not be played. */
  readonly play: (media: PlayMedia) => Promise<boolean>;
}

/** Longest pause that is kept, milliseconds. */
const MAX_PAUSE_MS = 60_000;

/**
 * Fetches an announcement and plays it to a whole conference: what its document says, plays and pauses, in order. Other
 * verbs mean nothing here and are left out.
 *
 * @returns why it could not be had, or undefined
 */
export async function announce(
  { url, method }: Announcement,
  options: AnnouncerOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { accountSid, conferenceSid, friendlyName, instructions } = options;
  const params = { AccountSid: accountSid, ConferenceSid: conferenceSid, FriendlyName: friendlyName };
  const response = await instructions.fetch({ accountSid, callSid: conferenceSid, url, method, params }, signal);
  if (!response.ok) return response.message;
  const read = programFromResponse(response);
  if (!read.ok) return read.message;
  for (const verb of read.program.verbs) {
    if (signal.aborted) return 'the conference has ended';
    if (verb.verb === 'Pause') {
      await options.play({ kind: 'silence', durationMs: Math.min(MAX_PAUSE_MS, verb.length * 1000) });
    } else if (verb.verb === 'Say' || verb.verb === 'Play') {
      const problem = await prompt(verb, read.program.url, options);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

type Prompt = Extract<
  Extract<ReturnType<typeof programFromResponse>, { ok: true }>['program']['verbs'][number],
  { verb: 'Say' | 'Play' }
>;

async function prompt(
  verb: Prompt,
  base: string | undefined,
  { accountSid, prompts, play }: AnnouncerOptions,
): Promise<string | undefined> {
  if (verb.verb === 'Say' && verb.text === '') return undefined;
  const { voice, language } = verb.verb === 'Say' ? verb : {};
  const result =
    verb.verb === 'Say'
      ? await prompts.say({
          accountSid,
          text: verb.text,
          ...(voice === undefined ? {} : { voice }),
          ...(language === undefined ? {} : { language }),
        })
      : await prompts.fetch({ accountSid, url: URL.parse(verb.url, base)?.href ?? verb.url });
  if (!result.ok) return result.message;
  const heard = await play({ kind: 'wav', data: result.wav, loop: Math.max(1, verb.loop) });
  return heard ? undefined : 'the recording could not be played';
}
