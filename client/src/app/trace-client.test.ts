import { afterEach, describe, expect, it, vi } from 'vitest';
import { TraceClient, claimsOf } from './trace-client.ts';

const token = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
const inAnHour = Math.floor(Date.now() / 1000) + 3600;

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('reading call traces from the page', () => {
  it('the default of a token is no', () => {
    expect(claimsOf(token({ sub: 'AC1', exp: 5, grants: { identity: 'älice' } }))).toEqual({
      account: 'AC1',
      expiresAt: 5000,
      trace: false,
    });
    expect(claimsOf(token({ sub: 'AC1', exp: 5, grants: { trace: true } })).trace).toBe(true);
    expect(claimsOf(token({ grants: { trace: 'yes' } })).trace).toBe(false);
    expect(claimsOf('no token')).toEqual({ account: '', expiresAt: 0, trace: false });
  });

  it('asks with the token, for a new one when it has expired, and says what the server said', async () => {
    const tokens = [
      token({ sub: 'AC1', exp: 5, grants: { trace: true } }),
      token({ sub: 'AC1', exp: inAnHour, grants: {} }),
    ];
    const asked: string[] = [];
    vi.stubGlobal('fetch', (url: string, { headers }: { headers: Record<string, string> }) => {
      asked.push(url, headers['authorization'] ?? '');
      return Promise.resolve(new Response(JSON.stringify({ title: 'No trace grant' }), { status: 403 }));
    });
    const fresh = vi.fn(() => Promise.resolve(tokens.shift() ?? ''));
    const client = new TraceClient(fresh);
    expect(await client.isGranted()).toBe(true);
    await expect(client.recent()).rejects.toThrow('No trace grant');
    await expect(client.call('CA/1')).rejects.toThrow('No trace grant');
    expect(fresh).toHaveBeenCalledTimes(2);
    expect(asked.filter((_, at) => at % 2 === 0)).toEqual([
      'v1/accounts/AC1/traces?limit=20',
      'v1/accounts/AC1/calls/CA%2F1/trace.json',
    ]);
  });
});
