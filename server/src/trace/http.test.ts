import { fastify } from 'fastify';
import { callTraceSchema, traceListSchema } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { traceRoutes } from './http.fastify.ts';
import type { TraceScope } from './index.ts';
import { ACCOUNT, LEG, OTHER_ACCOUNT, ROOT, Recording } from './testing/recording.ts';

const SCOPES: Readonly<Record<string, TraceScope | 'forbidden'>> = {
  owner: { accountSid: ACCOUNT },
  stranger: { accountSid: OTHER_ACCOUNT },
  phone: 'forbidden',
  operator: 'operator',
};

async function get(
  path: string,
  who?: string,
): Promise<{ status: number; type: string; body: string; headers: Record<string, unknown> }> {
  const recording = new Recording();
  recording.wholeCall();
  recording.sip('in', { start: 'OPTIONS sip:127.0.0.1 SIP/2.0', callId: 'ping/1@x' });
  const app = fastify();
  const access = { scopeOf: (header?: string) => Promise.resolve(header === undefined ? undefined : SCOPES[header]) };
  await app.register(traceRoutes({ traces: recording.recorder, access }));
  const response = await app.inject({ url: path, headers: who === undefined ? {} : { authorization: who } });
  await app.close();
  return {
    status: response.statusCode,
    type: String(response.headers['content-type']),
    body: response.body,
    headers: response.headers,
  };
}
const trace = `/v1/accounts/${ACCOUNT}/calls/${LEG}/trace`;

describe('traces over HTTP', () => {
  it('JSON, text and capture', async () => {
    const json = await get(trace, 'owner');
    expect(json.status).toBe(200);
    expect(callTraceSchema.parse(JSON.parse(json.body))).toMatchObject({ id: ROOT, callSids: [ROOT, LEG] });
    expect(json.headers['cache-control']).toBe('no-store');
    expect((await get(`${trace}.json`, 'owner')).body).toBe(json.body);
    const text = await get(`${trace}.txt`, 'owner');
    expect(text.type).toBe('text/plain; charset=utf-8');
    expect(text.body).toContain('INVITE');
    const pcap = await get(`${trace}.pcap`, 'owner');
    expect(pcap.headers['content-disposition']).toBe(`attachment; filename="${ROOT}.pcap"`);
    const list = await get(`/v1/accounts/${ACCOUNT}/traces?limit=5`, 'owner');
    expect(traceListSchema.parse(JSON.parse(list.body)).calls.map(({ id }) => id)).toEqual([ROOT]);
  });

  it('the operator sees all, by SIP Call-ID too', async () => {
    const list = traceListSchema.parse(JSON.parse((await get('/v1/traces', 'operator')).body));
    expect(list.calls.map(({ id }) => id)).toEqual(['ping/1@x', ROOT]);
    expect((await get(`/v1/traces/${encodeURIComponent('ping/1@x')}.txt`, 'operator')).body).toContain('OPTIONS');
    expect((await get(`/v1/traces/${ROOT}.json`, 'operator')).status).toBe(200);
    expect((await get(trace, 'operator')).status).toBe(200);
  });

  it.each([
    ['nobody', trace, undefined, 401],
    ['unknown credentials', trace, 'wrong', 401],
    ['a token without the grant', trace, 'phone', 403],
    ['another account', trace, 'stranger', 404],
    ['a call of another account', trace.replace(ACCOUNT, OTHER_ACCOUNT), 'stranger', 404],
    ['the list of another account', `/v1/accounts/${ACCOUNT}/traces`, 'stranger', 404],
    ["the operator's list", '/v1/traces', 'owner', 404],
    ["the operator's way to a call", `/v1/traces/${ROOT}`, 'owner', 404],
    ['a call that is not there', trace.replace(LEG, 'CA0'), 'owner', 404],
  ])('refuses %s', async (_who, path, header, status) => {
    const answer = await get(path, header);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('INVITE');
    expect((JSON.parse(answer.body) as { status: number }).status).toBe(status);
  });
});
