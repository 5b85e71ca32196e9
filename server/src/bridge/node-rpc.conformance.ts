import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeRpc } from './ports.ts';

/** The contract of {@link NodeRpc}, for every implementation. `open` gives the faces of two nodes. */
export function nodeRpcConformance(
  name: string,
  open: () => Promise<{ a: NodeRpc; b: NodeRpc; close(): Promise<void> }>,
): void {
  describe(`node requests: ${name}`, () => {
    let a: NodeRpc;
    let b: NodeRpc;
    let opened: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      opened = await open();
      ({ a, b } = opened);
    });
    afterEach(async () => {
      await opened.close();
    });

    it('are answered by the node they name, itself included', async () => {
      a.serve('who', () => Promise.resolve({ node: a.node }));
      b.serve('who', (payload) => Promise.resolve({ node: b.node, payload }));
      expect(await a.request(b.node, 'who', { n: 1 })).toEqual({ node: b.node, payload: { n: 1 } });
      expect(await a.request(a.node, 'who', {})).toEqual({ node: a.node });
    });

    it('keep their order', async () => {
      const seen: number[] = [];
      b.serve('n', (payload) => {
        seen.push((payload as { n: number }).n);
        return Promise.resolve(null);
      });
      await Promise.all(Array.from({ length: 200 }, (_, n) => a.request(b.node, 'n', { n })));
      expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
    });

    it('are refused as unreachable by a node that does not serve them', async () => {
      const unreachable = expect.objectContaining({ reason: 'unreachable' }) as Error;
      await expect(a.request(b.node, 'nothing', {})).rejects.toEqual(unreachable);
      await expect(a.request('nobody', 'who', {})).rejects.toEqual(unreachable);
      const stop = b.serve('who', () => Promise.resolve(1));
      stop();
      stop();
      await expect(a.request(b.node, 'who', {})).rejects.toEqual(unreachable);
    });

    it('fail when the handler does, and the next one works', async () => {
      let fail = true;
      b.serve('flaky', () => (fail ? Promise.reject(new Error('broken')) : Promise.resolve('fine')));
      await expect(a.request(b.node, 'flaky', {})).rejects.toThrow(
        expect.objectContaining({ reason: 'failed', message: expect.stringContaining('broken') as string }) as Error,
      );
      fail = false;
      expect(await a.request(b.node, 'flaky', {})).toBe('fine');
    });
  });
}
