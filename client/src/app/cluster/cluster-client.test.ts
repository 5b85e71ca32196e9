import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClusterClient } from './cluster-client.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** What was asked, and a server that answers so. */
function server(answer: () => Response): { readonly url: string; readonly init: RequestInit }[] {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return Promise.resolve(answer());
  });
  return asked;
}
const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });

describe('what the operator asks of the cluster', () => {
  it('bears the key, and what the server says is checked', async () => {
    const asked = server(() => json(200, { nodes: [], room: 3 }));
    expect(await new ClusterClient('secret').nodes()).toEqual({ nodes: [], room: 3 });
    expect(asked).toMatchObject([
      { url: 'v1/cluster/nodes', init: { method: 'GET', headers: { authorization: 'Bearer secret' } } },
    ]);
    server(() => json(200, { nodes: 'many' }));
    await expect(new ClusterClient('secret').nodes()).rejects.toThrow();
  });

  it('names nodes, accounts and searches as they are', async () => {
    const asked = server(() => json(200, { tenants: [], missing: [] }));
    const client = new ClusterClient('k');
    await client.tenants(50, 'A & B');
    await client.tenants(50, '');
    await client.setStatus('AC/1', 'suspended').catch(() => undefined);
    await client.drain('n 1', 60).catch(() => undefined);
    expect(asked.map(({ url, init }) => [url, init.body])).toEqual([
      ['v1/cluster/tenants?limit=50&search=A%20%26%20B', undefined],
      ['v1/cluster/tenants?limit=50', undefined],
      ['v1/cluster/tenants/AC%2F1', '{"status":"suspended"}'],
      ['v1/cluster/nodes/n%201/drain', '{"deadlineSeconds":60}'],
    ]);
  });

  it('that is refused says so in a sentence; a key that is not good is told apart', async () => {
    const client = new ClusterClient('k');
    server(() => json(401, { title: 'Authenticate' }));
    await expect(client.queue()).rejects.toMatchObject({ isRefused: true, message: /not the key/ });
    server(() => json(503, { title: 'Service unavailable', detail: 'node n1 did not answer' }));
    await expect(client.drain('n1', 0)).rejects.toMatchObject({ isRefused: false, message: 'node n1 did not answer' });
    server(() => new Response('<html>', { status: 502 }));
    await expect(client.queue()).rejects.toMatchObject({ isRefused: false, message: 'The server answered 502.' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    await expect(client.queue()).rejects.toMatchObject({ isRefused: false, message: 'The server does not answer.' });
  });
});
