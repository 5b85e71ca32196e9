import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { headOf, traceOf } from './build.ts';
import { pcapOf } from './pcap.ts';
import type { CallTraces, RecordedCall, TraceAccess, TraceScope } from './ports.ts';
import { renderLadder } from './text-ladder.ts';

export interface TraceRoutesOptions {
  readonly traces: CallTraces;
  readonly access: TraceAccess;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;

/**
 * `GET /v1/accounts/{AccountSid}/traces` and `.../calls/{CallSid}/trace`, with `.json` (default), `.txt` and `.pcap`; for
 * the operator `/v1/traces` and `/v1/traces/{id}`, where `id` may also be a SIP Call-ID, over all accounts and with what
 * became no call. Errors as `{status, title}`.
 */
export function traceRoutes({ traces, access }: TraceRoutesOptions): FastifyPluginCallback {
  return (app, _options, done) => {
    const guarded =
      (handle: (scope: TraceScope, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
      async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
        void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
        const scope = await access.scopeOf(request.headers.authorization);
        if (scope === undefined) {
          void reply.header('www-authenticate', 'Basic realm="hookswitch"');
          return await problem(reply, 401, 'Give AccountSid and auth token (Basic), or an access token (Bearer)');
        }
        if (scope === 'forbidden') return await problem(reply, 403, 'This access token has no `trace` grant');
        const { account } = request.params as { account?: string };
        // What belongs to another account is not there, whether it exists or not.
        if (account === undefined ? scope !== 'operator' : scope !== 'operator' && scope.accountSid !== account) {
          return await problem(reply, 404, 'There is nothing here for these credentials');
        }
        return await handle(account === undefined ? 'operator' : { accountSid: account }, request, reply);
      };
    const list = guarded(async (scope, request, reply) => {
      const { limit = DEFAULT_LIMIT } = request.query as { limit?: string };
      const count = Math.min(MAX_LIMIT, Math.max(1, Number(limit) || DEFAULT_LIMIT));
      const calls = await traces.recent(scope, count);
      return await reply.send({ calls: calls.map(headOf) });
    });
    const one = guarded(async (scope, request, reply) => {
      const { name } = request.params as { name: string };
      const { id, format } = split(name, request.url);
      const call = await traces.find(scope, id);
      if (call === undefined) {
        return await problem(
          reply,
          404,
          'No trace of this call: it is unknown, was traced on another node, or too old',
        );
      }
      return await send(reply, call, format);
    });
    app.get('/v1/accounts/:account/traces', list);
    app.get('/v1/accounts/:account/traces.json', list);
    for (const ending of ['', '.json', '.txt', '.pcap'])
      app.get(`/v1/accounts/:account/calls/:name/trace${ending}`, one);
    app.get('/v1/traces', list);
    app.get('/v1/traces/:name', one);
    done();
  };
}

type Format = 'json' | 'txt' | 'pcap';

/** The format is the ending of the address: of `trace.pcap` for a call, of the id itself for the operator's. */
function split(name: string, url: string): { id: string; format: Format } {
  const [path = ''] = url.split('?');
  const format = /\.(json|txt|pcap)$/.exec(path)?.[1] as Format | undefined;
  const ownName = /^\/v1\/traces\//.test(path) && format !== undefined;
  return { id: ownName ? name.slice(0, -format.length - 1) : name, format: format ?? 'json' };
}

function send(reply: FastifyReply, call: RecordedCall, format: Format): FastifyReply {
  if (format === 'json') return reply.send(traceOf(call));
  if (format === 'txt') {
    return reply.type('text/plain; charset=utf-8').send(`${renderLadder(traceOf(call)).join('\n')}\n`);
  }
  const { id } = headOf(call);
  const file = `${id.replace(/[^\w.-]+/g, '_').slice(0, 80)}.pcap`;
  return reply
    .type('application/vnd.tcpdump.pcap')
    .header('content-disposition', `attachment; filename="${file}"`)
    .send(pcapOf([call]));
}

function problem(reply: FastifyReply, status: number, title: string): FastifyReply {
  return reply.code(status).send({ status, title });
}
