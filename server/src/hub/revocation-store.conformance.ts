import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grants } from '@hookswitch/shared';
import { systemClock } from '../kernel/index.ts';
import type { Revocation, RevocationStore } from './ports.ts';
import { newRevocation } from './revocations.ts';
import { ACCOUNT, KEY, OTHER_ACCOUNT } from './testing/fixtures.ts';

const grants = (more: Partial<Grants> = {}): Grants => ({
  accountSid: ACCOUNT,
  keySid: KEY,
  tokenId: 'jti-1',
  identity: 'alice',
  expiresAt: systemClock.now() + 60_000,
  issuedAt: systemClock.now() - 5000,
  voice: { incoming: false, outgoing: undefined },
  subscribe: [],
  publish: [],
  presence: [],
  trace: false,
  ...more,
});

/** @param open a store, and another view of the same one (the same store where there is only one) */
export function revocationStoreConformance(
  name: string,
  open: () => Promise<{ store: RevocationStore; other: RevocationStore; close: () => Promise<void> }>,
): void {
  describe(`revocations: ${name}`, () => {
    let store: RevocationStore;
    let other: RevocationStore;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ store, other, close } = await open());
    });
    afterEach(() => close());
    const revoke = async (kind: Revocation['kind'], value?: string, before?: number): Promise<Revocation> => {
      const made = newRevocation(
        { accountSid: ACCOUNT, kind, before, ...(value === undefined ? {} : { value }) },
        systemClock,
      );
      await store.add(made);
      return made;
    };

    it('hits the token, the identity, the key and the account, and nobody else', async () => {
      const cases: [Revocation['kind'], string | undefined, Partial<Grants>][] = [
        ['token', 'jti-1', { tokenId: 'jti-2' }],
        ['identity', 'alice', { identity: 'alice2' }],
        ['identity', 'alice', { identity: undefined }],
        ['key', KEY, { keySid: `SK${'9'.repeat(32)}` }],
        ['account', undefined, { accountSid: OTHER_ACCOUNT }],
      ];
      for (const [kind, value, elsewhere] of cases) {
        const { sid } = await revoke(kind, value);
        expect(store.hit(grants())?.sid, kind).toBe(sid);
        expect(store.hit(grants(elsewhere)), kind).toBeUndefined();
        expect(await store.remove(ACCOUNT, sid)).toBe(true);
        expect(store.hit(grants()), kind).toBeUndefined();
        expect(await store.remove(ACCOUNT, sid)).toBe(false);
      }
      expect(store.list(ACCOUNT)).toEqual([]);
    });

    it('newer tokens are good, a token that does not say when it was made is not, one that is named never', async () => {
      const { before } = await revoke('identity', 'alice');
      expect(store.hit(grants({ issuedAt: before }))).toBeUndefined();
      expect(store.hit(grants({ issuedAt: before - 1 }))).toBeDefined();
      expect(store.hit(grants({ issuedAt: undefined }))).toBeDefined();
      await revoke('token', 'jti-1');
      expect(store.hit(grants({ issuedAt: before + 5000 }))).toMatchObject({ kind: 'token' });
    });

    it('the same target again replaces the revocation; none lies in the future', async () => {
      const first = await revoke('identity', 'alice', systemClock.now() - 60_000);
      expect(store.hit(grants())).toBeUndefined();
      const second = await revoke('identity', 'alice', systemClock.now() + 60_000);
      expect(second.sid).toBe(first.sid);
      expect(second.before).toBeLessThanOrEqual(systemClock.now());
      expect(store.list(ACCOUNT)).toEqual([second]);
      expect(store.hit(grants())).toEqual(second);
    });

    it('every process knows, and is told', async () => {
      const told: string[] = [];
      const stop = other.onAdded(({ sid }) => told.push(sid));
      const { sid } = await revoke('account');
      await expect.poll(() => other.hit(grants())?.sid).toBe(sid);
      expect(told).toContain(sid);
      stop();
      expect(await other.remove(ACCOUNT, sid)).toBe(true);
      await expect.poll(() => store.hit(grants())).toBeUndefined();
    });
  });
}
