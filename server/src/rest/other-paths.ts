import { callTraceSchema, connectionListSchema, traceListSchema } from '@hookswitch/shared';
import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;

const jsonOf = (schema: z.ZodType): Json => {
  const described = Object.entries(z.toJSONSchema(schema)).filter(([name]) => name !== '$schema' && name !== 'id');
  return { 'application/json': { schema: Object.fromEntries(described) } };
};
const text = { schema: { type: 'string' } };
const inPath = (name: string, description: string): Json => ({
  name,
  in: 'path',
  required: true,
  description,
  ...text,
});
const limit = { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 500, default: 20 } };

const operator = { security: [{ operator: [] }] };
const account = { security: [{ basic: [] }, { accessToken: [] }] };
const ACCOUNT = inPath('account', 'AccountSid');
const NAME = inPath('name', 'CallSid of any leg');

/** A recent call's messages, requests and events, in one of its forms. */
const trace = (
  id: string,
  content: Json,
  parameters: readonly Json[],
  security: Json,
): Readonly<Record<'get', object>> => ({
  get: {
    ...security,
    operationId: id,
    summary: 'Everything that is known of a recent call: SIP messages, requests, events, media',
    tags: ['Traces'],
    parameters,
    responses: { 200: { description: 'The trace', content } },
  },
});
const list = (id: string, parameters: readonly Json[], security: Json): Readonly<Record<'get', object>> => ({
  get: {
    ...security,
    operationId: id,
    summary: 'Recent calls of which there is a trace, the newest first',
    tags: ['Traces'],
    parameters: [...parameters, limit],
    responses: { 200: { description: 'Calls', content: jsonOf(traceListSchema) } },
  },
});
const PLAIN = { 'text/plain': text };
const PCAP = { 'application/vnd.tcpdump.pcap': {} };
const TRACE = jsonOf(callTraceSchema);

/** Routes that are served beside the REST API, for its document. */
export const OTHER_PATHS: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  '/v1/hub/connections': {
    get: {
      ...operator,
      operationId: 'listHubConnections',
      summary: 'Clients of all accounts that are connected to this process',
      tags: ['Cluster'],
      responses: { 200: { description: 'Connections', content: jsonOf(connectionListSchema) } },
    },
  },
  '/v1/traces': list('listAllTraces', [], operator),
  '/v1/traces/{name}': trace(
    'fetchAnyTrace',
    { ...TRACE, ...PLAIN, ...PCAP },
    [inPath('name', 'CallSid of any leg, or SIP Call-ID; ends in .json (default), .txt or .pcap')],
    operator,
  ),
  '/v1/accounts/{account}/traces': list('listTraces', [ACCOUNT], account),
  '/v1/accounts/{account}/traces.json': list('listTracesAsJson', [ACCOUNT], account),
  '/v1/accounts/{account}/calls/{name}/trace': trace('fetchTrace', TRACE, [ACCOUNT, NAME], account),
  '/v1/accounts/{account}/calls/{name}/trace.json': trace('fetchTraceAsJson', TRACE, [ACCOUNT, NAME], account),
  '/v1/accounts/{account}/calls/{name}/trace.txt': trace('fetchTraceAsText', PLAIN, [ACCOUNT, NAME], account),
  '/v1/accounts/{account}/calls/{name}/trace.pcap': trace('fetchTraceAsPcap', PCAP, [ACCOUNT, NAME], account),
};
