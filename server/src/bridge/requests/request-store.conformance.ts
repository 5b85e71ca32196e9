import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import type { BridgeRequest, BridgeRequestStore } from './ports.ts';

const A = `AC${'a'.repeat(32)}`;
const B = `AC${'b'.repeat(32)}`;

function aRequest(change: Partial<BridgeRequest> = {}): BridgeRequest {
  return {
    sid: `BR${'1'.repeat(32)}`,
    accountSid: A,
    identity: 'support/alice',
    to: '+15550123',
    from: '+15550100',
    data: { text: 'call me', nested: [1, null] },
    announced: true,
    secret: '0'.repeat(32),
    createdAt: 1,
    expiresAt: 2,
    status: 'pending',
    ...change,
  };
}

/** The contract of {@link BridgeRequestStore}, for every implementation. `open` gives an empty store. */
export function requestStoreConformance(
  name: string,
  open: () => Promise<{ store: BridgeRequestStore; close(): Promise<void> }>,
): void {
  describe(`bridge requests: ${name}`, () => {
    let store: BridgeRequestStore;
    let opened: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(async () => {
      await opened.close();
    });

    it('what was made is read back by its account alone, and becomes known', async () => {
      const seen: string[] = [];
      const off = store.onChange(({ sid }) => seen.push(sid));
      const request = aRequest();
      await store.create(request);
      expect((await store.get(A, request.sid))?.request).toEqual(request);
      expect(await store.get(B, request.sid)).toBeUndefined();
      await eventually(() => {
        expect([...store.known()]).toEqual([request]);
        expect(seen).toEqual([request.sid]);
      });
      off();
    });

    it('of changes based on one revision one is written', async () => {
      const request = aRequest();
      await store.create(request);
      const held = await store.get(A, request.sid);
      const revision = held?.revision ?? -1;
      const changes = (['accepted', 'canceled', 'expired'] as const).map((status) =>
        store.replace({ ...request, status }, revision),
      );
      const done = await Promise.all(changes);
      expect(done.filter(Boolean)).toHaveLength(1);
      const after = await store.get(A, request.sid);
      expect(after?.request.status).toBe((['accepted', 'canceled', 'expired'] as const)[done.indexOf(true)]);
      expect(after?.revision).not.toBe(revision);
    });
  });
}
