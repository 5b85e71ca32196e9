import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import type { Registration, RegistrationChange, Registrations } from './ports.ts';

const A = `AC${'a'.repeat(32)}`;
const B = `AC${'b'.repeat(32)}`;

function registration(identity: string, id: string, change: Partial<Registration> = {}): Registration {
  return {
    accountSid: A,
    identity,
    registration: id,
    node: 'gate',
    connection: 'c1',
    device: undefined,
    since: 1,
    ...change,
  };
}

/** The contract of {@link Registrations}, for every implementation. `open` gives an empty store. */
export function registrationsConformance(
  name: string,
  open: () => Promise<{ store: Registrations; close(): Promise<void> }>,
): void {
  describe(`registrations: ${name}`, () => {
    let store: Registrations;
    let opened: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(async () => {
      await opened.close();
    });
    const ids = async (account: string, target: string): Promise<string[]> =>
      (await store.find(account, target)).map((held) => held.registration);

    it('what was put is found, the newest version of it', async () => {
      const one = registration('alice', 'r1', { device: 'desk' });
      await store.put(registration('alice', 'r1'));
      await store.put(one);
      expect(await store.find(A, 'alice')).toEqual([one]);
      expect(await store.get(one)).toEqual(one);
      expect(await store.get({ ...one, registration: 'r2' })).toBeUndefined();
    });

    it('BR-2 finds by identity and by prefix, oldest first, in one account', async () => {
      await store.put(registration('s/t1/alice', 'r1', { since: 3 }));
      await store.put(registration('s/t1/alice', 'r2', { since: 1 }));
      await store.put(registration('s/t1/n/bob', 'r3', { since: 2 }));
      await store.put(registration('s/t10/carol', 'r4'));
      await store.put(registration('s/t1', 'r5'));
      await store.put(registration('s/t1/alice', 'r6', { accountSid: B }));
      expect(await ids(A, 's/t1/alice')).toEqual(['r2', 'r1']);
      expect(await ids(A, 's/t1/*')).toEqual(['r2', 'r3', 'r1']);
      expect(await ids(A, 's/t1')).toEqual(['r5']);
      expect(await ids(B, 's/*')).toEqual(['r6']);
      expect(await ids(A, 'nobody')).toEqual([]);
      const listed = async (prefix: string): Promise<string[]> =>
        (await store.list(A, prefix)).map((held) => held.registration);
      expect(await listed('')).toHaveLength(5);
      expect(await listed('s/t1')).toHaveLength(5);
      expect(await listed('s/t1/')).toEqual(['r2', 'r3', 'r1']);
      expect(await listed('x')).toEqual([]);
    });

    it('BR-7 keeps what a device is doing', async () => {
      await store.put(registration('alice', 'r1'));
      await store.put(registration('alice', 'r1', { state: 'away' }));
      expect((await store.find(A, 'alice')).map(({ state }) => state)).toEqual(['away']);
      await store.put(registration('alice', 'r1', { state: 'busy' }));
      expect((await store.list(A, '')).map(({ state }) => state)).toEqual(['busy']);
    });

    it.each(['a.b', 'ü@x+1', '*', '>', 'a=2Eb'])('keeps any identity apart from all others: %s', async (identity) => {
      await store.put(registration(identity, 'r1'));
      await store.put(registration('plain', 'r2'));
      expect(await ids(A, identity)).toEqual(['r1']);
      expect(await store.remove(registration(identity, 'r1'), 'c1')).toBe(true);
      expect(await ids(A, identity)).toEqual([]);
      expect(await ids(A, 'plain')).toEqual(['r2']);
    });

    it('BR-8 only the connection that holds a registration removes it', async () => {
      await store.put(registration('alice', 'r1'));
      await store.put(registration('alice', 'r1', { connection: 'c2' }));
      expect(await store.remove(registration('alice', 'r1'), 'c1')).toBe(false);
      expect(await ids(A, 'alice')).toEqual(['r1']);
      expect(await store.remove(registration('alice', 'r1'), 'c2')).toBe(true);
      expect(await store.remove(registration('alice', 'r1'), 'c2')).toBe(false);
      expect(await ids(A, 'alice')).toEqual([]);
    });

    it('watchers hear of changes to their target until they close', async () => {
      const heard: string[] = [];
      const listener = (change: RegistrationChange): void => {
        const suffix = change.kind === 'put' ? ` ${change.registration.connection}` : '';
        heard.push(`${change.kind} ${change.registration.registration}${suffix}`);
      };
      const watch = store.watch(A, 's/*', listener);
      await watch.ready;
      await store.put(registration('s/alice', 'r1'));
      await store.put(registration('s/alice', 'r1', { connection: 'c2' }));
      await store.put(registration('other', 'r2'));
      await store.put(registration('s/alice', 'r3', { accountSid: B }));
      await store.remove(registration('s/alice', 'r1'), 'c2');
      const expected = ['put r1 c1', 'put r1 c2', 'removed r1'];
      await eventually(() => {
        expect(heard).toEqual(expected);
      });
      watch.close();
      await store.put(registration('s/alice', 'r4'));
      expect(await ids(A, 's/alice')).toEqual(['r4']);
      expect(heard).toEqual(expected);
    });
  });
}
