import { describeError } from '../../kernel/index.ts';
import { PromptError } from '../prompt-error.ts';
import { recordingSourceId } from './media-request.ts';
import type { Recordings } from './ports.ts';
import type { ResolvedSource } from './sources.ts';

/** Longest recording that audio is made of, bytes: over an hour of both parties. A longer one is served as it is. */
const MOST_BYTES = 128 * 1024 * 1024;

/**
 * A recording as a source. It is in its own store already, under its hash, and does not change: nothing of it is kept twice, and what was
 * made of one that is deleted is not given out again. @throws PromptError
 */
export async function recordedSource(
  recordings: Recordings | undefined,
  accountSid: string,
  recording: string,
): Promise<ResolvedSource> {
  const facts = await reach(() => recordings?.stat(accountSid, recording));
  if (facts === undefined) {
    throw new PromptError('not-found', `there is no recording ${recording.slice(0, 100)}, or it is not completed yet`);
  }
  if (facts.bytes > MOST_BYTES) {
    throw new PromptError('too-large', 'the recording is too long to be converted: take it as it is');
  }
  return {
    id: recordingSourceId(accountSid, recording),
    ...{ contentHash: facts.sha256, contentType: 'audio/wav', outcome: 'hit', kept: true, freshness: undefined },
    async body() {
      const found = await recordings?.read(accountSid, recording);
      return found === undefined ? undefined : await wholeOf(found.body);
    },
  };
}

async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

async function reach<T>(work: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    throw new PromptError('connection', describeError(error), { cause: error });
  }
}
