import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AddressBindings, Binding, BindingStore } from './ports.ts';

export const binding = (contact: string, change: Partial<Binding> = {}): Binding => ({
  contact,
  q: 1,
  callId: 'c',
  cseq: 1,
  expiresAt: 5000,
  since: 0,
  path: [],
  received: { protocol: 'udp', address: '192.0.2.1', port: 5060 },
  overFlow: false,
  node: 'n1',
  ...change,
});

/** The contract of {@link BindingStore}, for every implementation. `open` gives an empty store. */
export function bindingsConformance(
  name: string,
  open: () => Promise<{ store: BindingStore; close(): Promise<void> }>,
): void {
  describe(`phone bindings: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let store: BindingStore;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(async () => {
      await opened.close();
    });
    const record = (address: string, ...bindings: Binding[]): AddressBindings => ({
      address,
      accountSid: 'AC1',
      bindings,
    });

    it('what was written is read and found, everything of it', async () => {
      const full = record(
        'alice@example.com',
        binding('sip:alice@10.0.0.1', {
          instance: '<urn:uuid:1>',
          regId: 1,
          path: ['<sip:edge;lr>'],
          userAgent: 'desk phone',
          received: { protocol: 'tcp', address: '2001:db8::1', port: 40_000, flow: 'c1' },
          overFlow: true,
          q: 0.5,
        }),
        binding('sip:alice@10.0.0.2'),
      );
      expect(await store.write(full, undefined)).toBe(true);
      expect(store.find(full.address)).toMatchObject(full);
      expect(await store.read(full.address)).toMatchObject(full);
      expect([...store.all()]).toMatchObject([full]);
    });

    it('only the newest revision may be replaced or removed', async () => {
      const [one, two] = [record('a@b', binding('sip:1@h')), record('a@b', binding('sip:2@h'))];
      expect(await store.write(one, undefined)).toBe(true);
      expect(await store.write(two, undefined)).toBe(false);
      const first = await store.read('a@b');
      expect(await store.write(two, first?.revision)).toBe(true);
      expect(await store.write(one, first?.revision)).toBe(false);
      expect(await store.write(record('a@b'), first?.revision)).toBe(false);
      const second = await store.read('a@b');
      expect(second?.revision).not.toBe(first?.revision);
      expect(second?.bindings).toEqual(two.bindings);
    });

    it('no bindings removes the record, and it can be made again', async () => {
      await store.write(record('a@b', binding('sip:1@h')), undefined);
      expect(await store.write(record('a@b'), (await store.read('a@b'))?.revision)).toBe(true);
      expect([await store.read('a@b'), store.find('a@b'), [...store.all()]]).toEqual([undefined, undefined, []]);
      expect(await store.write(record('a@b'), undefined)).toBe(true);
      expect(await store.write(record('a@b', binding('sip:1@h')), undefined)).toBe(true);
    });

    it.each(['+1555@ex.com', 'ü*>@ex.com', 'a.b@ex.com'])(
      'keeps any address apart from all others: %s',
      async (address) => {
        await store.write(record(address, binding('sip:1@h')), undefined);
        await store.write(record('plain@ex.com', binding('sip:2@h')), undefined);
        expect(store.find(address)?.bindings[0]?.contact).toBe('sip:1@h');
      },
    );
  });
}
