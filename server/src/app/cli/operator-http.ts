import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { DomainError } from '../../kernel/index.ts';
import { cannotAnswer } from '../run-state.ts';
import type { RunState } from '../run-state.ts';

/** The running server refused, or could not be asked. */
export class ServerAnswerError extends DomainError<'refused' | 'unreachable' | 'no-operator-key'> {}

const TIMEOUT_MS = 10_000;

/** Asks the running server as its operator. @throws ServerAnswerError */
export function operatorGet(state: RunState, path: string): Promise<Buffer> {
  return ask(state, path);
}

/** Has the running server do something, as its operator. @throws ServerAnswerError */
export function operatorPost(state: RunState, path: string, body: object): Promise<Buffer> {
  return ask(state, path, body);
}

async function ask(state: RunState, path: string, json?: object): Promise<Buffer> {
  const why = cannotAnswer(state);
  if (why !== undefined && (path.startsWith('/v1/cluster') || state.operatorKey === undefined))
    throw new ServerAnswerError('refused', why);
  if (state.operatorKey === undefined) {
    throw new ServerAnswerError('no-operator-key', 'the running server is of an older version: restart it');
  }
  const url = new URL(path, state.pageUrl);
  const options: RequestOptions = {
    method: json === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${state.operatorKey}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    timeout: TIMEOUT_MS,
    // That very certificate, whatever name it is for and whoever signed it: the run-state file vouches for it.
    ...(state.certificate === undefined
      ? {}
      : { ca: state.certificate, checkServerIdentity: () => undefined, allowPartialTrustChain: true }),
  };
  const { status, body } = await send(url, options, json === undefined ? undefined : JSON.stringify(json));
  if (status >= 200 && status < 300) return body;
  throw new ServerAnswerError('refused', sentenceOf(body) ?? `the server answered ${status}`);
}

function send(
  url: URL,
  options: RequestOptions,
  content: string | undefined,
): Promise<{ status: number; body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>();
  const fail = (cause: Error): void => {
    const message = `the server at ${url.host} does not answer: ${cause.message}`;
    reject(new ServerAnswerError('unreachable', message, { cause }));
  };
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', fail);
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
    });
  });
  request.on('timeout', () => {
    request.destroy(new Error(`nothing within ${TIMEOUT_MS / 1000} s`));
  });
  request.on('error', fail);
  request.end(content);
  return promise;
}

function sentenceOf(body: Buffer): string | undefined {
  try {
    const { title, detail } = JSON.parse(body.toString('utf8')) as { title?: unknown; detail?: unknown };
    return [detail, title].find((text) => typeof text === 'string');
  } catch {
    return undefined;
  }
}
