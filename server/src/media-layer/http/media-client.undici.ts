import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../kernel/index.ts';
import { describeError } from '../../kernel/index.ts';
import { GrowingBody } from '../cache/growing-body.ts';
import type { FetchAudio, PrefetchAudio } from '../layer-prompts.ts';
import { PromptError, isPromptErrorReason } from '../prompt-error.ts';
import type { MediaSource } from '../resources/media-request.ts';
import { TELEPHONE } from '../resources/forms.ts';
import type { NodeTokens } from './node-tokens.ts';

export interface MediaClientOptions {
  /** Origins (`http://host:port`) of the processes that have the media layer now. */
  readonly nodes: () => readonly string[];
  readonly tokens: NodeTokens;
  readonly clock: Clock;
  /** Until there is something to hear, milliseconds (default 30 000). */
  readonly timeoutMs?: number;
}

/** What is not larger comes whole: eight seconds. */
const AT_ONCE = 65_536;
/** Longest transfer, bytes: over two hours. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A transfer that brings nothing for so long is given up, milliseconds. */
const STALL_MS = 15_000;

const problemSchema = z.object({ title: z.string(), reason: z.string().optional() });

export interface MediaClient {
  readonly audio: FetchAudio;
  /** Some at once; more are left out, and are made when they are asked for. */
  readonly prefetch: PrefetchAudio;
  /** Drops the connections. Idempotent. */
  close(): Promise<void>;
}

/** Prefetches under way. */
const MOST_PREFETCHES = 16;
const PREFETCH_MS = 5000;

/**
 * The media layer of other processes, over connections that are kept. The same source goes to the same process while that one is there,
 * which has it in memory then; when one is not reached, the next is asked. `close` drops the connections; idempotent.
 */
export function createMediaClient(options: MediaClientOptions): MediaClient {
  const { nodes, clock, timeoutMs = 30_000 } = options;
  const agent = new Agent({ connections: 32, keepAliveTimeout: 30_000, bodyTimeout: STALL_MS });
  let closing: Promise<void> | undefined;
  const audio: FetchAudio = async (accountSid, source) => {
    const abort = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => {
      abort.abort(new PromptError('connection', `the media layer did not answer within ${String(timeoutMs)} ms`));
    });
    try {
      let unreached = 'no process with the role media is there; start one';
      for (const node of inOrder(nodes(), accountSid, source)) {
        try {
          return await ask({ node, accountSid, source }, { agent, tokens: options.tokens, signal: abort.signal });
        } catch (error) {
          if (abort.signal.aborted) throw abort.signal.reason;
          if (error instanceof PromptError) throw error;
          unreached = describeError(error);
        }
      }
      throw new PromptError('connection', `the media layer could not be reached: ${unreached}`);
    } finally {
      timer.cancel();
    }
  };
  let ahead = 0;
  const prefetch: PrefetchAudio = (accountSid, source) => {
    const [node] = inOrder(nodes(), accountSid, source);
    if (node === undefined || ahead >= MOST_PREFETCHES) return;
    ahead += 1;
    const abort = new AbortController();
    const timer = clock.setTimer(PREFETCH_MS, () => {
      abort.abort();
    });
    const means = { agent, tokens: options.tokens, signal: abort.signal };
    post({ node, accountSid, source }, means, { prefer: 'respond-async' })
      .then(({ body }) => body.dump())
      // Whoever asks for it hears what is wrong.
      .catch(() => undefined)
      .finally(() => {
        timer.cancel();
        ahead -= 1;
      });
  };
  return {
    audio,
    prefetch,
    close() {
      closing ??= agent.destroy();
      return closing;
    },
  };
}

interface Question {
  readonly node: string;
  readonly accountSid: string;
  readonly source: MediaSource;
}

interface Means {
  readonly agent: Agent;
  readonly tokens: NodeTokens;
  readonly signal: AbortSignal;
}

async function post(
  { node, accountSid, source }: Question,
  means: Means,
  headers: Readonly<Record<string, string>> = {},
): Promise<Dispatcher.ResponseData> {
  const { kind, ...rest } = source;
  const named = kind === 'upload' ? { upload: source.name } : rest;
  return await request(`${node}/media/v1/resource`, {
    method: 'POST',
    dispatcher: means.agent,
    signal: means.signal,
    headers: {
      ...headers,
      authorization: `Bearer ${means.tokens.issue(accountSid)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ ...named, codec: TELEPHONE.codec, rate: TELEPHONE.rate }),
  });
}

async function ask(question: Question, means: Means): Promise<Uint8Array | GrowingBody> {
  const { node } = question;
  const { statusCode, headers, body } = await post(question, means);
  if (statusCode === 200) {
    const length = Number(headers['content-length'] ?? Infinity);
    return length <= AT_ONCE ? new Uint8Array(await body.arrayBuffer()) : await transfer(body, node);
  }
  const text = await body.text();
  const problem = problemSchema.safeParse(jsonOf(text)).data;
  const reason = problem?.reason;
  if (problem !== undefined && reason !== undefined && isPromptErrorReason(reason)) {
    throw new PromptError(reason, problem.title);
  }
  throw new Error(`${node} answered ${String(statusCode)}: ${problem?.title ?? text.slice(0, 100)}`);
}

/** Resolves when there is something to hear. Ends early when nobody reads it any more. */
async function transfer(body: Readable, node: string): Promise<GrowingBody> {
  const growing = new GrowingBody({ onUnread: () => body.destroy() });
  const receive = async (): Promise<void> => {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (growing.bytes + chunk.length > MOST_BYTES) {
        throw new PromptError('too-large', `the audio is longer than ${String(MOST_BYTES)} bytes`);
      }
      growing.append(chunk);
    }
    growing.end();
  };
  receive().catch((error: unknown) => {
    const why = `the audio broke off after ${String(growing.bytes)} bytes: ${describeError(error)}`;
    growing.fail(error instanceof PromptError ? error : new PromptError('connection', why, { cause: error }));
  });
  try {
    await growing.started();
  } catch (error) {
    throw new Error(`${node}: ${describeError(error)}`, { cause: error });
  }
  return growing;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Rendezvous hashing: when a node comes or goes, only its own share moves. */
function inOrder(nodes: readonly string[], accountSid: string, source: MediaSource): string[] {
  const key = JSON.stringify([accountSid, source]);
  const weigh = (node: string): string => createHash('sha256').update(node).update(key).digest('hex');
  return nodes
    .map((node) => ({ node, weight: weigh(node) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ node }) => node);
}
