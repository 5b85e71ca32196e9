import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { systemClock, systemRandom } from '../kernel/index.ts';
import { MAX_VERSIONS } from './ports.ts';
import { SecretBox } from './secret-box.ts';
import { TenantStore } from './store.ts';
import type { TenantHarness } from './tenants.conformance.ts';

/** SIP lists, the operator's numbers and versions: the same promises as `tenantConformance` tests. */
export function sipListConformance(name: string, open: (secrets: SecretBox) => Promise<TenantHarness>): void {
  describe(`SIP lists, numbers of the operator, versions: ${name}`, () => {
    const secrets = new SecretBox(new Uint8Array(32).fill(7), systemRandom);
    let harness: TenantHarness;
    let store: TenantStore;
    beforeAll(async () => {
      harness = await open(secrets);
      store = new TenantStore({ ...harness, secrets, clock: systemClock, random: systemRandom });
    });
    afterAll(() => harness.close());

    it('CR-4 credentials of a mapped list call and register, until they go', async () => {
      const { phones } = harness.directory;
      const { account } = await store.createAccount('Lists');
      const other = await store.createAccount('Other');
      const domain = await store.phones.addDomain(account.sid, { domain: 'lists.example.com' });
      const list = await store.sipLists.addCredentialList(account.sid, 'office');
      const made = await store.sipLists.addCredential(list, { username: 'pbx', password: 'Correct horse 1' });
      expect(JSON.stringify(made)).not.toContain('Correct');
      const domainNow = async () => (await store.record('sipDomain', domain.sid)) ?? domain;
      await store.sipLists.map(domain, list.sid, 'calls');
      await eventually(() => {
        expect(phones.caller(domain.sid, 'pbx')).toMatchObject({ password: 'Correct horse 1', listed: true });
      });
      expect(phones.user(domain.sid, 'pbx')).toBeUndefined();
      expect(phones.access(domain.sid, '192.0.2.1')).toEqual({ address: undefined, credentials: 'needed' });
      await store.sipLists.map(await domainNow(), list.sid, 'registrations');
      const twice = await store.sipLists.map(await domainNow(), list.sid, 'registrations');
      expect((await domainNow()).mappings.filter(({ use }) => use === 'registrations')).toEqual([twice]);
      await store.sipLists.changePassword(made.sid, 'Another horse 2');
      await eventually(() => {
        expect(phones.user(domain.sid, 'pbx')?.password).toBe('Another horse 2');
      });
      const foreign = await store.sipLists.addCredentialList(other.account.sid, 'foreign');
      const invalid: [() => Promise<unknown>, RegExp][] = [
        [() => store.sipLists.addCredential(list, { username: 'pbx', password: 'long enough' }), /pbx exists already/],
        [() => store.sipLists.addCredential(list, { username: 'b', password: 'short' }), /at least 8/],
        [() => store.sipLists.addCredential(list, { username: 'b b', password: 'long enough' }), /as in a SIP URI/],
        [() => store.sipLists.map(domain, foreign.sid, 'calls'), /there is no list/],
        [() => store.sipLists.removeList('credentialList', account.sid, list.sid), /mapped to SIP domain lists/],
      ];
      for (const [attempt, message] of invalid) await expect(attempt()).rejects.toThrow(message);
      await store.sipLists.unmap(await domainNow(), list.sid, 'calls');
      await store.sipLists.unmap(await domainNow(), list.sid, 'registrations');
      await store.sipLists.removeList('credentialList', account.sid, list.sid);
      expect(await store.record('credential', made.sid)).toBeUndefined();
      await eventually(() => {
        expect(phones.caller(domain.sid, 'pbx')).toBeUndefined();
        expect(phones.access(domain.sid, '192.0.2.1')).toEqual({ address: undefined, credentials: undefined });
      });
    });

    it('CR-4 an address list lets in what it names, an empty one nobody', async () => {
      const { phones } = harness.directory;
      const { account } = await store.createAccount('Addresses');
      const domain = await store.phones.addDomain(account.sid, { domain: 'ips.example.com' });
      const list = await store.sipLists.addIpList(account.sid, 'carrier');
      await store.sipLists.map(domain, list.sid, 'calls');
      await eventually(() => {
        expect(phones.access(domain.sid, '192.0.2.1').address).toBe('refused');
      });
      const made = await store.sipLists.addAddress(list, { name: 'net', address: '192.0.2.0', prefix: 30 });
      await store.sipLists.addAddress(list, { name: 'six', address: '2001:db8::', prefix: 32 });
      await eventually(() => {
        for (const ip of ['192.0.2.3', '::ffff:192.0.2.1', '2001:db8::7'])
          expect(phones.access(domain.sid, ip).address, ip).toBe('allowed');
      });
      for (const ip of ['192.0.2.4', '2001:db9::1', 'x']) expect(phones.access(domain.sid, ip).address).toBe('refused');
      await store.sipLists.updateAddress(made, { prefix: 24 });
      await eventually(() => {
        expect(phones.access(domain.sid, '192.0.2.4').address).toBe('allowed');
      });
      await expect(store.sipLists.updateAddress(made, { prefix: 33 })).rejects.toThrow(/32 bits/);
      await expect(store.sipLists.addAddress(list, { name: 'x', address: 'host', prefix: 1 })).rejects.toThrow(
        /expected an IP address/,
      );
      await store.sipLists.removeEntry('ipAddress', made.sid);
      await eventually(() => {
        expect(phones.access(domain.sid, '192.0.2.3').address).toBe('refused');
      });
    });

    it('CR-4 a SIP domain with addresses of its own is its own application', async () => {
      const { account } = await store.createAccount('Domain voice');
      const voice = { voiceUrl: 'https://example.com/sip', voiceMethod: 'POST', voiceFallbackUrl: null } as const;
      const rest = { voiceFallbackMethod: 'POST', statusCallback: null, statusCallbackMethod: 'POST' } as const;
      const domain = await store.phones.addDomain(account.sid, {
        domain: 'voice.example.com',
        voice: { ...voice, ...rest },
      });
      const { directory } = harness;
      await eventually(() => {
        expect(directory.phones.domain('voice.example.com')?.applicationSid).toBe(domain.sid);
        expect(directory.application(domain.sid)?.voiceUrl).toBe(voice.voiceUrl);
      });
    });

    it('CR-4 a number of the operator is available until an account takes it, and again when it is given up', async () => {
      const { account } = await store.createAccount('Buyer');
      const local = { country: 'US', type: 'local', locality: 'Oakland', region: 'CA' } as const;
      const plain = { locality: null, region: null };
      await store.pool.add([
        { number: '+15105550101', ...local },
        { number: '+15105550102', ...local },
        { number: '+18005550101', country: 'US', type: 'toll-free', ...plain },
        { number: '+4930555', country: 'DE', type: 'mobile', ...plain },
      ]);
      await store.pool.add([{ number: '+4930555', country: 'DE', type: 'local', ...plain }]);
      const found = async (query: object): Promise<string[]> =>
        (await store.pool.available({ limit: 50, ...query })).map(({ number }) => number);
      expect(await store.pool.countries()).toEqual([
        { country: 'DE', types: ['local'] },
        { country: 'US', types: ['local', 'toll-free'] },
      ]);
      expect(await found({ country: 'US' })).toEqual(['+15105550101', '+15105550102', '+18005550101']);
      expect(await found({ country: 'US', limit: 1, after: '+15105550101' })).toEqual(['+15105550102']);
      expect(await found({ contains: '510***0102' })).toEqual(['+15105550102']);
      expect(await found({ startsWith: '+1800' })).toEqual(['+18005550101']);
      expect(await found({ locality: 'oakland', region: 'ca', type: 'local' })).toHaveLength(2);
      expect(await found({ locality: 'o%' })).toEqual([]);
      expect(await found({ contains: '%' })).toEqual([]);
      const taken = await store.addNumber(account.sid, { number: '+15105550101' });
      expect(await found({ type: 'local', country: 'US' })).toEqual(['+15105550102']);
      await store.removeNumber(taken.sid);
      expect(await found({ number: '+15105550101' })).toEqual(['+15105550101']);
      expect(await store.pool.remove('+15105550101')).toBe(true);
      expect(await store.pool.remove('+15105550101')).toBe(false);
    });

    it('CR-6 every version of a record is kept, the newest ones of many, none of one that is gone', async () => {
      const { account } = await store.createAccount('Versions');
      const made = await store.createApplication(account.sid, { name: 'v1', voiceUrl: 'https://example.com/1' });
      await store.updateApplication(made.sid, { name: 'v2' });
      const after = await store.updateApplication(made.sid, { voiceUrl: 'https://example.com/3' });
      const versions = await store.versions(made.sid);
      expect(versions.map(({ version, at }) => [version, at])).toEqual([
        [1, made.updatedAt],
        [2, versions[1]?.at],
        [3, after.updatedAt],
      ]);
      expect(versions.map(({ record }) => record.name)).toEqual(['v1', 'v2', 'v2']);
      expect(versions.map(({ record }) => record)).toEqual([made, versions[1]?.record, after]);
      await Promise.all(
        Array.from({ length: MAX_VERSIONS }, (_, n) => store.updateApplication(made.sid, { name: `n${n}` })),
      );
      const many = await store.versions(made.sid);
      expect(many.map(({ version }) => version)).toEqual(Array.from({ length: MAX_VERSIONS }, (_, n) => n + 4));
      await store.deleteApplication(made.sid);
      expect(await store.versions(made.sid)).toEqual([]);
    });
  });
}
