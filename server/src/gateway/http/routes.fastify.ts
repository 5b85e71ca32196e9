import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { describeError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import type { ConnectionAcceptor } from '../ports.ts';
import type { LongPolls } from './long-poll.ts';
import { readNumber, readSubscription, readToken } from './query.ts';
import type { Query } from './query.ts';
import { HttpRefusal, refusalAnswer } from './refusal.ts';
import type { HttpAnswer } from './refusal.ts';
import { SseTransport } from './sse-transport.ts';
import type { SseResponse } from './sse-transport.ts';

export interface HubHttpOptions {
  /** Takes event streams; undefined while the gateway is not open. */
  readonly acceptor: () => ConnectionAcceptor | undefined;
  readonly polls: LongPolls;
  readonly log: Log;
}

export const SSE_PATH = '/v1/hub/events';
export const POLL_PATH = '/v1/hub/poll';

/** Longest wait of a poll, seconds: below what proxies usually cut idle requests at. */
const MAX_TIMEOUT_S = 55;
const DEFAULT_TIMEOUT_S = 25;
const MAX_EVENTS = 1000;
const DEFAULT_EVENTS = 100;

/** Pages of any origin may subscribe: the token is what counts, and browsers never send it on their own. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
};
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'GET',
  'access-control-allow-headers': 'authorization, cache-control, last-event-id',
  'access-control-max-age': '86400',
};
const STREAM = {
  ...CORS,
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // nginx would gather what is written.
  'x-accel-buffering': 'no',
};

/** The hub for clients that speak plain HTTP: server-sent events and long-polling. */
export function hubHttp(options: HubHttpOptions): FastifyPluginCallback {
  return (app, _options, done) => {
    for (const path of [SSE_PATH, POLL_PATH]) {
      app.options(path, { schema: { hide: true } }, (_request, reply) => reply.code(204).headers(PREFLIGHT).send());
    }
    const route = { exposeHeadRoute: false, schema: { hide: true } };
    app.get(SSE_PATH, route, (request, reply) => stream(options, request, reply));
    app.get(POLL_PATH, route, (request, reply) => poll(options, request, reply));
    done();
  };
}

function stream({ acceptor, log }: HubHttpOptions, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const query = request.query as Query;
  try {
    const token = readToken(request.headers, query);
    const lastId = request.headers['last-event-id'] ?? query['last_event_id'];
    const subscription = readSubscription(query, lastId);
    const gateway = acceptor();
    if (gateway === undefined) throw new HttpRefusal('unavailable', 'the server is starting');
    reply.hijack();
    const { raw } = reply;
    const opened = SseTransport.open(gateway, { ...subscription, token, remoteAddress: request.ip }, responseOf(raw));
    raw.on('drain', () => {
      opened.drained();
    });
    raw.on('close', () => {
      opened.closed();
    });
    raw.on('error', (error) => {
      log.debug({ err: error }, 'an event stream broke');
    });
    if (raw.destroyed) opened.closed();
    return reply;
  } catch (error) {
    return refuse(log, reply, error);
  }
}

async function poll(options: HubHttpOptions, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = request.query as Query;
  const gone = new AbortController();
  const onClose = (): void => {
    gone.abort();
  };
  reply.raw.on('close', onClose);
  try {
    const json = await options.polls.poll({
      ...readSubscription(query, query['after']),
      token: readToken(request.headers, query),
      timeoutMs: readNumber(query, 'timeout', { min: 0, max: MAX_TIMEOUT_S, default: DEFAULT_TIMEOUT_S }) * 1000,
      limit: readNumber(query, 'limit', { min: 1, max: MAX_EVENTS, default: DEFAULT_EVENTS }),
      signal: gone.signal,
    });
    return await reply
      .headers({ ...CORS, 'cache-control': 'no-store' })
      .type('application/json')
      .send(json);
  } catch (error) {
    return refuse(options.log, reply, error);
  }
}

function refuse(log: Log, reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof HttpRefusal)) {
    log.error({ err: error }, `serving an HTTP subscriber failed: ${describeError(error)}`);
  }
  const { status, headers, body } =
    error instanceof HttpRefusal
      ? refusalAnswer(error.reason, error.message, error.retryAfterMs)
      : refusalAnswer('internal', '');
  return reply
    .code(status)
    .headers({ ...CORS, ...headers, 'cache-control': 'no-store' })
    .send(body);
}

function responseOf(raw: FastifyReply['raw']): SseResponse {
  return {
    get bufferedBytes() {
      return raw.writableLength;
    },
    begin: () => {
      if (raw.headersSent) return;
      raw.writeHead(200, STREAM);
      raw.flushHeaders();
    },
    write: (bytes) => {
      if (!raw.writableEnded && !raw.destroyed) raw.write(bytes);
    },
    end: () => {
      if (!raw.writableEnded) raw.end();
    },
    destroy: () => {
      raw.destroy();
    },
    refuse: ({ status, headers, body }: HttpAnswer) => {
      if (raw.headersSent) return;
      raw.writeHead(status, { ...CORS, ...headers, 'cache-control': 'no-store' });
      raw.end(body);
    },
  };
}
