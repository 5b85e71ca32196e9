import { Agent, request as send } from 'undici';
import type { Dispatcher } from 'undici';
import { toError } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { BodyTooLarge, decodedBody } from '../origin/decoded-body.ts';
import { PromptError } from '../prompt-error.ts';
import type { Spoken } from '../resources/ports.ts';
import type { RemoteVoice } from './remote-voice.ts';
import { voiceCall } from './voice-config.ts';
import type { HttpVoiceConfig } from './voice-config.ts';

export interface HttpVoiceOptions {
  readonly config: HttpVoiceConfig;
  readonly version: string;
  readonly clock: Clock;
}

/** Longest text, characters: Twilio's limit for Say. */
const MAX_TEXT = 4096;

/**
 * A voice behind HTTP: one POST for each text. The operator names the service, so its address is not restricted; redirects are not
 * followed, because the secret in the headers is the service's alone. `close` drops the connections; idempotent.
 */
export function createHttpVoice({
  config,
  version,
  clock,
}: HttpVoiceOptions): RemoteVoice & { close(): Promise<void> } {
  const agent = new Agent({ connectTimeout: config.timeoutMs, keepAliveTimeout: 10_000 });
  let closing: Promise<void> | undefined;
  return {
    version,
    async speak(request) {
      if (request.text.trim() === '' && request.ssml === undefined) {
        throw new PromptError('bad-text', 'there is no text to say');
      }
      if ((request.ssml ?? request.text).length > MAX_TEXT) {
        throw new PromptError('bad-text', `the text to say is longer than ${String(MAX_TEXT)} characters; split it`);
      }
      const { url, headers, body } = voiceCall(config, request);
      const abort = new AbortController();
      const timer = clock.setTimer(config.timeoutMs, () => {
        abort.abort(new PromptError('engine', `the voice service did not answer in ${String(config.timeoutMs)} ms`));
      });
      try {
        const times = { headersTimeout: 0, bodyTimeout: 0 };
        const options = { method: 'POST', headers, body, dispatcher: agent, signal: abort.signal, ...times } as const;
        return await audioOf(await send(url, options), config);
      } catch (error) {
        if (error instanceof PromptError) throw error;
        if (abort.signal.reason instanceof PromptError) throw abort.signal.reason;
        const cause = toError(error);
        throw new PromptError('engine', `the voice service could not be reached: ${cause.message}`, { cause });
      } finally {
        timer.cancel();
        abort.abort();
      }
    },
    close() {
      closing ??= agent.destroy();
      return closing;
    },
  };
}

async function audioOf(response: Dispatcher.ResponseData, config: HttpVoiceConfig): Promise<Spoken> {
  const { statusCode, headers } = response;
  if (statusCode !== 200) {
    response.body.destroy();
    throw refusal(statusCode);
  }
  let body: Uint8Array;
  try {
    const coding = [headers['content-encoding'] ?? ''].flat().join(',');
    body = await decodedBody(response.body, coding, config.maxBytes);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw new PromptError('too-large', `the spoken text is larger than ${String(config.maxBytes)} bytes; split it`);
  }
  const declared = [headers['content-type'] ?? ''].flat().join(',');
  if (config.audioMember !== undefined) {
    return { body: memberOf(body, config.audioMember), contentType: config.contentType ?? '' };
  }
  if (config.contentType === undefined && !/^(audio\/|application\/(octet-stream|ogg))/i.test(declared)) {
    throw new PromptError('engine', `the voice service sent "${declared.slice(0, 60)}", which is no audio`);
  }
  return { body, contentType: config.contentType ?? declared };
}

function refusal(status: number): PromptError {
  const answered = `the voice service answered ${String(status)}`;
  if (status === 429) return new PromptError('busy', `${answered}: too many requests`);
  if (status === 400 || status === 413 || status === 422) {
    return new PromptError('bad-text', `${answered}: it does not take this text`);
  }
  const advice = status === 401 || status === 403 ? 'check the secret in its configuration' : 'check its configuration';
  return new PromptError('engine', `${answered}; ${advice}`);
}

function memberOf(body: Uint8Array, member: string): Uint8Array {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown> | null;
    const audio = parsed?.[member];
    if (typeof audio === 'string' && audio !== '') return Buffer.from(audio, 'base64');
  } catch {
    // Told below.
  }
  throw new PromptError('engine', `the voice service sent no JSON with audio in "${member}"`);
}
